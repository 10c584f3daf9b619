#include <doctest/doctest.h>
#include <downhill/data/images.h>

#include <downhill/tensor/ops.h>
#include <cstdlib>
#include <optional>

#include "files.h"

using namespace downhill;

namespace {

/// Sets an environment variable (or unsets it) for a scope.
class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name)) before_ = old;
    set(value);
  }
  ~Environment() { set(before_ ? before_->c_str() : nullptr); }

 private:
  void set(const char* value) const {
    if (value) ::setenv(name_, value, 1);
    else ::unsetenv(name_);
  }
  const char* name_;
  std::optional<std::string> before_;
};

const char* const kSystem = "/usr/share/datasets/fashion-mnist";

std::string header(int dims, int n) {
  std::string s{0, 0, 8, static_cast<char>(dims), 0, 0, 0, static_cast<char>(n)};
  for (int d = 1; d < dims; ++d) s += std::string{0, 0, 0, 2};
  return s;
}

/// `images` images of 2 x 2 pixels 0, 51, 102, 255 and the labels given.
void write_set(const std::string& folder, const std::string& stem, int images,
               const std::string& labels) {
  std::filesystem::create_directories(folder);
  std::string x = header(3, images);
  for (int i = 0; i < images; ++i) x += std::string{0, 51, 102, static_cast<char>(255)};
  write_file(folder + "/" + stem + "-images-idx3-ubyte", x);
  write_file(folder + "/" + stem + "-labels-idx1-ubyte",
             header(1, static_cast<int>(labels.size())) + labels);
}

std::string refusal(const std::string& folder) {
  return message_of([&] { data::fashion_mnist({.root = folder}); });
}

}  // namespace

TEST_CASE("images become rows of floats in [0, 1], labels int64") {
  const TemporaryFolder folder;
  write_set(folder.path(), "train", 2, "\x03\x09");
  const auto d = data::fashion_mnist({.root = folder.path()});
  CHECK(d.data.sizes() == Shape{2, 4});
  CHECK(d.data.dtype() == kFloat32);
  CHECK(d.data.data_ptr<float>()[1] == 51 / 255.0f);
  CHECK(d.data.data_ptr<float>()[7] == 1);
  CHECK(d.target.data_ptr<std::int64_t>()[0] == 3);
  CHECK(d.target.data_ptr<std::int64_t>()[1] == 9);
}

TEST_CASE("train and test sets have their own files") {
  const TemporaryFolder folder;
  write_set(folder.path(), "train", 2, "\x01\x01");
  write_set(folder.path(), "t10k", 1, "\x02");
  CHECK(data::mnist({.train = true, .root = folder.path()}).size() == 2);
  CHECK(data::mnist({.train = false, .root = folder.path()}).size() == 1);
}

TEST_CASE("DOWNHILL_DATA names a folder of data sets, or of one") {
  const TemporaryFolder folder;
  const Environment environment("DOWNHILL_DATA", folder.path().c_str());
  write_set(folder.path(), "train", 1, "\x01");
  CHECK(data::fashion_mnist().size() == 1);
  write_set(folder / "fashion-mnist", "train", 2, "\x01\x01");
  write_set(folder / "mnist", "train", 3, "\x01\x01\x01");
  CHECK(data::fashion_mnist().size() == 2);
  CHECK(data::mnist().size() == 3);
}

TEST_CASE("a data set that is nowhere is an error that says where it was looked for") {
  const Environment environment("DOWNHILL_DATA", "/nowhere");
  const std::string message = message_of([] { data::mnist(); });
  CHECK(message.find(" in /nowhere/mnist, /nowhere (set DOWNHILL_DATA") != std::string::npos);
  const Environment unset("DOWNHILL_DATA", nullptr);
  CHECK(message_of([] { data::mnist(); }).find("in any known folder (") != std::string::npos);
}

TEST_CASE("images without matching labels are refused") {
  const TemporaryFolder folder;
  write_set(folder.path(), "train", 2, "\x01");
  CHECK(
      refusal(folder.path()).ends_with("does not hold the labels of 2 images (shape [1], uint8)"));
  write_set(folder.path(), "train", 2, "\x01\x0a");
  CHECK(refusal(folder.path()).ends_with("label 1 is 10, not below 10"));
  std::filesystem::remove(folder / "train-labels-idx1-ubyte");
  CHECK(refusal(folder.path()).starts_with("fashion_mnist: no file train-labels-idx1-ubyte or"));
  write_file(folder / "train-labels-idx1-ubyte", "");
  write_file(folder / "train-images-idx3-ubyte", header(1, 1) + "x");
  CHECK(refusal(folder.path()).find("is truncated") != std::string::npos);
}

TEST_CASE("Fashion-MNIST of Debian's package has its known contents" *
          doctest::skip(!std::filesystem::exists(kSystem))) {
  const Environment environment("DOWNHILL_DATA", nullptr);
  const auto train = data::fashion_mnist({.train = true});
  const auto test = data::fashion_mnist({.train = false});
  CHECK(train.data.sizes() == Shape{60000, 784});
  CHECK(test.data.sizes() == Shape{10000, 784});
  CHECK(train.data.mean().item() == doctest::Approx(0.2860).epsilon(1e-3));
  CHECK((train.data * train.data).mean().item() == doctest::Approx(0.2064).epsilon(1e-3));
  CHECK(train.target.data_ptr<std::int64_t>()[0] == 9);
  for (int label = 0; label < 10; ++label)
    CHECK((train.target == label).sum().item<std::int64_t>() == 6000);
}

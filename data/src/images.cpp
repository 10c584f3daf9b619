#include <downhill/data/images.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include <downhill/data/idx.h>
#include <downhill/tensor/check.h>
#include <downhill/tensor/factory.h>
#include <downhill/tensor/format.h>
#include <downhill/tensor/ops.h>
#include <downhill/tensor/parallel.h>

namespace downhill::data {
namespace {

namespace fs = std::filesystem;
constexpr std::int64_t kClasses = 10;

struct Source {
  const char* name;
  const char* folder;  // under DOWNHILL_DATA
  const char* system;  // where a package puts it
  const char* advice;
};
constexpr Source kFashion{"fashion_mnist", "fashion-mnist", "/usr/share/datasets/fashion-mnist",
                          "apt install dataset-fashion-mnist, or "};
constexpr Source kDigits{"mnist", "mnist", nullptr, ""};

std::vector<fs::path> places(const Source& source, const std::string& root) {
  if (!root.empty()) return {root};
  std::vector<fs::path> r;
  if (const char* folder = std::getenv("DOWNHILL_DATA"); folder && *folder) {
    r.push_back(fs::path(folder) / source.folder);
    r.push_back(folder);
  }
  if (source.system) r.push_back(source.system);
  return r;
}

std::string find(const fs::path& folder, const std::string& file) {
  std::error_code ignored;
  for (const char* ending : {"", ".gz"})
    if (auto path = (folder / file).string() + ending; fs::exists(path, ignored)) return path;
  return {};
}

[[noreturn]] void fail_missing(const Source& source, const std::string& file,
                               const std::vector<fs::path>& looked) {
  std::string list;
  for (const auto& p : looked) list += (list.empty() ? "" : ", ") + p.string();
  fail("{}: no file {} or {}.gz in {} ({}set DOWNHILL_DATA or the option root to its folder)",
       source.name, file, file, list.empty() ? "any known folder" : list, source.advice);
}

Tensor to_unit_floats(const Tensor& bytes) {
  const std::int64_t n = bytes.size(0), pixels = n > 0 ? bytes.numel() / n : 0;
  Tensor x = empty({n, pixels}, kFloat32);
  const auto* from = bytes.data_ptr<std::uint8_t>();
  auto* to = x.data_ptr<float>();
  downhill::detail::parallel_for(x.numel(), 1 << 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) to[i] = static_cast<float>(from[i]) / 255.0f;
  });
  return x;
}

void check_images(const Source& source, const std::string& path, const Tensor& x) {
  check(x.dtype() == kUInt8 && x.dim() == 3,
        "{}: '{}' holds no images (shape {}, {}; expected [N, height, width], uint8)", source.name,
        path, x.sizes(), name_of(x.dtype()));
}

void check_labels(const Source& source, const std::string& path, const Tensor& y, std::int64_t n) {
  check(y.dtype() == kUInt8 && y.dim() == 1 && y.size(0) == n,
        "{}: '{}' does not hold the labels of {} images (shape {}, {})", source.name, path, n,
        y.sizes(), name_of(y.dtype()));
  const auto* label = y.data_ptr<std::uint8_t>();
  for (std::int64_t i = 0; i < n; ++i)
    check(label[i] < kClasses, "{}: '{}': label {} is {}, not below {}", source.name, path, i,
          label[i], kClasses);
}

TensorDataset load(const Source& source, const ImageOptions& options) {
  const std::string stem = options.train ? "train" : "t10k";
  const std::string images = stem + "-images-idx3-ubyte", labels = stem + "-labels-idx1-ubyte";
  const auto looked = places(source, options.root);
  for (const auto& folder : looked) {
    const std::string data_path = find(folder, images), label_path = find(folder, labels);
    if (data_path.empty()) continue;
    if (label_path.empty()) fail_missing(source, labels, {folder});
    const Tensor x = idx(data_path), y = idx(label_path);
    check_images(source, data_path, x);
    check_labels(source, label_path, y, x.size(0));
    return {to_unit_floats(x), y.to(kInt64)};
  }
  fail_missing(source, images, looked);
}

}  // namespace

TensorDataset fashion_mnist(const ImageOptions& options) { return load(kFashion, options); }

TensorDataset mnist(const ImageOptions& options) { return load(kDigits, options); }

}  // namespace downhill::data

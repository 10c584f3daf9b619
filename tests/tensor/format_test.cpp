#include <doctest/doctest.h>
#include <fmt/core.h>

#include <downhill/tensor/factory.h>
#include <downhill/tensor/format.h>
#include <downhill/tensor/ops.h>
#include <cmath>
#include <map>
#include <sstream>

#include "data/files.h"

using namespace downhill;

namespace {

constexpr double inf = INFINITY;

/// What tests/data/record_printing.py wrote down, by name.
std::map<std::string, std::string> recorded() {
  std::ifstream in(DOWNHILL_TESTS_DIR "/data/printing.txt");
  std::map<std::string, std::string> texts;
  std::string line, name;
  while (std::getline(in, line)) {
    if (line.starts_with("== ")) name = line.substr(3);
    else texts[name] += (texts[name].empty() ? "" : "\n") + line;
  }
  return texts;
}

Tensor counting(const Shape& shape, double divisor = 1) {
  Tensor x = empty(shape);
  for (std::int64_t i = 0; i < x.numel(); ++i)
    x.data_ptr<float>()[i] = static_cast<float>(i) / static_cast<float>(divisor);
  return x;
}

std::map<std::string, Tensor> same_tensors() {
  return {
      {"matrix", tensor({{1.0, 2.0}, {3.0, 4.0}})},
      {"integers", tensor({{0, 1, 2}, {3, 4, 5}})},
      {"negative integers", tensor({{-1, 20}, {300, -4000}})},
      {"fractions", tensor({0.1, -2.5, 3.14159})},
      {"small and large", tensor({1e-5, 1.0, 1000.0})},
      {"small", tensor({5e-5, 1e-5})},
      {"integer values far apart", tensor({1.0, 2000.0})},
      {"large integer values", tensor({2e9, 3e9})},
      {"ratio of exactly 1000", tensor({1.0, 1000.0})},
      {"zeros", zeros({3})},
      {"nan and inf", tensor({std::nan(""), inf, 1.5, -inf})},
      {"zero dimensions", tensor(3.5)},
      {"zero dimensions, integer", tensor(7)},
      {"bools", tensor({true, false})},
      {"three dimensions", counting({2, 3, 4})},
      {"four dimensions", arange(16).reshape({2, 2, 2, 2})},
      {"wrapped row", counting({40}, 7)},
      {"wrapped rows", counting({2, 30}, 3)},
      {"summarised vector", arange(1001)},
      {"summarised matrix", counting({40, 50})},
      {"summarised, three dimensions", counting({2, 20, 30}, 8)},
      {"transposed", counting({2, 3}).t()},
      {"float64", tensor({1.5, 2.0}, kFloat64)},
      {"int32", tensor({1, 2}, kInt32)},
      {"uint8", tensor({{1}, {255}}, kUInt8)},
      {"empty", tensor({})},
      {"empty integers", zeros({0}, kInt64)},
      {"empty matrix", zeros({0, 3})},
      {"leaf", tensor({1.0, 2.0}, requires_grad())},
      {"result", tensor({1.0, 2.0}, requires_grad()) * 2},
      {"suffix on a line of its own", linspace(0.5, 8.5, 9, kFloat64)},
  };
}

struct WithPrintOptions {
  explicit WithPrintOptions(const PrintOptions& o) { set_print_options(o); }
  ~WithPrintOptions() { set_print_options({}); }
};

}  // namespace

TEST_CASE("tensors are printed as PyTorch prints them") {
  const auto texts = recorded();
  const auto tensors = same_tensors();
  CHECK(texts.size() == tensors.size());
  for (const auto& item : tensors) {
    const std::string& name = item.first;
    CAPTURE(name);
    REQUIRE(texts.contains(name));
    CHECK(to_string(item.second) == texts.at(name));
  }
}

TEST_CASE("nan, inf and negative zero keep the columns aligned") {
  CHECK(to_string(tensor({{1.0, std::nan("")}, {-inf, -0.0}})) ==
        "tensor([[  1.,  nan],\n        [-inf,  -0.]])");
}

TEST_CASE("an undefined tensor says so") { CHECK(to_string(Tensor()) == "tensor(undefined)"); }

TEST_CASE("fmt and streams print the same text") {
  const Tensor x = tensor({1.0, 2.5});
  std::ostringstream out;
  out << x << x.sizes();
  CHECK(fmt::format("{}", x) == "tensor([1.0000, 2.5000])");
  CHECK(out.str() == "tensor([1.0000, 2.5000])[2]");
  CHECK(fmt::format("{}", Shape{2, 3}) == "[2, 3]");
  CHECK(fmt::format("{}", Shape{}) == "[]");
}

TEST_CASE("a format spec applies to each element") {
  CHECK(fmt::format("{:.1f}", tensor({0.25, 10.0})) == "tensor([ 0.2, 10.0])");
  CHECK(fmt::format("{:+.2e}", tensor({1.5})) == "tensor([+1.50e+00])");
  CHECK(fmt::format("{:.2f}", tensor({1, 20})) == "tensor([ 1.00, 20.00])");
  CHECK(fmt::format("{:04}", tensor({7, -7})) == "tensor([0007, -007])");
}

TEST_CASE("a format spec that does not suit the dtype is an error") {
  CHECK(message_of([] {
          to_string(tensor({1.5}), "d");
        }).starts_with("format: \"{:d}\" does not suit float64 elements"));
  CHECK_THROWS_AS(to_string(tensor({1}), "q"), Error);
}

TEST_CASE("print options change precision, summary, width and notation") {
  {
    const WithPrintOptions guard({.precision = 2, .threshold = 4, .edge_items = 1});
    CHECK(to_string(linspace(0.5, 1, 5)) == "tensor([0.50,  ..., 1.00])");
  }
  {
    const WithPrintOptions guard({.line_width = 20});
    CHECK(to_string(tensor({1, 2, 3, 4, 5})) == "tensor([1, 2, 3, 4,\n        5])");
  }
  {
    const WithPrintOptions guard({.sci_mode = true});
    CHECK(to_string(tensor({1.0})) == "tensor([1.0000e+00])");
  }
  const WithPrintOptions guard({.sci_mode = false});
  CHECK(to_string(tensor({0.5, 1e-6})) == "tensor([0.5000, 0.0000])");
}

TEST_CASE("print options refuse negative values") {
  CHECK(message_of([] {
          set_print_options({.precision = -1});
        }).starts_with("set_print_options: negative values (precision -1"));
}

TEST_CASE("printing reads through strides and touches nothing") {
  Tensor x = arange(2000).reshape({2, 1000});
  const auto version = x.version();
  CHECK(to_string(x.select(0, 1).slice(0, 0, 6, 2)) == "tensor([1000, 1002, 1004])");
  CHECK(to_string(x.t()).starts_with("tensor([[   0, 1000],\n        [   1, 1001],"));
  CHECK(x.version() == version);
}

#include <doctest/doctest.h>

#include <downhill/tensor/factory.h>
#include <downhill/tensor/format.h>
#include <downhill/tensor/ops.h>
#include <algorithm>
#include <cmath>
#include <limits>

#include "data/files.h"

using namespace downhill;

namespace {

template <class T> std::vector<T> values(const Tensor& x) {
  const Tensor c = x.contiguous();
  return {c.data_ptr<T>(), c.data_ptr<T>() + c.numel()};
}
using Floats = std::vector<float>;
using Ints = std::vector<std::int64_t>;

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

}  // namespace

TEST_CASE("zeros, ones and full fill every element") {
  CHECK(values<float>(zeros({2, 2})) == Floats{0, 0, 0, 0});
  CHECK(values<std::int32_t>(ones({3}, kInt32)) == std::vector<std::int32_t>{1, 1, 1});
  CHECK(values<float>(full({2}, 1.5)) == Floats{1.5, 1.5});
  const Tensor large = zeros({1200, 1001});
  CHECK(std::ranges::all_of(values<float>(large), [](float v) { return v == 0; }));
}

TEST_CASE("new tensors have the default dtype, and full that of its number") {
  CHECK(empty({2}).dtype() == kFloat32);
  CHECK(full({2}, 3).dtype() == kInt64);
  CHECK(full({2}, true).dtype() == kBool);
  CHECK(full({2}, 3, kFloat64).dtype() == kFloat64);
  set_default_dtype(kFloat64);
  CHECK(zeros({2}).dtype() == kFloat64);
  CHECK(full({2}, 3.0).dtype() == kFloat64);
  set_default_dtype(kFloat32);
}

TEST_CASE("options ask for a gradient") {
  CHECK(zeros({2}, requires_grad()).requires_grad());
  CHECK(tensor({1.0}, TensorOptions(kFloat64).requires_grad()).is_leaf());
  CHECK_THROWS_AS(zeros({2}, TensorOptions(kInt64).requires_grad()), Error);
}

TEST_CASE("a zero-size dimension gives no elements") {
  CHECK(zeros({0, 3}).numel() == 0);
  CHECK(ones({3, 0}).sizes() == Shape{3, 0});
  CHECK(eye(0).numel() == 0);
}

TEST_CASE("negative and overflowing sizes are errors that name the function") {
  CHECK(message_of([] { zeros({2, -1}); }) == "zeros: negative size in [2, -1]");
  CHECK(message_of([] { empty({kMost, 2}); }).starts_with("empty: [9223372036854775807, 2] has"));
  CHECK(message_of([] { ones({kMost}, kFloat64); }).starts_with("ones: [9223372036854775807] has"));
  CHECK(message_of([] { full({-1}, 2); }) == "full: negative size in [-1]");
  CHECK(message_of([] { eye(-2); }) == "eye: negative size in [-2, -2]");
}

TEST_CASE("an integer dtype refuses a number it cannot hold") {
  CHECK(message_of([] { full({1}, 256, kUInt8); }) == "full: uint8 cannot hold 256");
  CHECK(message_of([] { full({1}, -1, kUInt8); }) == "full: uint8 cannot hold -1");
  CHECK(message_of([] { full({1}, std::nan(""), kInt64); }) == "full: int64 cannot hold nan");
  CHECK(message_of([] { tensor({3e9}, kInt32); }) == "tensor: int32 cannot hold 3000000000");
  CHECK(message_of([] { tensor(std::uint64_t(1) << 63); }).starts_with("tensor: int64 cannot"));
  CHECK(values<std::int64_t>(full({1}, kMost)) == Ints{kMost});
  CHECK(full({1}, 255.9, kUInt8).item() == 255);
}

TEST_CASE("the like functions keep shape, dtype and dense strides") {
  const Tensor x = zeros({2, 3}, kInt32).t();
  CHECK(ones_like(x).sizes() == Shape{3, 2});
  CHECK(ones_like(x).dtype() == kInt32);
  CHECK(empty_like(x).strides() == x.strides());
  CHECK(values<std::int32_t>(full_like(x, 7)) == std::vector<std::int32_t>(6, 7));
  CHECK(zeros_like(x, kFloat64).dtype() == kFloat64);
  CHECK_FALSE(zeros_like(zeros({2}, requires_grad())).requires_grad());
}

TEST_CASE("eye has ones on the diagonal only") {
  CHECK(values<float>(eye(2)) == Floats{1, 0, 0, 1});
  CHECK(values<std::int64_t>(eye(2, 3, kInt64)) == Ints{1, 0, 0, 0, 1, 0});
  CHECK(values<float>(eye(3, 2)) == Floats{1, 0, 0, 1, 0, 0});
}

TEST_CASE("arange counts up to but without the end") {
  CHECK(values<std::int64_t>(arange(3)) == Ints{0, 1, 2});
  CHECK(values<std::int64_t>(arange(2, 9, 3)) == Ints{2, 5, 8});
  CHECK(values<std::int64_t>(arange(2, 8, 3)) == Ints{2, 5});
  CHECK(values<std::int64_t>(arange(3, 0, -2)) == Ints{3, 1});
  CHECK(values<float>(arange(1, 2.5, 0.5)) == Floats{1, 1.5, 2});
  CHECK(arange(0, 1, 0.1).numel() == 10);
  CHECK(arange(5, 5).numel() == 0);
  CHECK(arange(0, 3, kFloat64).dtype() == kFloat64);
}

TEST_CASE("arange is exact at the ends of int64") {
  CHECK(values<std::int64_t>(arange(kMost - 2, kMost)) == Ints{kMost - 2, kMost - 1});
  const Tensor wide = arange(-kMost - 1, kMost, kMost);
  CHECK(values<std::int64_t>(wide) == Ints{-kMost - 1, -1, kMost - 1});
}

TEST_CASE("arange does not add up rounding errors") {
  const Tensor x = arange(0, 1000, 0.1, kFloat64);
  CHECK(x.numel() == 10000);
  CHECK(x.data_ptr<double>()[9999] == 0.1 * 9999);
}

TEST_CASE("arange refuses steps that do not lead to the end") {
  CHECK(message_of([] { arange(0, 3, 0); }) == "arange: the step must not be zero (from 0 to 3)");
  CHECK(message_of([] { arange(0, 3, -1); }) ==
        "arange: a step of -1 leads away from the end (0 to 3)");
  CHECK(message_of([] { arange(-1); }) == "arange: a step of 1 leads away from the end (0 to -1)");
  CHECK(message_of([] { arange(0, INFINITY); }).starts_with("arange: start, end and step must be"));
  CHECK(message_of([] { arange(0, 1, 1e-300); }).find("too many elements") != std::string::npos);
  CHECK(message_of([] { arange(0, 300, kUInt8); }) == "arange: uint8 cannot hold 299");
}

TEST_CASE("sizes whose product overflows are refused, also beside a 0") {
  const std::int64_t big = std::int64_t(1) << 40;
  CHECK(message_of([&] {
          zeros({big, big});
        }) == "zeros: [1099511627776, 1099511627776] has too many elements");
  CHECK(message_of([&] {
          zeros({big, 0, big});
        }) == "zeros: [1099511627776, 0, 1099511627776] has too many elements");
  CHECK(zeros({big, 0, 3}).sizes() == Shape{big, 0, 3});
}

TEST_CASE("linspace includes both ends exactly") {
  CHECK(values<float>(linspace(0, 1, 5)) == Floats{0, 0.25, 0.5, 0.75, 1});
  CHECK(values<float>(linspace(3, 7, 1)) == Floats{3});
  CHECK(linspace(3, 7, 0).numel() == 0);
  const auto x = values<double>(linspace(0.1, 0.7, 100, kFloat64));
  CHECK(x.front() == 0.1);
  CHECK(x.back() == 0.7);
  CHECK_THROWS_WITH(linspace(0, 1, -1), "linspace: the number of steps must not be negative (-1)");
}

TEST_CASE("logspace raises its base to a linspace") {
  CHECK(values<float>(logspace(0, 2, 3)) == Floats{1, 10, 100});
  CHECK(values<float>(logspace(-1, 1, 3, 2)) == Floats{0.5, 1, 2});
}

TEST_CASE("tensor takes nested lists") {
  const Tensor x = tensor({{1.0, 2.0}, {3.0, 4.0}, {5.0, 6.0}});
  CHECK(x.sizes() == Shape{3, 2});
  CHECK(values<float>(x) == Floats{1, 2, 3, 4, 5, 6});
  CHECK(tensor({{{1}}}).sizes() == Shape{1, 1, 1});
  CHECK(tensor({1.5}).sizes() == Shape{1});
  CHECK(tensor(1.5).sizes() == Shape{});
  CHECK(tensor({}).sizes() == Shape{0});
  CHECK(tensor({{}, {}}).sizes() == Shape{2, 0});
}

TEST_CASE("tensor takes its dtype from the highest kind of number") {
  CHECK(tensor({1, 2}).dtype() == kInt64);
  CHECK(tensor({1, 2.5}).dtype() == kFloat32);
  CHECK(tensor({true, false}).dtype() == kBool);
  CHECK(tensor({true, 2}).dtype() == kInt64);
  CHECK(tensor({}).dtype() == kFloat32);
  CHECK(tensor({1, 2}, kFloat64).dtype() == kFloat64);
  CHECK(tensor(3).dtype() == kInt64);
}

TEST_CASE("tensor refuses ragged lists and names the place") {
  CHECK(message_of([] {
          tensor({{1, 2}, {3}});
        }) == "tensor: ragged list: expected a list of 2 at the list[1], got a list of 1");
  CHECK(message_of([] {
          tensor({{1, 2}, 3});
        }) == "tensor: ragged list: expected a list of 2 at the list[1], got a number");
  CHECK(message_of([] {
          tensor({1, {2}});
        }) == "tensor: ragged list: expected a number at the list[1], got a list of 1");
  CHECK(message_of([] {
          tensor({{{1}, {2}}, {{3}, {4, 5}}});
        }) == "tensor: ragged list: expected a list of 1 at the list[1][1], got a list of 2");
}

TEST_CASE("tensor takes vectors") {
  CHECK(values<float>(tensor(std::vector<double>{0.5, 2})) == Floats{0.5, 2});
  CHECK(values<std::int64_t>(tensor(std::vector<int>{-1, 2})) == Ints{-1, 2});
  CHECK(tensor(std::vector<bool>{true, false}).dtype() == kBool);
  CHECK(tensor(std::vector<bool>{false, true}).data_ptr<bool>()[1]);
  CHECK(tensor(std::vector<float>{1}, kFloat64).dtype() == kFloat64);
}

TEST_CASE("from_blob shows memory of somebody else's") {
  float memory[] = {1, 2, 3, 4, 5, 6};
  const Tensor x = from_blob(memory, {2, 3});
  memory[5] = 7;
  CHECK(x.data_ptr<float>()[5] == 7);
  CHECK(x.is_contiguous());
  CHECK(x.strides() == Shape{3, 1});
  CHECK_THROWS_WITH(from_blob(nullptr, {2}), "from_blob: null memory for a tensor of shape [2]");
}

TEST_CASE("a small tensor of zeros costs no malloc once the pool is warm") {
#ifndef DOWNHILL_PLAIN
  zeros({10});
  const std::int64_t before = memory_stats().mallocs;
  for (int i = 0; i < 100; ++i) zeros({10});
  CHECK(memory_stats().mallocs == before);
#endif
}

TEST_CASE("as a bool every number but 0 is true") {
  const Tensor expected = tensor({false, true, true, true});
  const Tensor x = tensor({0.0, 0.5, -2.0, std::nan("")});
  CHECK(to_string(x.to(kBool)) == to_string(expected));
  CHECK(to_string(x.to(kFloat64).slice(0, 0, 4, 1).to(kBool)) == to_string(expected));
  CHECK(to_string(zeros({4}, kBool).copy_(x)) == to_string(expected));
  CHECK(zeros({}, kBool).fill_(0.5).item<bool>());
  CHECK(full({1}, 0.5, kBool).item<bool>());
  CHECK(tensor({256, 0}).to(kBool).select(0, 0).item<bool>());
}

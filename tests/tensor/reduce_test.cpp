#include <doctest/doctest.h>
#include <downhill/tensor/error.h>
#include <downhill/tensor/factory.h>
#include <downhill/tensor/graph.h>
#include <downhill/tensor/isa.h>
#include <downhill/tensor/ops.h>
#include <downhill/tensor/parallel.h>

#include <cmath>
#include <cstring>

using namespace downhill;

namespace {

const float nan_value = std::nanf("");

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.sizes() == b.sizes() &&
         std::memcmp(a.data_ptr(), b.data_ptr(), static_cast<std::size_t>(a.numel()) * 4) == 0;
}

// Small integers, so that every order of summing gives the same.
Tensor counting(const Shape& size, DType dtype = kFloat32) {
  Tensor x = empty(size, kInt64);
  for (std::int64_t i = 0; i < x.numel(); ++i) x.data_ptr<std::int64_t>()[i] = i * 37 % 19 - 7;
  return x.to(dtype);
}

// Values whose sum depends on the order.
Tensor uneven(const Shape& size) {
  Tensor x = empty(size);
  for (std::int64_t i = 0; i < x.numel(); ++i)
    x.data_ptr<float>()[i] = std::sin(static_cast<float>(i % 9973)) * 3 + 1;
  return x;
}

// The sum of a [a, b, c] tensor over dimension `dim`, one element at a time.
Tensor plain_sum(const Tensor& x, int dim) {
  Shape size = x.sizes();
  size.erase(dim);
  Tensor out = zeros(size);
  const auto from = x.accessor<float, 3>();
  const auto to = out.accessor<float, 2>();
  for (std::int64_t i = 0; i < x.size(0); ++i)
    for (std::int64_t j = 0; j < x.size(1); ++j)
      for (std::int64_t k = 0; k < x.size(2); ++k)
        to[dim == 0 ? j : i][dim == 2 ? j : k] += from[i][j][k];
  return out;
}

bool equal(const Tensor& a, const Tensor& b) {
  return a.sizes() == b.sizes() && (a == b).sum().item<std::int64_t>() == a.numel();
}

template <class F> Tensor gradient(F f, Tensor x) {
  x.requires_grad_();
  f(x).backward();
  return x.grad();
}

template <class F> void check_same_for_any_threads(F f) {
  const int before = get_num_threads();
  set_num_threads(1);
  const Tensor one = f();
  for (int threads : {2, 4}) {
    set_num_threads(threads);
    CHECK(same_bits(one, f()));
  }
  set_num_threads(before);
}

}  // namespace

TEST_CASE("sum agrees with a plain loop over each dimension, whatever the layout") {
  for (const Shape& size : {Shape{5, 7, 9}, {3, 70, 130}, {300, 2, 3}, {2, 1, 600}, {1, 20, 1}})
    for (const Shape& order : {Shape{0, 1, 2}, {2, 1, 0}, {1, 2, 0}, {0, 2, 1}})
      for (int dim = 0; dim < 3; ++dim) {
        CAPTURE(dim);
        const Tensor x = counting(size).permute(order);
        CHECK(equal(sum(x, {dim}), plain_sum(x, dim)));
        CHECK(equal(sum(x, {dim, (dim + 1) % 3}), sum(plain_sum(x, dim), {dim == 2 ? 0 : dim})));
        CHECK(equal(sum(x, {dim}, true), plain_sum(x, dim).unsqueeze(dim)));
      }
}

TEST_CASE("sum of slices and of expanded tensors") {
  const Tensor x = counting({6, 8, 10});
  const Tensor part = x.slice(0, 1, 6, 2).slice(2, 0, 10, 3);
  for (int dim = 0; dim < 3; ++dim) CHECK(equal(sum(part, {dim}), plain_sum(part, dim)));
  const Tensor row = counting({1, 4, 1}).expand({3, 4, 5});
  for (int dim = 0; dim < 3; ++dim) CHECK(equal(sum(row, {dim}), plain_sum(row, dim)));
  CHECK(sum(row).item() == 15 * sum(counting({4})).item());
}

TEST_CASE("long reductions over rows and columns are cut into parts and lose nothing") {
  CHECK(sum(ones({700001})).item() == 700001);
  CHECK(equal(sum(ones({9001, 3}), {0}), full({3}, 9001.0)));
  CHECK(equal(sum(ones({3, 600001}), {1}), full({3}, 600001.0)));
  CHECK(equal(sum(ones({5000, 2, 130}), {0, 2}), full({2}, 650000.0)));
  CHECK(equal(amax(counting({5000, 3}), {0}), full({3}, 11.0)));
  CHECK(equal(sum(ones({130, 1100}), {0}), full({1100}, 130.0)));
}

TEST_CASE("sum of ten million floats with an offset is accurate") {
  Tensor x = empty({10000000});
  double expected = 0;
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    x.data_ptr<float>()[i] = 1000 + static_cast<float>(i % 1013) / 1013;
    expected += x.data_ptr<float>()[i];
  }
  CHECK(std::abs(sum(x).item() / expected - 1) < 2e-7);
  CHECK(std::abs(mean(x).item() / expected * 1e7 - 1) < 2e-7);
  const Tensor columns = sum(x.view({1000000, 10}), {0});
  CHECK(std::abs(sum(columns.to(kFloat64)).item() / expected - 1) < 1e-7);
}

TEST_CASE("sums have the same bits for any number of threads") {
  const Tensor flat = uneven({3000001});
  check_same_for_any_threads([&] { return sum(flat); });
  const Tensor tall = uneven({300000, 10}), wide = uneven({10, 300000});
  const Tensor square = uneven({1500, 2000});
  check_same_for_any_threads([&] { return sum(tall, {0}); });
  check_same_for_any_threads([&] { return sum(tall, {1}); });
  check_same_for_any_threads([&] { return sum(wide, {0}); });
  check_same_for_any_threads([&] { return sum(wide, {1}); });
  check_same_for_any_threads([&] { return sum(square, {0}); });
  check_same_for_any_threads([&] { return sum(square.t(), {0}); });
}

TEST_CASE("a row's sum has the same bits alone and among others") {
  for (std::int64_t n : {7, 15, 16, 17, 100}) {
    const Tensor x = uneven({80, n});
    const Tensor all = sum(x, {1});
    for (std::int64_t r : {0, 63, 79}) CHECK(same_bits(all[r], sum(x[r])));
  }
}

TEST_CASE("every instruction set gives the same sum") {
  const Isa best = isa();
  const Tensor x = uneven({70, 333});
  const Tensor rows = sum(x, {1}), columns = sum(x, {0});
  for (Isa level : {Isa::baseline, Isa::v3}) {
    set_max_isa(level);
    CHECK(same_bits(sum(x, {1}), rows));
    CHECK(same_bits(sum(x, {0}), columns));
  }
  set_max_isa(best);
}

TEST_CASE("sums of ones count them: every length, dtype and instruction set") {
  const Isa best = isa();
  for (Isa level : {Isa::baseline, Isa::v3, Isa::v4})
    for (DType t : {kBool, kUInt8, kInt32, kInt64, kFloat32, kFloat64})
      for (std::int64_t n = 1; n < 150; n += n < 70 ? 1 : 7) {
        set_max_isa(level);
        CAPTURE(n);
        CHECK(sum(ones({n}, t)).item<std::int64_t>() == n);
        CHECK(equal(sum(ones({20, n}, t), {1}).to(kInt64), full({20}, n)));
        CHECK(equal(sum(ones({n, 5}, t), {0}).to(kInt64), full({5}, n)));
        set_max_isa(best);
      }
}

TEST_CASE("sums of integers and bools are int64, means of them an error") {
  for (DType t : {kBool, kUInt8, kInt32, kInt64}) {
    const Tensor x = ones({300, 3}).to(t);
    CHECK(sum(x).dtype() == kInt64);
    CHECK(sum(x).item<std::int64_t>() == 900);
    CHECK(equal(sum(x.t(), {1}), full({3}, 300)));
  }
  CHECK(sum(full({2}, std::int64_t(1) << 60)).item<std::int64_t>() == std::int64_t(1) << 61);
}

TEST_CASE("reducing nothing: sum 0, mean NaN, extremes an error") {
  CHECK(sum(empty({0})).item() == 0);
  CHECK(equal(sum(empty({3, 0}), {1}), zeros({3})));
  CHECK(sum(empty({3, 0}), {0}).sizes() == Shape{0});
  CHECK(std::isnan(mean(empty({0})).item()));
  const char* message = "amax: cannot reduce the empty dimension 1 of [3, 0]";
  CHECK_THROWS_WITH_AS(amax(empty({3, 0}), {1}), message, Error);
  CHECK(amax(empty({3, 0}), {0}).sizes() == Shape{0});
}

TEST_CASE("NaN wins in amax, amin, max and argmax") {
  for (std::int64_t n : {5, 20, 100}) {
    Tensor x = counting({n, n});
    x.data_ptr<float>()[3 * n + 2] = nan_value;
    CHECK(std::isnan(amax(x).item()));
    CHECK(std::isnan(amin(x).item()));
    CHECK(std::isnan(amax(x, {1})[3].item()));
    CHECK(std::isnan(amin(x, {0})[2].item()));
    const Tensor columns = amax(x, {0});
    CHECK(sum(columns != columns).item<int>() == 1);
    CHECK(argmax(x).item<std::int64_t>() == 3 * n + 2);
    CHECK(max(x, 1).indices[3].item<int>() == 2);
  }
}

TEST_CASE("extremes keep the dtype and find infinities") {
  const Tensor x = counting({9, 30}, kInt32);
  CHECK(amax(x).dtype() == kInt32);
  CHECK(amax(x).item<int>() == 11);
  CHECK(min(x).item<int>() == -7);
  CHECK(amax(x > 5, {1}).dtype() == kBool);
  CHECK(std::isinf(amax(full({40}, -INFINITY)).item()));
}

TEST_CASE("max along a dimension gives the first place of several") {
  const Tensor x = tensor({{1., 5., 5.}, {7., 7., 2.}});
  const auto rows = max(x, 1), columns = min(x, 0, true);
  CHECK(equal(rows.values, tensor({5., 7.})));
  CHECK(equal(rows.indices, tensor({1, 0})));
  CHECK(equal(columns.indices, tensor({{0, 0, 1}})));
  CHECK(argmax(x.t()).item<int>() == 1);
  const Tensor late = cat({zeros({200}), ones({5})});
  CHECK(argmax(late).item<int>() == 200);
}

TEST_CASE("ties share the gradient of amax; max along a dimension gives it to the first") {
  const Tensor x = tensor({{1., 3., 3.}, {2., 0., 1.}});
  const Tensor shared = gradient([](const Tensor& t) { return amax(t, {1}).sum(); }, x.clone());
  CHECK(equal(shared, tensor({{0., .5, .5}, {1., 0., 0.}})));
  const Tensor first = gradient([](const Tensor& t) { return max(t, 1).values.sum(); }, x.clone());
  CHECK(equal(first, tensor({{0., 1., 0.}, {1., 0., 0.}})));
  const Tensor whole = gradient([](const Tensor& t) { return max(t); }, x.clone());
  CHECK(equal(whole, tensor({{0., .5, .5}, {0., 0., 0.}})));
}

TEST_CASE("the gradient of amax goes to NaN where that won") {
  const Tensor x = tensor({1., static_cast<double>(nan_value), 3.});
  CHECK(equal(gradient([](const Tensor& t) { return amax(t); }, x), tensor({0., 1., 0.})));
}

TEST_CASE("aminmax is one op whose outputs may be used alone") {
  const Tensor x = tensor({4., 1., 3.});
  const Tensor both = gradient(
      [](const Tensor& t) {
        const auto r = aminmax(t);
        CHECK(r.min.grad_fn() == r.max.grad_fn());
        return r.max * 2 - r.min;
      },
      x.clone());
  CHECK(equal(both, tensor({2., -1., 0.})));
  const Tensor one = gradient([](const Tensor& t) { return aminmax(t).min; }, x.clone());
  CHECK(equal(one, tensor({0., 1., 0.})));
}

TEST_CASE("gradients of sum and mean are spread over what was reduced") {
  const Tensor weights = tensor({{2.}, {3.}});
  const auto f = [&](const Tensor& t) { return (mean(t, {1}, true) * weights).sum(); };
  CHECK(equal(gradient(f, ones({2, 4})), tensor({{2.}, {3.}}).expand({2, 4}) / 4));
  const auto g = [](const Tensor& t) { return (sum(t, {0}) * tensor({1., 2.})).sum(); };
  CHECK(equal(gradient(g, ones({3, 2})), tensor({1., 2.}).expand({3, 2})));
}

TEST_CASE("sum_to undoes broadcasting and returns what needs no undoing") {
  const Tensor x = counting({2, 3, 4});
  CHECK(sum_to(x, {2, 3, 4}).is_same(x));
  CHECK(equal(sum_to(x, {4}), sum(x, {0, 1})));
  CHECK(equal(sum_to(x, {3, 1}), sum(sum(x, {0}), {1}, true)));
  CHECK(sum_to(x, {}).item() == sum(x).item());
  CHECK_THROWS_WITH_AS(sum_to(x, {2}), "sum_to: [2] does not broadcast to [2, 3, 4]", Error);
}

TEST_CASE("reductions of constants record nothing, and argmax never does") {
  CHECK_FALSE(sum(ones({3})).requires_grad());
  const Tensor x = ones({3}, requires_grad());
  CHECK_FALSE(argmax(x).requires_grad());
  CHECK_FALSE(max(x, 0).indices.requires_grad());
  CHECK(max(x, 0).values.requires_grad());
}

#ifndef DOWNHILL_PLAIN  // sanitizer builds have no pools
TEST_CASE("reductions ask for no memory in the steady state") {
  const Tensor x = counting({64, 128}).requires_grad_();
  const auto step = [&] {
    mean(sum(x, {0})).backward();
    x.mutable_grad() = Tensor();
    amax(x, {1});
    argmax(x, 1);
  };
  for (int i = 0; i < 3; ++i) step();
  const auto before = memory_stats().mallocs;
  step();
  CHECK(memory_stats().mallocs == before);
}
#endif

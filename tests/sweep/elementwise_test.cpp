// elementwise(): formulas of the user's own, fused forward and backward, to any order.
#include <doctest/doctest.h>

#include <cmath>

#include <downhill/autograd.h>
#include <downhill/tensor.h>

#include "checks.h"

using namespace downhill;
using autograd::gradcheck;
using autograd::gradgradcheck;

namespace {

Tensor leaf(const Shape& size, std::uint64_t seed) {
  Tensor x = detail::sample_tensor(size, seed);
  return x.requires_grad_();
}

// Values and gradients of the lambda equal those of the same formula made of ops; all derivatives
// up to the third are right.
template <class F, class... T> void check_formula(F f, const T&... x) {
  const std::vector<Tensor> in{x...};
  const Sample fused{"fused", in, [f](const std::vector<Tensor>& t) {
                       return [&]<std::size_t... I>(std::index_sequence<I...>) {
                         return std::vector<Tensor>{elementwise(f, t[I]...)};
                       }
                       (std::index_sequence_for<T...>{});
                     }};
  CHECK(gradcheck(fused.fn, in, {.raise_exception = false}).ok());
  CHECK(gradgradcheck(fused.fn, in, {.raise_exception = false}).ok());
  CHECK(gradcheck(fused.fn, in, {.raise_exception = false, .order = 3}).ok());
  sweep::check_readings(fused);
  sweep::check_strides(fused);
  sweep::check_float32(fused);
  sweep::check_saved_memory(fused);
  sweep::check_saved_versions(fused);
  sweep::check_steady_state(fused);
}

}  // namespace

TEST_CASE("a formula of one tensor") {
  check_formula([](auto x) { return tanh(x) * x + exp(-x * x); }, leaf({2, 3}, 1));
  check_formula([](auto x) { return x; }, leaf({3}, 1));
  check_formula([](auto x) { return 3 / (2 + x * x) - 1; }, leaf({4}, 2));
  check_formula([](auto x) { return sigmoid(x) * log(1 + exp(x)); }, leaf({}, 3));
}

TEST_CASE("formulas of two, three and four tensors that broadcast") {
  check_formula([](auto x, auto w) { return tanh(x) * w + exp(-x * x); }, leaf({2, 3}, 1),
                leaf({3}, 2));
  check_formula([](auto a, auto b) { return a / (3 + b) - b * b; }, leaf({2, 1}, 1),
                leaf({1, 3}, 2));
  check_formula([](auto a, auto b, auto c) { return a * b + tanh(c * a); }, leaf({2, 2}, 1),
                leaf({}, 2), leaf({2}, 3));
  check_formula([](auto a, auto b, auto c, auto d) { return a * b * c - exp(d) * a; }, leaf({2}, 1),
                leaf({2}, 2), leaf({2, 2}, 3), leaf({2, 1}, 4));
}

TEST_CASE("a formula may capture numbers") {
  const double lambda = 0.3;
  const int n = 2;
  check_formula([lambda, n](auto w) { return lambda * w * w + n * exp(lambda * w); }, leaf({3}, 1));
}

TEST_CASE("a formula may choose, clamp, take powers and loop") {
  check_formula([](auto x) { return where(x > 0, x * x, exp(x) - 1); }, leaf({5}, 1));
  check_formula([](auto x) { return clamp(x, -0.7, 0.9) * x; }, leaf({5}, 2));
  check_formula([](auto x) { return pow(x, 3) + pow(2 + x * x, 0.5) + pow(x, 0); }, leaf({4}, 3));
  check_formula([](auto x, auto y) { return pow(3 + x, y) + maximum(x, y) * minimum(x, 0.1); },
                leaf({3}, 1), leaf({3}, 2));
  check_formula([](auto x) { return square(x) * abs(x) + sqrt(3 + x) + relu(x) * x; },
                leaf({4}, 4));
  check_formula(
      [](auto x) {
        auto r = x * 0 + 1;
        for (int i = 0; i < 4; ++i) r = r * x + 0.5;
        return r;
      },
      leaf({3}, 5));
}

TEST_CASE("a formula gives the values of the same ops") {
  const Tensor x = leaf({7, 5}, 1), w = leaf({5}, 2);
  const Tensor y = elementwise([](auto a, auto b) { return tanh(a) * b + exp(-a * a); }, x, w);
  const Tensor z = tanh(x) * w + exp(-x * x);
  CHECK(sweep::distance({y}, {z}) < 1e-14);
  const Tensor v = detail::sample_tensor({7, 5}, 9);
  CHECK(sweep::distance(autograd::grad({y}, {x, w}, {v}), autograd::grad({z}, {x, w}, {v})) <
        1e-13);
}

TEST_CASE("integers become floating point and a formula of constants records nothing") {
  const Tensor y = elementwise([](auto x) { return x / 2; }, tensor({1, 2}));
  CHECK(y.dtype() == kFloat32);
  CHECK(y[0].item() == 0.5);
  CHECK(!y.requires_grad());
}

TEST_CASE("a constant input of a formula costs no gradient") {
  const Tensor x = leaf({3}, 1), c = detail::sample_tensor({3}, 2);
  const auto f = [](auto a, auto b) { return exp(a) * b; };
  elementwise(f, x, c).sum().backward();
  CHECK(sweep::distance({x.grad()}, {exp(x) * c}) < 1e-14);
  CHECK(!c.grad().defined());
}

TEST_CASE("a zero tangent never meets an infinity") {
  const Tensor x = tensor(0.0, dtype(kFloat64).requires_grad());
  elementwise([](auto a) { return where(a > 0, sqrt(a), a * 2); }, x).backward();
  CHECK(x.grad().item() == 2);
}

TEST_CASE("shapes that do not broadcast are an error of elementwise") {
  const auto f = [](auto a, auto b) { return a * b; };
  CHECK_THROWS_WITH_AS(elementwise(f, zeros({2}), zeros({3})),
                       doctest::Contains("elementwise: shapes [2] and [3]"), Error);
  CHECK_THROWS_WITH_AS(elementwise(f, zeros({2}), Tensor()), doctest::Contains("undefined"), Error);
}

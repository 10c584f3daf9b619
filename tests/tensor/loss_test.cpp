#include <doctest/doctest.h>
#include <downhill/autograd/backward.h>
#include <downhill/tensor/error.h>
#include <downhill/tensor/factory.h>
#include <downhill/tensor/graph.h>
#include <downhill/tensor/isa.h>
#include <downhill/tensor/ops.h>

#include <cmath>

using namespace downhill;

namespace {

const double inf = INFINITY;
constexpr Reduction reductions[] = {Reduction::none, Reduction::mean, Reduction::sum};

Tensor scores(const Shape& size, DType dtype = kFloat64) {
  Tensor x = empty(size, kFloat64);
  for (std::int64_t i = 0; i < x.numel(); ++i)
    x.data_ptr<double>()[i] = 3 * std::sin(static_cast<double>(i) * 1.7);
  return x.to(dtype);
}
Tensor classes(std::int64_t rows, std::int64_t n) {
  Tensor t = empty({rows}, kInt64);
  for (std::int64_t i = 0; i < rows; ++i) t.data_ptr<std::int64_t>()[i] = (i * 7 + 3) % n;
  return t;
}

double largest_difference(const Tensor& a, const Tensor& b) {
  REQUIRE(a.sizes() == b.sizes());
  return a.numel() == 0 ? 0 : amax(abs(a.to(kFloat64) - b.to(kFloat64))).item();
}

// The definition, one row at a time in double.
double plain_logsumexp(const double* x, std::int64_t n) {
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += std::exp(x[i]);
  return std::log(sum);
}
Tensor plain_cross_entropy(const Tensor& x, const Tensor& target) {
  Tensor out = empty({x.size(0)}, kFloat64);
  for (std::int64_t r = 0; r < x.size(0); ++r) {
    const double* row = x.data_ptr<double>() + r * x.size(1);
    out.data_ptr<double>()[r] = plain_logsumexp(row, x.size(1)) - row[target[r].item<int>()];
  }
  return out;
}
Tensor plain_hinge(const Tensor& x, const Tensor& target, double margin) {
  Tensor out = zeros({x.size(0)}, kFloat64);
  const auto s = x.accessor<double, 2>();
  for (std::int64_t r = 0; r < x.size(0); ++r) {
    const std::int64_t y = target[r].item<std::int64_t>();
    for (std::int64_t j = 0; j < x.size(1); ++j)
      if (j != y) out.data_ptr<double>()[r] += std::max(0., s[r][j] - s[r][y] + margin);
  }
  return out;
}

// The gradient of f weighted with fixed values: by the fused rule, or by the recorded one.
template <class F> Tensor gradient(F f, const Tensor& at, bool create_graph = false) {
  Tensor x = at.clone().requires_grad_();
  const Tensor y = f(x);
  Tensor g =
      create_graph ? scores(y.sizes(), y.dtype()).requires_grad_() : scores(y.sizes(), y.dtype());
  return autograd::grad({y}, {x}, {g}, {}, create_graph)[0].detach();
}
template <class F> void check_readings_agree(F f, const Tensor& x) {
  CHECK(largest_difference(gradient(f, x), gradient(f, x, true)) < 1e-12);
}
template <class F> Tensor numeric_gradient(F f, const Tensor& at) {
  const double step = 1e-5;
  Tensor out = zeros(at.sizes(), kFloat64);
  for (std::int64_t i = 0; i < at.numel(); ++i) {
    Tensor up = at.clone(), down = at.clone();
    up.data_ptr<double>()[i] += step, down.data_ptr<double>()[i] -= step;
    const Tensor change = f(up) - f(down);
    out.data_ptr<double>()[i] = sum(change * scores(change.sizes())).item() / (2 * step);
  }
  return out;
}
template <class F> void check_gradient(F f, const Tensor& x) {
  CHECK(largest_difference(gradient(f, x), numeric_gradient(f, x)) < 1e-7);
  check_readings_agree(f, x);
}

const Shape shapes[] = {{1, 4}, {5, 3}, {70, 10}, {3, 97}, {2, 200}, {3, 5000}};

}  // namespace

TEST_CASE("logsumexp, softmax and log_softmax agree with their definitions") {
  for (const Shape& size : shapes)
    for (DType t : {kFloat32, kFloat64}) {
      const Tensor x = scores(size, t), wide = x.to(kFloat64);
      const double tolerance = t == kFloat32 ? 2e-6 : 1e-13;
      const Tensor direct = log(sum(exp(wide), {1}, true));
      CHECK(largest_difference(logsumexp(x, {1}, true), direct) < 2 * tolerance);
      CHECK(largest_difference(log_softmax(x, 1), wide - direct) < 2 * tolerance);
      CHECK(largest_difference(softmax(x, 1), exp(wide - direct)) < tolerance);
    }
}

TEST_CASE("softmax over any dimension, of any layout") {
  const Tensor x = scores({3, 4, 5});
  for (int dim = 0; dim < 3; ++dim) {
    const Tensor e = exp(x), expected = e / sum(e, {dim}, true);
    CHECK(largest_difference(softmax(x, dim), expected) < 1e-14);
    const Tensor turned = softmax(x.transpose(0, 2), 2 - dim).transpose(0, 2);
    CHECK(largest_difference(turned, expected) < 1e-14);
    CHECK(largest_difference(log_softmax(x, dim - 3), log(expected)) < 1e-13);
  }
  CHECK(largest_difference(logsumexp(x, {0, 2}), log(sum(exp(x), {0, 2}))) < 1e-13);
  CHECK(largest_difference(logsumexp(x, {}), log(sum(exp(x)))) < 1e-13);
  CHECK(softmax(tensor(3.), 0).item() == 1);
}

TEST_CASE("large and infinite scores neither overflow nor make NaN") {
  CHECK(logsumexp(tensor({1000., 1000.}), {0}).item() == doctest::Approx(1000 + std::log(2.)));
  CHECK(logsumexp(full({3}, -inf), {0}).item() == -inf);
  CHECK(logsumexp(full({300}, -inf), {0}).item() == -inf);
  CHECK(logsumexp(tensor({1., inf}), {0}).item() == inf);
  CHECK(logsumexp(empty({2, 0}), {1})[1].item() == -inf);
  CHECK(softmax(tensor({0., -inf, 0.}), 0)[1].item() == 0);
  CHECK(cross_entropy(tensor({{1000., 0.}}), tensor({1})).item() == 1000);
}

TEST_CASE("NaN reaches logsumexp and softmax in short and in long rows") {
  for (std::int64_t n : {4, 300}) {
    Tensor x = zeros({2, n});
    x.data_ptr<float>()[1] = std::nanf("");
    CHECK(std::isnan(logsumexp(x, {1})[0].item()));
    CHECK(std::isnan(softmax(x, 1)[0][n - 1].item()));
    CHECK_FALSE(std::isnan(logsumexp(x, {1})[1].item()));
  }
}

TEST_CASE("gradients of logsumexp, softmax and log_softmax, fused and recorded") {
  for (const Shape& size : {Shape{5, 3}, {2, 97}}) {
    check_gradient([](const Tensor& x) { return softmax(x, 1); }, scores(size));
    check_gradient([](const Tensor& x) { return softmax(x, 0); }, scores(size));
    check_gradient([](const Tensor& x) { return log_softmax(x, 1); }, scores(size));
    check_gradient([](const Tensor& x) { return logsumexp(x, {1}); }, scores(size));
    check_gradient([](const Tensor& x) { return logsumexp(x, {0}, true); }, scores(size));
  }
}

TEST_CASE("the gradient of logsumexp is 0 where every score is -infinity") {
  const auto f = [](const Tensor& x) { return logsumexp(x, {1}); };
  const Tensor x = full({2, 3}, -inf, kFloat64);
  CHECK(largest_difference(gradient(f, x), zeros({2, 3})) == 0);
  CHECK(largest_difference(gradient(f, x, true), zeros({2, 3})) == 0);
}

TEST_CASE("cross_entropy agrees with its definition") {
  for (const Shape& size : shapes) {
    const Tensor x = scores(size), t = classes(size[0], size[1]);
    const Tensor expected = plain_cross_entropy(x, t);
    CHECK(largest_difference(cross_entropy(x, t, Reduction::none), expected) < 1e-13);
    CHECK(largest_difference(cross_entropy(x, t), mean(expected)) < 1e-13);
    CHECK(largest_difference(cross_entropy(x, t, Reduction::sum), sum(expected)) < 1e-11);
    const Tensor single = x.to(kFloat32).requires_grad_();
    CHECK(largest_difference(cross_entropy(single, t), mean(expected)) < 3e-6);
    CHECK(largest_difference(cross_entropy(x[0], t[0]), expected[0]) < 1e-13);
  }
}

TEST_CASE("gradients of cross_entropy, fused and recorded") {
  for (Reduction r : reductions)
    for (const Shape& size : {Shape{5, 3}, {2, 97}}) {
      const Tensor t = classes(size[0], size[1]);
      check_gradient([&](const Tensor& x) { return cross_entropy(x, t, r); }, scores(size));
    }
  const auto one = [](const Tensor& x) { return cross_entropy(x, tensor(2), Reduction::none); };
  check_gradient(one, scores({4}));
  const auto turned = [](const Tensor& x) { return cross_entropy(x.t(), tensor({2, 0})); };
  check_gradient(turned, scores({4, 2}));
}

TEST_CASE("ignored examples count for nothing") {
  const Tensor x = scores({4, 3}), t = tensor({1, -100, 2, -100});
  const Tensor counted = cross_entropy(cat({x[0], x[2]}).view({2, 3}), tensor({1, 2}));
  CHECK(largest_difference(cross_entropy(x, t), counted) < 1e-15);
  CHECK(cross_entropy(x, t, Reduction::none)[1].item() == 0);
  CHECK(cross_entropy(x, tensor({2, 2, 1, 1}), Reduction::none, 2)[0].item() == 0);
  for (Reduction r : reductions)
    check_gradient([&](const Tensor& a) { return cross_entropy(a, t, r); }, x);
}

TEST_CASE("the mean over no examples is NaN, its gradient 0") {
  const Tensor t = tensor({-100, -100});
  const auto f = [&](const Tensor& x) { return cross_entropy(x, t); };
  CHECK(std::isnan(f(scores({2, 3})).item()));
  CHECK(largest_difference(gradient(f, scores({2, 3})), zeros({2, 3})) == 0);
  CHECK(std::isnan(cross_entropy(empty({0, 3}), empty({0}, kInt64)).item()));
  CHECK(cross_entropy(empty({0, 3}), empty({0}, kInt64), Reduction::sum).item() == 0);
}

TEST_CASE("an ignored example's NaN stays out of the gradient") {
  Tensor x = scores({2, 3});
  x.data_ptr<double>()[4] = NAN;
  const auto f = [](const Tensor& a) { return cross_entropy(a, tensor({1, -100})); };
  for (bool recorded : {false, true})
    CHECK(largest_difference(gradient(f, x, recorded)[1], zeros({3})) == 0);
}

TEST_CASE("targets are checked before anything is computed") {
  const Tensor x = ones({4, 10});
  CHECK_THROWS_WITH_AS(cross_entropy(x, tensor({0, 1, -100, 12})),
                       "cross_entropy: target 12 at position 3 is out of range for 10 classes",
                       Error);
  CHECK_THROWS_WITH_AS(multiclass_hinge(x, tensor({0, -1, 0, 0})),
                       "multiclass_hinge: target -1 at position 1 is out of range for 10 classes",
                       Error);
}

TEST_CASE("multiclass_hinge agrees with its definition") {
  for (const Shape& size : shapes)
    for (double margin : {1., 0.3}) {
      const Tensor x = scores(size), t = classes(size[0], size[1]);
      const Tensor expected = plain_hinge(x, t, margin);
      CHECK(largest_difference(multiclass_hinge(x, t, margin, Reduction::none), expected) < 1e-10);
      CHECK(largest_difference(multiclass_hinge(x, t, margin), mean(expected)) < 1e-10);
    }
  CHECK(multiclass_hinge(tensor({{9., 1., 2.}}), tensor({0})).item() == 0);
}

TEST_CASE("gradients of multiclass_hinge, fused and recorded") {
  for (Reduction r : reductions)
    for (const Shape& size : {Shape{5, 3}, {2, 97}}) {
      const Tensor t = classes(size[0], size[1]);
      check_gradient([&](const Tensor& x) { return multiclass_hinge(x, t, 1, r); }, scores(size));
    }
}

TEST_CASE("at a kink multiclass_hinge has the gradient of the flat side") {
  Tensor x = tensor({{2., 1., 5.}}, kFloat64).requires_grad_();
  multiclass_hinge(x, tensor({0}), 1, Reduction::sum).backward();
  CHECK(largest_difference(x.grad(), tensor({{-1., 0., 1.}})) == 0);
}

TEST_CASE("losses take double derivatives") {
  Tensor x = scores({1, 3}).requires_grad_();
  const Tensor t = tensor({1}), p = softmax(x.detach(), 1)[0];
  const Tensor g = autograd::grad({cross_entropy(x, t)}, {x}, {}, {}, true)[0];
  const Tensor row = autograd::grad({g.index_select(1, tensor({0})).sum()}, {x})[0];
  const Tensor expected = p[0] * (tensor({1., 0., 0.}) - p);
  CHECK(largest_difference(row[0], expected) < 1e-14);
}

TEST_CASE("losses of constants record nothing") {
  CHECK_FALSE(cross_entropy(ones({2, 3}), tensor({0, 1})).requires_grad());
  CHECK_FALSE(multiclass_hinge(ones({2, 3}), tensor({0, 1})).requires_grad());
}

TEST_CASE("a target changed before backward is noticed") {
  Tensor x = ones({2, 3}, requires_grad()), t = tensor({0, 1});
  const Tensor loss = cross_entropy(x, t);
  t.fill_(2);
  CHECK_THROWS_AS(loss.backward(), Error);
}

#ifndef DOWNHILL_PLAIN  // sanitizer builds have no pools
TEST_CASE("losses ask for no memory in the steady state") {
  Tensor x = scores({64, 10}, kFloat32).requires_grad_();
  const Tensor t = classes(64, 10);
  const auto step = [&] {
    cross_entropy(x, t).backward();
    multiclass_hinge(x, t).backward();
    logsumexp(x, {1}).sum().backward();
    x.mutable_grad() = Tensor();
  };
  for (int i = 0; i < 3; ++i) step();
  const auto before = memory_stats().mallocs;
  step();
  CHECK(memory_stats().mallocs == before);
}
#endif

// Penalties, gradient clipping, parameter vectors, initial values.
#include <doctest/doctest.h>
#include <downhill/downhill.h>

#include <cmath>
#include <limits>

using namespace downhill;
using Tensors = std::vector<Tensor>;
using namespace downhill::nn::utils;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Two parameters with the gradients [3, -4] and [[12]].
Tensors with_gradients() {
  const Tensor a = zeros({2}, requires_grad()), b = zeros({1, 1}, requires_grad());
  a.mutable_grad() = tensor({3.0, -4.0});
  b.mutable_grad() = tensor({12.0}).reshape({1, 1});
  return {a, b, zeros({7}, requires_grad()), zeros({2})};
}

}  // namespace

TEST_CASE("penalties are sums over all parameters") {
  const Tensors w = {tensor({1.0, -2.0}), tensor({{3.0}})};
  CHECK(nn::l1_penalty(w).item() == 6);
  CHECK(nn::l2_penalty(w).item() == 14);
  CHECK(nn::elastic_net_penalty(w, {.l1 = 0.5, .l2 = 2}).item() == 31);
  CHECK(nn::l1_penalty({}).item() == 0);
  CHECK(nn::l1_penalty(w).dtype() == kFloat32);
}

TEST_CASE("penalties add l1 sign(w) + 2 l2 w to the gradient, nothing at 0") {
  const Tensor w = tensor({1.5, 0.0, -2.0}, requires_grad());
  (2 * nn::elastic_net_penalty({w}, {.l1 = 0.5, .l2 = 1})).backward();
  CHECK(w.grad()[0].item() == 2 * (0.5 + 3));
  CHECK(w.grad()[1].item() == 0);
  CHECK(w.grad()[2].item() == 2 * (-0.5 - 4));
}

TEST_CASE("clip_grad_norm_ scales all gradients by the same factor and returns the norm before") {
  Tensors p = with_gradients();
  CHECK(clip_grad_norm_(p, 6.5) == doctest::Approx(13));
  CHECK(p[0].grad()[1].item() == doctest::Approx(-2));
  CHECK(p[1].grad().item() == doctest::Approx(6));
  CHECK(!p[2].grad().defined());
  CHECK(clip_grad_norm_(p, 100) == doctest::Approx(6.5));
  CHECK(p[1].grad().item() == doctest::Approx(6));
}

TEST_CASE("clip_grad_norm_ knows the other norms") {
  CHECK(clip_grad_norm_(with_gradients(), 1, 1) == doctest::Approx(19));
  CHECK(clip_grad_norm_(with_gradients(), 1, infinity) == 12);
  CHECK(clip_grad_norm_(with_gradients(), 1, 3) == doctest::Approx(std::cbrt(27 + 64 + 1728)));
  CHECK(clip_grad_norm_({}, 1) == 0);
}

TEST_CASE("clip_grad_norm_ refuses norms that are not finite when asked to") {
  Tensors p = with_gradients();
  p[1].mutable_grad().fill_(infinity);
  CHECK_THROWS_AS(clip_grad_norm_(p, 1, 2, true), Error);
  CHECK(p[0].grad()[0].item() == 3);
  CHECK(clip_grad_norm_(p, 1) == infinity);
  CHECK(p[0].grad()[0].item() == 0);
}

TEST_CASE("clipping works on gradients that are expanded or strided views") {
  const Tensor a = zeros({4}, requires_grad()), b = zeros({2}, requires_grad());
  a.mutable_grad() = ones({1}).expand({4});
  b.mutable_grad() = tensor({0.0, 9.0, 0.0, 9.0}).slice(0, 0, 4, 2);
  CHECK(clip_grad_norm_({a, b}, 1) == doctest::Approx(2));
  CHECK(a.grad().sum().item() == doctest::Approx(2));
}

TEST_CASE("clipping asks for no memory in the steady state") {
  const Tensors p = with_gradients();
  clip_grad_norm_(p, 1);
  const auto before = memory_stats().mallocs;
  for (int i = 0; i < 5; ++i) clip_grad_norm_(p, 1e-3);
  CHECK(memory_stats().mallocs == before);
}

TEST_CASE("clip_grad_value_ clamps every element and keeps NaN") {
  Tensors p = with_gradients();
  p[1].mutable_grad().fill_(std::nan(""));
  clip_grad_value_(p, 3.5);
  CHECK(p[0].grad()[0].item() == 3);
  CHECK(p[0].grad()[1].item() == -3.5);
  CHECK(std::isnan(p[1].grad().item()));
}

TEST_CASE("parameters become one vector and come back") {
  const Tensors p = {ones({2, 2}, requires_grad()), zeros({3}, requires_grad())};
  CHECK(parameters_to_vector(p).sizes() == Shape{7});
  vector_to_parameters(arange(7).to(kFloat32), p);
  CHECK(p[0].detach()[1][1].item() == 3);
  CHECK(p[1].detach()[2].item() == 6);
}

TEST_CASE("initial values have the bounds and spreads of their papers") {
  manual_seed(8);
  namespace init = nn::init;
  Tensor w = zeros({300, 200}, requires_grad());
  const auto spread = [&] { return std::sqrt(square(w.detach()).mean().item()); };
  init::xavier_uniform_(w);
  CHECK(w.detach().max().item() == doctest::Approx(std::sqrt(6.0 / 500)).epsilon(1e-3));
  init::xavier_normal_(w, 2);
  CHECK(spread() == doctest::Approx(2 * std::sqrt(2.0 / 500)).epsilon(0.02));
  init::kaiming_uniform_(w, {.nonlinearity = "relu"});
  CHECK(w.detach().max().item() == doctest::Approx(std::sqrt(6.0 / 200)).epsilon(1e-3));
  init::kaiming_normal_(w, {.mode = init::FanMode::fan_out});
  CHECK(spread() == doctest::Approx(std::sqrt(2.0 / 300)).epsilon(0.02));
  CHECK(w.requires_grad());
  CHECK(w.is_leaf());
}

TEST_CASE("initial values of one number, and what has no fan") {
  namespace init = nn::init;
  CHECK(init::eye_(ones({2, 3})).sum().item() == 2);
  CHECK(init::zeros_(ones({2})).sum().item() == 0);
  CHECK(init::ones_(zeros({2}, requires_grad())).sum().item() == 2);
  CHECK(init::calculate_gain("leaky_relu", 1) == 1);
}

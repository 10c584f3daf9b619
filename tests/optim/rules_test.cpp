// A rule read at Tensor: differentiable, and the same as the fused loop.
#include <doctest/doctest.h>
#include <downhill/downhill.h>
#include <downhill/optim/rules.h>

#include <cmath>

using namespace downhill;
namespace rules = optim::rules;

namespace {

Tensor positive(const Shape& size) { return rand(size, kFloat64) + 0.1; }

optim::ParamGroup options(bool maximize = false) {
  return {.lr = 0.1,
          .momentum = 0.9,
          .dampening = 0.2,
          .betas = {{0.8, 0.9}},
          .eps = 1e-3,
          .weight_decay = 0.3,
          .maximize = maximize,
          .velocity = optim::Velocity::gradient,
          .bias_correction = true};
}

using Tensors = std::vector<Tensor>;
const auto descent = [](const Tensors& x) {
  Tensor p = x[0];
  rules::Descent::update(p, x[1], rules::Descent::at(options(true)));
  return Tensors{p};
};
const auto momentum = [](const Tensors& x) {
  Tensor p = x[0], v = x[2];
  rules::Momentum::update(p, x[1], v, rules::Momentum::at(options(), 2));
  return Tensors{p, v};
};
const auto nesterov = [](const Tensors& x) {
  Tensor p = x[0], v = x[2];
  rules::Nesterov::update(p, x[1], v, rules::Momentum::at(options(), 2));
  return Tensors{p, v};
};
const auto adam = [](const Tensors& x) {
  Tensor p = x[0], m = x[2], v = x[3];
  rules::Adam::update(p, x[1], m, v, rules::Adam::at(options(), 3, false));
  return Tensors{p, m, v};
};
const auto adamw = [](const Tensors& x) {
  Tensor p = x[0], m = x[2], v = x[3];
  rules::Adam::update(p, x[1], m, v, rules::Adam::at(options(), 3, true));
  return Tensors{p, m, v};
};
const auto amsgrad = [](const Tensors& x) {
  Tensor p = x[0], m = x[2], v = x[3], top = x[4];
  rules::Amsgrad::update(p, x[1], m, v, top, rules::Adam::at(options(), 3, false));
  return Tensors{p, m, v, top};
};

/// Inputs p, g and states of a rule.
Tensors inputs(int states) {
  manual_seed(5);
  Tensors x = {randn({7}, kFloat64), randn({7}, kFloat64)};
  for (int i = 0; i < states; ++i) x.push_back(positive({7}));
  if (states == 3) x[4] = x[4] + 2.0 * (rand({7}, kFloat64) < 0.5).to(kFloat64);
  for (Tensor& t : x) t = t.detach().requires_grad_();
  return x;
}

}  // namespace

TEST_CASE("every rule is differentiable twice in parameter, gradient and state") {
  CHECK(autograd::gradcheck(descent, inputs(0)).ok());
  CHECK(autograd::gradcheck(momentum, inputs(1)).ok());
  CHECK(autograd::gradcheck(nesterov, inputs(1)).ok());
  CHECK(autograd::gradcheck(adam, inputs(2)).ok());
  CHECK(autograd::gradcheck(adamw, inputs(2)).ok());
  CHECK(autograd::gradcheck(amsgrad, inputs(3)).ok());
  CHECK(autograd::gradgradcheck(adam, inputs(2)).ok());
}

TEST_CASE("two unrolled steps can be differentiated with respect to where they started") {
  const auto unrolled = [](const Tensor& start) {
    Tensor p = start, m = zeros_like(start), v = full_like(start, 0.01);
    for (int t = 1; t <= 2; ++t) {
      const Tensor g = autograd::grad({(p * p * p).sum()}, {p}, {}, {}, true)[0];
      rules::Adam::update(p, g, m, v, rules::Adam::at(options(), t, false));
    }
    return p;
  };
  CHECK(autograd::gradcheck(unrolled, {positive({3}).requires_grad_()}).ok());
}

namespace {

/// Takes a fused step from x = {p, g, states...}; returns p and the states afterwards.
template <class Optimizer>
Tensors fused(const Tensors& x, std::vector<std::string> slots, optim::ParamGroup o, int step) {
  const Tensor p = x[0].detach().clone().requires_grad_();
  o.params = {p};
  Optimizer optimizer(std::vector{o});
  StateDict state = optimizer.state_dict();
  state.insert("state.0.step", full({}, step - 1, kInt64));
  for (std::size_t i = 0; i < slots.size(); ++i) state.insert("state.0." + slots[i], x[2 + i]);
  optimizer.load_state_dict(state);
  p.mutable_grad() = x[1].detach();
  optimizer.step();
  Tensors out = {p};
  for (const std::string& s : slots) out.push_back(optimizer.state_dict().at("state.0." + s));
  return out;
}

void check_close(const Tensors& a, const Tensors& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i)
    CHECK(abs(a[i].detach() - b[i].detach()).max().item() < 1e-14);
}

optim::ParamGroup only_sgd(bool nesterov) {
  return {.lr = 0.1,
          .momentum = 0.9,
          .dampening = nesterov ? 0.0 : 0.2,
          .weight_decay = 0.3,
          .nesterov = nesterov};
}
optim::ParamGroup only_adam(bool amsgrad) {
  return {.lr = 0.1, .betas = {{0.8, 0.9}}, .eps = 1e-3, .weight_decay = 0.3, .amsgrad = amsgrad};
}

}  // namespace

TEST_CASE("the fused step and the differentiable reading agree") {
  const Tensors one = inputs(1), two = inputs(2), three = inputs(3);
  check_close(fused<optim::SGD>(one, {"momentum_buffer"}, only_sgd(false), 2), momentum(one));
  check_close(fused<optim::Adam>(two, {"exp_avg", "exp_avg_sq"}, only_adam(false), 3), adam(two));
  check_close(fused<optim::AdamW>(two, {"exp_avg", "exp_avg_sq"}, only_adam(false), 3), adamw(two));
  check_close(
      fused<optim::Adam>(three, {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"}, only_adam(true), 3),
      amsgrad(three));
}

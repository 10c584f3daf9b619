// The update rules: each is one formula over a parameter p, its gradient g and its state, read at
// numbers by the fused driver (tensor/multi_tensor.h) and at Tensor as a differentiable function:
//
//   Tensor p = ..., m = ..., v = ...;
//   rules::Adam::update(p, g, m, v, rules::Adam::at(group, step, false));   // p, m, v are new
//   values
//
// Not part of the umbrella header.
#pragma once
#include <downhill/optim/optimizer.h>
#include <downhill/tensor/isa.h>

#pragma GCC visibility push(default)
namespace downhill::optim::rules {

/// p = p - lr d, with d = g + weight_decay p (all rules: d from -g where maximize is set).
struct Descent {
  static constexpr int operands = 2;
  struct Coefficients {
    double sign, weight_decay, lr;
  };
  static Coefficients at(const ParamGroup& group);
  DOWNHILL_INLINE static void update(auto& p, const auto& g, const auto& c) {
    p = p - c.lr * (c.sign * g + c.weight_decay * p);
  }
};

/// v = momentum v + in d, p = p + out v. The velocity collects gradients (in = 1 - dampening, out =
/// -lr) or steps (in = -lr (1 - dampening), out = 1); the first gradient is not dampened.
struct Momentum {
  static constexpr int operands = 3;
  struct Coefficients {
    double sign, weight_decay, momentum, in, out, lr;
  };
  static Coefficients at(const ParamGroup& group, std::int64_t step);
  DOWNHILL_INLINE static void update(auto& p, const auto& g, auto& v, const auto& c) {
    v = c.momentum * v + c.in * (c.sign * g + c.weight_decay * p);
    p = p + c.out * v;
  }
};

/// The same, looking ahead: p = p + out momentum v - lr d.
struct Nesterov {
  static constexpr int operands = 3;
  using Coefficients = Momentum::Coefficients;
  DOWNHILL_INLINE static void update(auto& p, const auto& g, auto& v, const auto& c) {
    const auto d = c.sign * g + c.weight_decay * p;
    v = c.momentum * v + c.in * d;
    p = p + (c.out * c.momentum) * v - c.lr * d;
  }
};

/// Kingma and Ba, "Adam: a method for stochastic optimization" (ICLR 2015, algorithm 1):
///   m = beta1 m + (1 - beta1) d,  v = beta2 v + (1 - beta2) d^2,
///   p = p - lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps).
/// Weight decay is part of the gradient, d = g + weight_decay p, or, decoupled (AdamW: Loshchilov
/// and Hutter, ICLR 2019), d = g and p shrinks by the factor 1 - lr weight_decay first.
struct Adam {
  static constexpr int operands = 4;
  struct Coefficients {
    double sign, l2, shrink, beta1, beta2, step_size, root_scale, eps;
  };
  static Coefficients at(const ParamGroup& group, std::int64_t step, bool decoupled);
  DOWNHILL_INLINE static void moments(const auto& p, const auto& g, auto& m, auto& v,
                                      const auto& c) {
    const auto d = c.sign * g + c.l2 * p;
    m = c.beta1 * m + (1 - c.beta1) * d;
    v = c.beta2 * v + (1 - c.beta2) * (d * d);
  }
  DOWNHILL_INLINE static void update(auto& p, const auto& g, auto& m, auto& v, const auto& c) {
    moments(p, g, m, v, c);
    p = c.shrink * p - c.step_size * m / (c.root_scale * sqrt(v) + c.eps);
  }
};

/// Adam with the largest v so far in its place (Reddi, Kale, Kumar, "On the convergence of Adam and
/// beyond", ICLR 2018), as PyTorch has it: the maximum is taken before the bias correction.
struct Amsgrad {
  static constexpr int operands = 5;
  using Coefficients = Adam::Coefficients;
  DOWNHILL_INLINE static void update(auto& p, const auto& g, auto& m, auto& v, auto& top,
                                     const auto& c) {
    Adam::moments(p, g, m, v, c);
    top = maximum(top, v);
    p = c.shrink * p - c.step_size * m / (c.root_scale * sqrt(top) + c.eps);
  }
};

}  // namespace downhill::optim::rules
#pragma GCC visibility pop

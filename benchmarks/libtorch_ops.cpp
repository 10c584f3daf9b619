#include "libtorch_tools.h"

namespace bench::libtorch {
namespace {

at::Tensor apply(const std::string& op, const at::Tensor& x, const at::Tensor& y) {
  if (op == "add") return x + y;
  if (op == "exp") return x.exp();
  return x.tanh();
}

/// What is one lambda per op elsewhere: the choice is made before the loop.
template <class Make> void add_small(Contender& c, bool recorded, const Make& make) {
  const auto input = [recorded](std::uint64_t seed, at::IntArrayRef size) {
    return constant(uniform(small_size, seed), size).requires_grad_(recorded);
  };
  const auto add = [&](const char* op, auto of) {
    c.add(small_name(op, recorded), [=] {
      const auto x = input(1, {small_size}), y = input(2, {small_size});
      return make([=] { return of(x, y); });
    });
  };
  add("add", [](auto& x, auto& y) { return x + y; });
  add("mul", [](auto& x, auto& y) { return x * y; });
  add("x * 2.0", [](auto& x, auto&) { return x * 2.0; });
  add("exp", [](auto& x, auto&) { return x.exp(); });
  add("relu", [](auto& x, auto&) { return x.relu(); });
  c.add(small_name("0-d x * 2.0", recorded), [=] {
    return make([x = constant(uniform(1, 1), {}).requires_grad_(recorded)] { return x * 2.0; });
  });
  c.add(small_name("transpose", recorded), [=] {
    return make([x = input(1, {2, 5})] { return x.transpose(0, 1); });
  });
  c.add(small_name("select", recorded), [=] {
    return make([x = input(1, {2, 5})] { return x.select(0, 1); });
  });
}

struct Chain {
  explicit Chain(bool is_parameter)
      : w(torch::tensor(uniform(small_size, 2, 0.999f, 1.001f)).requires_grad_(is_parameter)) {}
  void step() {
    x.mutable_grad().reset();
    if (w.requires_grad()) w.mutable_grad().reset();
    at::Tensor y = x;
    for (std::int64_t k = 0; k < chain_length; ++k) y = y * w;
    y.backward(ones);
  }
  Numbers result() {
    return w.requires_grad() ? join(summary(x.grad()), summary(w.grad())) : summary(x.grad());
  }
  at::Tensor x = parameter(small_size, 1), w, ones = torch::ones({small_size});
};

struct Matmul {
  explicit Matmul(const Product& p)
      : a(constant(uniform(p.m * p.k, 1), {p.m, p.k}).requires_grad_()),
        b(constant(uniform(p.k * p.n, 2), {p.k, p.n}).requires_grad_()),
        g(constant(uniform(p.m * p.n, 3), {p.m, p.n})) {}
  void step() {
    a.mutable_grad().reset(), b.mutable_grad().reset();
    a.matmul(b).backward(g);
  }
  Numbers result() { return join(summary(a.grad()), summary(b.grad())); }
  at::Tensor a, b, g;
};

at::Tensor formula(const at::Tensor& x, const at::Tensor& y) {
  return x.tanh() * y + (-x * x).exp();
}

struct Formula {
  void step() { d = torch::autograd::grad({formula(x, y)}, {x, y}, {g}); }
  Numbers result() { return join(summary(d[0]), summary(d[1])); }
  at::Tensor x = parameter(formula_size, 1), y = parameter(formula_size, 2),
             g = constant(formula_size, 3);
  std::vector<at::Tensor> d;
};

void add_arrays(Contender& c) {
  for (const char* op : pointwise_ops)
    for (const std::int64_t n : pointwise_sizes)
      c.add(pointwise_name(op, n), [=] {
        const auto x = constant(n, 1), y = constant(n, 2);
        return inference([=, name = std::string(op)] { return apply(name, x, y); });
      });
  for (const int axis : {0, 1})
    c.add(sum_name(axis), [=] {
      const auto x = constant(uniform(sum_rows * sum_columns, 1), {sum_rows, sum_columns});
      return inference([=] { return x.sum(axis); });
    });
  c.add(sum_name(-1),
        [] { return inference([x = constant(sum_rows * sum_columns, 1)] { return x.sum(); }); });
  for (const bool composed : {false, true}) {
    c.add(formula_name(composed, false), [] {
      return inference(
          [x = constant(formula_size, 1), y = constant(formula_size, 2)] { return formula(x, y); });
    });
    c.add(formula_name(composed, true), maker<Formula>());
  }
}

const Part part("libtorch", [](Contender& c) {
  add_small(c, true, [](auto f) { return expression(std::move(f)); });
  add_small(c, false, [](auto f) { return inference(std::move(f)); });
  c.add(small_name("mul by constant", true), [] {
    return expression(
        [x = parameter(small_size, 1), y = constant(small_size, 2)] { return x * y; });
  });
  c.add(chain_by_constant, maker<Chain>(false));
  c.add(chain_by_parameter, maker<Chain>(true));
  for (const Product& p : products) {
    c.add(product_name(p, true), maker<Matmul>(p));
    c.add(product_name(p, false), [=] {
      const auto a = constant(uniform(p.m * p.k, 1), {p.m, p.k});
      const auto b = constant(uniform(p.k * p.n, 2), {p.k, p.n});
      return inference([=] { return a.matmul(b); });
    });
  }
  add_arrays(c);
});

}  // namespace
}  // namespace bench::libtorch

#include "ours_tools.h"

namespace bench::ours {
namespace {

void add_small(Contender& c, bool recorded) {
  const auto input = [recorded](std::uint64_t seed, const Shape& size) {
    return constant(uniform(small_size, seed), size).requires_grad_(recorded);
  };
  const auto add = [&](const char* op, auto of) {
    c.add(small_name(op, recorded), [=] {
      const auto x = input(1, {small_size}), y = input(2, {small_size});
      return expression([=] { return of(x, y); });
    });
  };
  add("add", [](auto& x, auto& y) { return x + y; });
  add("mul", [](auto& x, auto& y) { return x * y; });
  add("x * 2.0", [](auto& x, auto&) { return x * 2.0; });
  add("exp", [](auto& x, auto&) { return x.exp(); });
  add("relu", [](auto& x, auto&) { return x.relu(); });
  c.add(small_name("0-d x * 2.0", recorded), [=] {
    return expression(
        [x = constant(uniform(1, 1), {}).requires_grad_(recorded)] { return x * 2.0; });
  });
  c.add(small_name("transpose", recorded), [=] {
    return expression([x = input(1, {2, 5})] { return x.transpose(0, 1); });
  });
  c.add(small_name("select", recorded), [=] {
    return expression([x = input(1, {2, 5})] { return x.select(0, 1); });
  });
}

struct Chain {
  explicit Chain(bool is_parameter)
      : w(tensor(uniform(small_size, 2, 0.999f, 1.001f)).requires_grad_(is_parameter)) {}
  void step() {
    x.mutable_grad() = Tensor();
    if (w.requires_grad()) w.mutable_grad() = Tensor();
    Tensor y = x;
    for (std::int64_t k = 0; k < chain_length; ++k) y = y * w;
    y.backward(g);
  }
  Numbers result() {
    return w.requires_grad() ? join(summary(x.grad()), summary(w.grad())) : summary(x.grad());
  }
  Tensor x = parameter(small_size, 1), w, g = ones({small_size});
};

struct Matmul {
  explicit Matmul(const Product& p)
      : a(constant(uniform(p.m * p.k, 1), {p.m, p.k}).requires_grad_()),
        b(constant(uniform(p.k * p.n, 2), {p.k, p.n}).requires_grad_()),
        g(constant(uniform(p.m * p.n, 3), {p.m, p.n})) {}
  void step() {
    a.mutable_grad() = Tensor(), b.mutable_grad() = Tensor();
    a.matmul(b).backward(g);
  }
  Numbers result() { return join(summary(a.grad()), summary(b.grad())); }
  Tensor a, b, g;
};

Tensor composed(const Tensor& x, const Tensor& y) { return tanh(x) * y + exp(-x * x); }
Tensor fused(const Tensor& x, const Tensor& y) {
  return elementwise([](auto x, auto y) { return tanh(x) * y + exp(-x * x); }, x, y);
}

template <Tensor (*F)(const Tensor&, const Tensor&)> struct Formula {
  void step() { d = autograd::grad({F(x, y)}, {x, y}, {g}); }
  Numbers result() { return join(summary(d[0]), summary(d[1])); }
  Tensor x = parameter(formula_size, 1), y = parameter(formula_size, 2),
         g = constant(formula_size, 3);
  std::vector<Tensor> d;
};

template <Tensor (*F)(const Tensor&, const Tensor&)>
void add_formula(Contender& c, bool single_ops) {
  c.add(formula_name(single_ops, true), maker<Formula<F>>());
  c.add(formula_name(single_ops, false), [] {
    return expression(
        [x = constant(formula_size, 1), y = constant(formula_size, 2)] { return F(x, y); });
  });
}

void add_arrays(Contender& c) {
  for (const std::int64_t n : pointwise_sizes) {
    const auto add = [&](const char* op, auto of) {
      c.add(pointwise_name(op, n), [=] {
        return expression([=, x = constant(n, 1), y = constant(n, 2)] { return of(x, y); });
      });
    };
    add("add", [](auto& x, auto& y) { return x + y; });
    add("exp", [](auto& x, auto&) { return x.exp(); });
    add("tanh", [](auto& x, auto&) { return x.tanh(); });
  }
  for (const int axis : {-1, 0, 1})
    c.add(sum_name(axis), [=] {
      const auto x = constant(uniform(sum_rows * sum_columns, 1), {sum_rows, sum_columns});
      return expression([=] { return axis < 0 ? x.sum() : x.sum({axis}); });
    });
  add_formula<fused>(c, false);
  add_formula<composed>(c, true);
}

std::string start(int threads) {
  set_num_threads(threads);
  return "downhill";
}

const Part part("ours", [](Contender& c) {
  c.start = start;
  for (const bool recorded : {true, false}) add_small(c, recorded);
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
      return expression([=] { return a.matmul(b); });
    });
  }
  add_arrays(c);
});

}  // namespace
}  // namespace bench::ours

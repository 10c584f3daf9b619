// Rules broken one by one: the checks must say no to each and yes to its right twin.
#include <doctest/doctest.h>

#include <downhill/autograd.h>
#include <downhill/tensor/registry.h>

#include "mutants.h"
#include "pointwise_table.h"
#include "sweep/checks.h"

using namespace downhill;
using namespace downhill::mutation;
using autograd::Verdict;
using R = const Rule&;

namespace {

struct Mutant {
  const char* what;
  Tensor (*forward)(const Tensors&);
  void (*right)(R);
  void (*wrong)(R);
  std::vector<Shape> shapes;
  Verdict verdict = Verdict::wrong_gradient;
  int order = 1;  // the first one at which it shows
};

Tensor rolled(const Tensor& g) { return cat({g.slice(0, 1), g.slice(0, 0, 1)}); }

Tensor but_one(const Tensor& r) {
  Tensor scale = ones(r.sizes(), r.dtype());
  scale[137] = tensor(1.01, kFloat64);
  return r * scale;
}

Tensor as_if_dense(const Tensor& x) {
  Tensor r = empty(x.sizes(), kFloat64);
  for (std::int64_t i = 0; i < x.numel(); ++i)
    r.data_ptr<double>()[i] = static_cast<const double*>(x.data_ptr())[i];
  return r;
}

Tensor exp_of(const Tensors& in) { return exp(in[0]); }
Tensor square_of(const Tensors& in) { return square(in[0]); }
Tensor mul_of(const Tensors& in) { return in[0] * in[1]; }
Tensor product_of(const Tensors& in) { return matmul(in[0], in[1]); }
Tensor clamp_of(const Tensors& in) { return clamp(in[0], -0.7, 0.9); }
Tensor max_of(const Tensors& in) { return amax(in[0], {1}); }
Tensor sum_rows(const Tensors& in) { return sum(in[0], {0}); }

void exp_rule(R r) { r.set(0, r.g * r.y()); }
void square_rule(R r) { r.set(0, r.g * (2 * r.x())); }
void mul_rule(R r) { r.set(0, r.g * r.x(1)), r.set(1, r.g * r.x(0)); }
void product_rule(R r) {
  r.set(0, matmul(r.g, r.x(1).t()));
  r.set(1, matmul(r.x(0).t(), r.g));
}
void clamp_rule(R r) { r.set(0, where((r.x() < -0.7) | (r.x() > 0.9), 0, r.g)); }
void max_rule(R r) { r.set(0, where(r.x() == r.y().unsqueeze(1), r.g.unsqueeze(1), 0)); }
void sum_rows_rule(R r) { r.set(0, r.g.unsqueeze(0).expand({3, 3})); }

const Mutant mutants[] = {
    {"wrong sign", exp_of, exp_rule, [](R r) { r.set(0, -r.g * r.y()); }, {{2, 3}}},
    {"missing factor", square_of, square_rule, [](R r) { r.set(0, r.g * r.x()); }, {{4}}},
    {"factor off by half a percent",
     square_of,
     square_rule,
     [](R r) { r.set(0, r.g * (2.01 * r.x())); },
     {{4}}},
    {"transposed result",
     [](const Tensors& in) { return in[0].t() * 2; },
     [](R r) { r.set(0, 2 * r.g.t()); },
     [](R r) { r.set(0, 2 * r.g); },
     {{3, 3}}},
    {"transposed factor",
     product_of,
     product_rule,
     [](R r) { product_rule(r), r.set(0, matmul(r.g, r.x(1))); },
     {{3, 3}, {3, 3}}},
    {"factors in the wrong order",
     product_of,
     product_rule,
     [](R r) { product_rule(r), r.set(1, matmul(r.g, r.x(0).t())); },
     {{3, 3}, {3, 3}}},
    {"saved output not attached again",
     exp_of,
     exp_rule,
     [](R r) { r.set(0, r.g * r.y().detach()); },
     {{3}},
     Verdict::no_graph,
     2},
    {"saved input not attached again",
     square_of,
     square_rule,
     [](R r) { r.set(0, r.g * (2 * r.x().detach())); },
     {{3}},
     Verdict::no_graph,
     2},
    {"incoming gradient detached",
     exp_of,
     exp_rule,
     [](R r) { r.set(0, r.g.detach() * r.y()); },
     {{3}},
     Verdict::no_graph,
     2},
    {"broadcast not summed",
     [](const Tensors& in) { return in[0] + in[1]; },
     [](R r) { r.set(0, r.g), r.set(1, r.g); },
     [](R r) { r.set(0, r.g), r.set(1, r.g[0]); },
     {{2, 3}, {3}}},
    {"broadcast averaged",
     [](const Tensors& in) { return in[0] * in[1]; },
     mul_rule,
     [](R r) { mul_rule(r), r.set(1, mean(r.g * r.x(0), {0})); },
     {{2, 3}, {3}}},
    {"wrong axis",
     sum_rows,
     sum_rows_rule,
     [](R r) {
       r.set(0, r.g.unsqueeze(1).expand({3, 3}));
     },
     {{3, 3}}},
    {"mean without 1/n",
     [](const Tensors& in) { return mean(in[0]); },
     [](R r) {
       r.set(0, (r.g / 6).expand({2, 3}));
     },
     [](R r) {
       r.set(0, r.g.expand({2, 3}));
     },
     {{2, 3}}},
    {"wrong in one element of 200",
     exp_of,
     exp_rule,
     [](R r) { r.set(0, but_one(r.g * r.y())); },
     {{200}}},
    {"off by one place",
     [](const Tensors& in) { return in[0] * 3; },
     [](R r) { r.set(0, 3 * r.g); },
     [](R r) { r.set(0, 3 * rolled(r.g)); },
     {{4}}},
    {"inputs swapped",
     mul_of,
     mul_rule,
     [](R r) { r.set(0, r.g * r.x(0)), r.set(1, r.g * r.x(1)); },
     {{3}, {3}}},
    {"one input forgotten",
     mul_of,
     mul_rule,
     [](R r) { r.set(0, r.g * r.x(1)); },
     {{3}, {3}},
     Verdict::no_graph},
    {"one input's gradient zero",
     mul_of,
     mul_rule,
     [](R r) { r.set(0, r.g * r.x(1)), r.set(1, r.g * 0); },
     {{3}, {3}}},
    {"input in the output's place",
     [](const Tensors& in) { return tanh(in[0]); },
     [](R r) { r.set(0, r.g * (1 - square(r.y()))); },
     [](R r) { r.set(0, r.g * (1 - square(r.x()))); },
     {{5}}},
    {"wrong only for negative values",
     [](const Tensors& in) { return abs(in[0]); },
     [](R r) { r.set(0, r.g * sign(r.x())); },
     [](R r) { r.set(0, r.g * 1); },
     {{6}}},
    {"wrong mask", clamp_of, clamp_rule, [](R r) { r.set(0, where(r.x() > 0.9, 0, r.g)); }, {{9}}},
    {"gradient to the smallest",
     max_of,
     max_rule,
     [](R r) { r.set(0, where(r.x() == amin(r.x(), {1}, true), r.g.unsqueeze(1), 0)); },
     {{3, 4}}},
    {"exponent not lowered",
     [](const Tensors& in) { return pow(in[0], 3); },
     [](R r) { r.set(0, r.g * (3 * square(r.x()))); },
     [](R r) { r.set(0, r.g * (3 * pow(r.x(), 3))); },
     {{4}}},
    {"squares the incoming gradient",
     exp_of,
     exp_rule,
     [](R r) { r.set(0, square(r.g) * r.y()); },
     {{1}},
     Verdict::not_linear},
    {"ignores the incoming gradient",
     exp_of,
     exp_rule,
     [](R r) { r.set(0, r.y() * 1); },
     {{1}},
     Verdict::not_linear},
    {"tiny gradient of the wrong sign",
     [](const Tensors& in) { return 1e-7 * in[0]; },
     [](R r) { r.set(0, 1e-7 * r.g); },
     [](R r) { r.set(0, -1e-7 * r.g); },
     {{3}}},
    {"adds a constant",
     square_of,
     square_rule,
     [](R r) { r.set(0, r.g * (2 * r.x()) + 1e-3); },
     {{3}}},
    {"rule of another op under create_graph",
     square_of,
     square_rule,
     [](R r) { r.b.create_graph() ? exp_rule(r) : square_rule(r); },
     {{3}},
     Verdict::readings_differ,
     2},
    {"wrong only in the fused reading",
     square_of,
     square_rule,
     [](R r) { r.b.create_graph() ? square_rule(r) : exp_rule(r); },
     {{3}}},
    {"keeps state between calls",
     exp_of,
     exp_rule,
     [](R r) {
       static double calls = 0;
       r.set(0, r.g * r.y() * (calls += 1));
     },
     {{1}},
     Verdict::not_deterministic},
};

Tensors inputs_of(const std::vector<Shape>& shapes) {
  Tensors r;
  for (const Shape& s : shapes) {
    r.push_back(detail::sample_tensor(s, 3 + r.size()));
    r.back().requires_grad_();
  }
  return r;
}

Verdict judge(const Op& op, const Tensors& in, int order) {
  const auto fn = [&](const Tensors& x) { return Tensors{apply(op, x)}; };
  return autograd::gradcheck(fn, in, {.raise_exception = false, .order = order}).verdict();
}

Verdict judge_pointwise(const detail::PointwiseOp& op, int order) {
  const auto fn = [&](const Tensor& x) {
    const Tensor* in[] = {&x};
    return detail::call_pointwise(op, nullptr, in);
  };
  Tensor x = detail::sample_tensor({5});
  x.requires_grad_();
  return autograd::gradcheck(fn, {x}, {.raise_exception = false, .order = order}).verdict();
}

struct WrongTanh : op::Tanh {
  static constexpr auto vjp =
      rules([](auto g, auto, auto y) DOWNHILL_INLINE_LAMBDA { return g * (1 - y); });
};

}  // namespace

TEST_CASE("every wrong rule is caught with its verdict and every right twin passes") {
  for (const Mutant& m : mutants) {
    CAPTURE(std::string(m.what));
    const Tensors in = inputs_of(m.shapes);
    CHECK(judge({m.what, m.forward, m.right}, in, 1) == Verdict::ok);
    if (in[0].numel() < 100) CHECK(judge({m.what, m.forward, m.right}, in, 2) == Verdict::ok);
    if (m.order == 2) CHECK(judge({m.what, m.forward, m.wrong}, in, 1) == Verdict::ok);
    CHECK(judge({m.what, m.forward, m.wrong}, in, m.order) == m.verdict);
  }
  CHECK(std::size(mutants) >= 15);
}

TEST_CASE("a rule that is wrong for strided inputs only is caught on strided inputs") {
  const Op wrong{"strided", mul_of, [](R r) { mul_rule(r), r.set(0, r.g * as_if_dense(r.x(1))); }};
  const Tensors dense = inputs_of({{3, 2}, {3, 2}});
  CHECK(judge(wrong, dense, 1) == Verdict::ok);
  CHECK(judge(wrong, sweep::strided(dense, true), 1) == Verdict::wrong_gradient);
  CHECK(judge({"right", mul_of, mul_rule}, sweep::strided(dense, true), 1) == Verdict::ok);
}

TEST_CASE("a mask kept from an earlier call is caught") {
  static Tensor stale;
  const Op op{"stale", clamp_of, [](R r) {
                if (!stale.defined()) stale = (r.x() < -0.7) | (r.x() > 0.9);
                r.set(0, where(stale, 0, r.g));
              }};
  stale = zeros({9}, kBool);
  CHECK(judge(op, inputs_of({{9}}), 1) == Verdict::wrong_gradient);
}

TEST_CASE("a wrong rule of a pointwise op is caught in every reading") {
  constexpr auto right = detail::make_pointwise<op::Tanh>();
  constexpr auto wrong = detail::make_pointwise<WrongTanh>();
  CHECK(judge_pointwise(right, 1) == Verdict::ok);
  CHECK(judge_pointwise(right, 2) == Verdict::ok);
  CHECK(judge_pointwise(wrong, 1) == Verdict::wrong_gradient);
  auto mixed = right;
  mixed.rules[0].tensor = wrong.rules[0].tensor;
  CHECK(judge_pointwise(mixed, 1) == Verdict::ok);
  CHECK(judge_pointwise(mixed, 2) == Verdict::readings_differ);
  mixed = right;
  mixed.rules[0].passes = true;
  CHECK(judge_pointwise(mixed, 1) == Verdict::wrong_gradient);
}

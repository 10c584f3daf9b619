#include <downhill/autograd/gradcheck.h>

#include <algorithm>
#include <cmath>

#include <downhill/autograd/backward.h>
#include <downhill/tensor/check.h>
#include <downhill/tensor/factory.h>
#include <downhill/tensor/overlap.h>
#include <downhill/tensor/random.h>

#include "gradcheck_numeric.h"

namespace downhill::detail {
namespace {

using autograd::GradcheckInput;
using autograd::GradcheckOptions;
using autograd::GradcheckReport;
using autograd::Verdict;
using Tensors = std::vector<Tensor>;

// A function, where it is checked, and what its inputs are called.
struct Problem {
  GradcheckFn fn;
  Tensors inputs;
  std::vector<std::string> names;
};

Tensors differentiable(const Tensors& all) {
  Tensors r;
  for (const Tensor& t : all)
    if (t.is_floating_point() && t.requires_grad()) r.push_back(t);
  return r;
}

// ---------------------------------------------------------------- what can be checked
std::pair<const char*, const char*> extent(const Tensor& x) {
  std::int64_t last = 0;
  for (int d = 0; d < x.dim(); ++d) last += (x.sizes()[d] - 1) * x.strides()[d];
  const auto* begin = static_cast<const char*>(x.data_ptr());
  return {begin, begin + (last + 1) * static_cast<std::int64_t>(size_of(x.dtype()))};
}

bool overlap(const Tensor& a, const Tensor& b) {
  if (a.is_same(b) || a.numel() == 0 || b.numel() == 0) return false;
  const auto [a0, a1] = extent(a);
  const auto [b0, b1] = extent(b);
  return a0 < b1 && b0 < a1;
}

void check_inputs(const Tensors& inputs, const GradcheckOptions& o) {
  check(o.eps > 0 && o.atol >= 0 && o.rtol >= 0 && o.order >= 1,
        "gradcheck: needs eps > 0, atol >= 0, rtol >= 0 and order >= 1, got {}, {}, {} and {}",
        o.eps, o.atol, o.rtol, o.order);
  for (std::size_t i = 0; i < inputs.size(); ++i)
    check(inputs[i].defined(), "gradcheck: input {} is undefined", i);
  check(
      !differentiable(inputs).empty(),
      "gradcheck: none of the {} inputs requires a gradient; call requires_grad_() on those whose "
      "gradients are to be checked",
      inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].requires_grad()) continue;
    check(!detail::repeats_elements(inputs[i].impl()),
          "gradcheck: several elements of input {} (shape {}, expanded) are one place in memory; "
          "pass a clone()",
          i, inputs[i].sizes());
    for (std::size_t k = 0; k < inputs.size(); ++k)
      check(k == i || !overlap(inputs[i], inputs[k]),
            "gradcheck: inputs {} and {} overlap in memory; pass a clone() of one", i, k);
  }
}

// ---------------------------------------------------------------- what backward says
struct Analytic {
  std::vector<Values> jacobian;            // of a checked input: [element * size + value]
  std::vector<std::vector<bool>> reached;  // of a checked input: [value]
  bool malformed = false;
};

Tensor unit(const Tensor& like, std::int64_t at) {
  Tensor g = zeros(like.sizes(), like.dtype());
  if (g.dtype() == kFloat64) g.data_ptr<double>()[at] = 1;
  else g.data_ptr<float>()[at] = 1;
  return g;
}

void add_row(Analytic& a, const Tensors& grads, const Tensors& checked, std::size_t value,
             std::size_t size) {
  for (std::size_t i = 0; i < checked.size(); ++i) {
    if (!grads[i].defined()) continue;
    a.malformed |=
        !(grads[i].sizes() == checked[i].sizes()) || grads[i].dtype() != checked[i].dtype();
    a.reached[i][value] = true;
    const Values g = values_of({grads[i]});
    for (std::size_t k = 0; k < g.size(); ++k) a.jacobian[i][k * size + value] = g[k];
  }
}

Analytic analytic_jacobian(const Tensors& outputs, const Tensors& checked, std::size_t size) {
  Analytic a;
  for (const Tensor& x : checked) {
    a.jacobian.emplace_back(static_cast<std::size_t>(x.numel()) * size);
    a.reached.emplace_back(size);
  }
  std::size_t value = 0;
  for (const Tensor& y : outputs) {
    if (!y.is_floating_point()) continue;
    for (std::int64_t j = 0; j < y.numel(); ++j, ++value)
      if (y.requires_grad())
        add_row(a, autograd::grad({y}, checked, {unit(y, j)}, true, false, true), checked, value,
                size);
  }
  return a;
}

// ---------------------------------------------------------------- checks without differences
bool same(const Values& a, const Values& b, double tolerance) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](double x, double y) {
    return x == y || (std::isnan(x) && std::isnan(y)) || std::abs(x - y) <= tolerance;
  });
}

Tensors random_like(const Tensors& outputs, Generator& g) {
  Tensors r;
  for (const Tensor& y : outputs) r.push_back(randn(y.sizes(), g, y.dtype()));
  return r;
}

bool is_linear(const Tensors& outputs, const Tensors& checked, const Analytic& a, std::size_t size,
               std::size_t i) {
  Generator random(7);
  const Tensors ys = differentiable(outputs), vs = random_like(ys, random);
  Values v;
  for (std::size_t o = 0, next = 0; o < outputs.size(); ++o) {
    if (!outputs[o].is_floating_point()) continue;
    const Values part = outputs[o].requires_grad()
                            ? values_of({vs[next++]})
                            : Values(static_cast<std::size_t>(outputs[o].numel()));
    v.insert(v.end(), part.begin(), part.end());
  }
  const Tensor g = autograd::grad(ys, {checked[i]}, vs, true, false, true)[0];
  if (!g.defined()) return true;
  const Values got = values_of({g});
  const double relative = checked[i].dtype() == kFloat64 ? 1e-7 : 1e-3;
  for (std::size_t k = 0; k < got.size(); ++k) {
    double expected = 0, magnitude = 1e-12;
    for (std::size_t j = 0; j < size; ++j) {
      expected += v[j] * a.jacobian[i][k * size + j];
      magnitude += std::abs(v[j] * a.jacobian[i][k * size + j]);
    }
    if (std::abs(got[k] - expected) > relative * magnitude) return false;
  }
  return true;
}

bool zero_gives_zero(const Tensors& outputs, const Tensor& x) {
  const Tensors ys = differentiable(outputs);
  Tensors zero;
  for (const Tensor& y : ys) zero.push_back(zeros(y.sizes(), y.dtype()));
  const Tensor g = autograd::grad(ys, {x}, zero, true, false, true)[0];
  if (!g.defined()) return true;
  const Values v = values_of({g});
  return std::all_of(v.begin(), v.end(), [](double e) { return e == 0; });
}

// ---------------------------------------------------------------- the whole check
void set_all(GradcheckReport& r, Verdict v) {
  for (GradcheckInput& i : r.inputs) i.verdict = v;
}

GradcheckReport empty_report(const Problem& p, const GradcheckOptions& o) {
  GradcheckReport r{o, {}};
  for (std::size_t i = 0; i < p.inputs.size(); ++i)
    if (p.inputs[i].is_floating_point() && p.inputs[i].requires_grad()) {
      GradcheckInput& in = r.inputs.emplace_back();
      in.name = p.names[i], in.shape = p.inputs[i].sizes(), in.dtype = p.inputs[i].dtype();
    }
  return r;
}

GradcheckReport check_problem(const Problem& p, const GradcheckOptions& o) {
  GradcheckReport r = empty_report(p, o);
  const Tensors checked = differentiable(p.inputs), outputs = p.fn(p.inputs);
  const Values values = values_of(outputs);
  if (differentiable(outputs).empty()) return set_all(r, Verdict::no_graph), r;
  const Analytic a = analytic_jacobian(outputs, checked, values.size());
  const Tensors again = p.fn(p.inputs);
  const Values more = values_of(again);
  if (!same(values, more, o.nondet_tol)) return set_all(r, Verdict::not_deterministic), r;
  const Analytic b = analytic_jacobian(again, checked, values.size());
  const CheckedFn f{p.fn, p.inputs, values.size()};
  for (std::size_t i = 0; i < checked.size(); ++i) {
    GradcheckInput& in = r.inputs[i];
    if (!same(a.jacobian[i], b.jacobian[i], o.nondet_tol)) in.verdict = Verdict::not_deterministic;
    else if (a.malformed) in.verdict = Verdict::malformed;
    else if (!is_linear(outputs, checked, a, values.size(), i) ||
             (o.check_undefined_grad && !zero_gives_zero(outputs, checked[i])))
      in.verdict = Verdict::not_linear;
    check_input(f, checked[i], {a.jacobian[i], a.reached[i]}, outputs, o, in);
  }
  return r;
}

// The gradients of <p(inputs), v> as a function of the inputs and of v.
Problem derivative_of(const Problem& p) {
  Generator random(231);
  const std::size_t n = p.inputs.size();
  const Tensors outputs = differentiable(p.fn(p.inputs));
  Problem d{nullptr, p.inputs, p.names};
  for (Tensor& v : random_like(outputs, random)) {
    d.names.push_back("grad_output " + std::to_string(d.inputs.size() - n));
    d.inputs.push_back(v.requires_grad_());
  }
  d.fn = [fn = p.fn, n](const Tensors& in) {
    AutoGradMode record(true);
    const auto middle = in.begin() + static_cast<std::ptrdiff_t>(n);
    const Tensors first(in.begin(), middle), v(middle, in.end());
    const Tensors wanted = differentiable(first);
    Tensors grads = autograd::grad(differentiable(fn(first)), wanted, v, std::nullopt, true, true);
    for (std::size_t i = 0; i < grads.size(); ++i)
      if (!grads[i].defined()) grads[i] = zeros(wanted[i].sizes(), wanted[i].dtype());
    return grads;
  };
  return d;
}

// A rule may have two readings, plain and under create_graph, of which the orders above see one.
bool readings_agree(const Problem& p) {
  const Tensors inputs = differentiable(p.inputs);
  Generator random(17);
  const Tensors first = differentiable(p.fn(p.inputs)), v = random_like(first, random);
  const Tensors plain = autograd::grad(first, inputs, v, false, false, true);
  const Tensors recorded =
      autograd::grad(differentiable(p.fn(p.inputs)), inputs, v, std::nullopt, true, true);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Tensor none = zeros(inputs[i].sizes(), inputs[i].dtype());
    const Values a = values_of({plain[i].defined() ? plain[i] : none});
    const Values b = values_of({recorded[i].defined() ? recorded[i] : none});
    double scale = 1e-12;
    for (double e : a) scale = std::max(scale, std::abs(e));
    if (!same(a, b, scale * (inputs[i].dtype() == kFloat64 ? 1e-9 : 1e-3))) return false;
  }
  return true;
}

GradcheckReport check_order(Problem p, const GradcheckOptions& o) {
  for (int order = 1; order < o.order; ++order) {
    GradcheckReport r = empty_report(p, o);
    if (differentiable(p.fn(p.inputs)).empty()) return set_all(r, Verdict::no_graph), r;
    if (!readings_agree(p)) return set_all(r, Verdict::readings_differ), r;
    p = derivative_of(p);
  }
  return check_problem(p, o);
}

}  // namespace

void gradcheck_wrong_arity(std::size_t inputs) {
  fail("gradcheck: the function takes neither {} tensors, one an argument, nor a vector of tensors",
       inputs);
}

GradcheckReport run_gradcheck(const GradcheckFn& fn, const Tensors& inputs,
                              const GradcheckOptions& options) {
  check_inputs(inputs, options);
  AutoGradMode record(true);
  Problem p{fn, inputs, {}};
  for (std::size_t i = 0; i < inputs.size(); ++i) p.names.push_back("input " + std::to_string(i));
  GradcheckReport r = check_order(std::move(p), options);
  if (options.raise_exception && !r.ok()) throw autograd::GradcheckError(std::move(r));
  return r;
}

}  // namespace downhill::detail

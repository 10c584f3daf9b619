// Helpers of the sweep, and a test of what they rest on.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <set>

#include <downhill/autograd.h>
#include <downhill/tensor.h>

#include "checks.h"

namespace downhill::sweep {
namespace {

Tensor spread(const Tensor& x) {
  Shape size = x.sizes();
  if (size.empty()) return x.clone();
  size[size.size() - 1] *= 2;
  Tensor wide = full(size, 7, x.dtype());
  Tensor r = wide.slice(-1, 0, {}, 2);
  r.copy_(x);
  return r;
}

Tensor turned(const Tensor& x) {
  if (x.dim() < 2) return spread(x);
  return x.transpose(0, -1).contiguous().transpose(0, -1);
}

template <class F> Tensors map_inputs(const Tensors& inputs, bool grad, F f) {
  NoGradGuard guard;
  Tensors r;
  for (const Tensor& x : inputs) {
    r.push_back(x.defined() ? f(x) : x);
    if (grad && r.back().defined() && r.back().is_floating_point()) r.back().requires_grad_();
  }
  return r;
}

}  // namespace

Tensors fresh(const Tensors& inputs, bool grad) {
  return map_inputs(inputs, grad, [](const Tensor& x) { return x.clone(); });
}
Tensors strided(const Tensors& inputs, bool grad) {
  bool turn = false;
  return map_inputs(inputs, grad, [&](const Tensor& x) {
    if (!x.is_floating_point()) return x.clone();
    turn = !turn;
    return turn ? spread(turned(x)) : turned(x);
  });
}
Tensors narrowed(const Tensors& inputs) {
  return map_inputs(inputs, true, [](const Tensor& x) {
    return x.is_floating_point() ? x.to(kFloat32) : x.clone();
  });
}

bool is_recorded(std::string_view name, const Tensors& outputs) {
  std::vector<const Node*> open;
  std::set<const Node*> seen;
  for (const Tensor& y : outputs)
    if (y.requires_grad()) open.push_back(y.impl().history.get());
  while (!open.empty()) {
    const Node* n = open.back();
    open.pop_back();
    if (!seen.insert(n).second) continue;
    if (n->name() == name) return true;
    for (const Edge& e : n->edges())
      if (e.node) open.push_back(e.node.get());
  }
  return false;
}

Tensors floating(const Tensors& all) {
  Tensors r;
  for (const Tensor& t : all)
    if (t.defined() && t.is_floating_point()) r.push_back(t);
  return r;
}
Tensors differentiable(const Tensors& all) {
  Tensors r;
  for (const Tensor& t : floating(all))
    if (t.requires_grad()) r.push_back(t);
  return r;
}

Tensors incoming(const Tensors& outputs) {
  Tensors r;
  std::uint64_t seed = 40;
  for (const Tensor& y : outputs)
    r.push_back(detail::sample_tensor(y.sizes(), ++seed).to(y.dtype()));
  return r;
}

Tensors gradients(const Sample& s, const Tensors& inputs, bool create_graph) {
  const Tensors ys = differentiable(s.fn(inputs)), xs = differentiable(inputs);
  Tensors r = autograd::grad(ys, xs, incoming(ys), {}, create_graph, true);
  for (std::size_t i = 0; i < r.size(); ++i)
    if (!r[i].defined()) r[i] = zeros(xs[i].sizes(), xs[i].dtype());
  return r;
}

double distance(const Tensors& a, const Tensors& b) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  NoGradGuard guard;
  double worst = a.size() == b.size() ? 0 : infinity;
  for (std::size_t i = 0; i < a.size() && worst < infinity; ++i) {
    if (!(a[i].sizes() == b[i].sizes())) return infinity;
    const Tensor x = a[i].to(kFloat64).contiguous(), y = b[i].to(kFloat64).contiguous();
    for (std::int64_t k = 0; k < x.numel(); ++k) {
      const double p = x.data_ptr<double>()[k], q = y.data_ptr<double>()[k];
      if (p == q || (std::isnan(p) && std::isnan(q))) continue;
      const double d = std::abs(p - q) / (1 + std::abs(q));
      worst = std::isnan(d) ? infinity : std::max(worst, d);
    }
  }
  return worst;
}

bool all_finite(const Tensor& t) {
  const Tensor x = t.detach().to(kFloat64).contiguous();
  for (std::int64_t k = 0; k < x.numel(); ++k)
    if (!std::isfinite(x.data_ptr<double>()[k])) return false;
  return true;
}

TEST_CASE("the sweep's strided inputs hold the same values in another layout") {
  const Tensors x = {detail::sample_tensor({2, 3}), detail::sample_tensor({2, 3})};
  const Tensors y = strided(x, true);
  CHECK(distance(x, y) == 0);
  CHECK(!y[0].is_contiguous());
  CHECK(!y[1].is_contiguous());
  CHECK(y[0].requires_grad());
  CHECK(distance({x[0]}, {x[0] + 1}) > 0.1);
}

}  // namespace downhill::sweep

#include <downhill/tensor/elementwise.h>

#include <downhill/tensor/check.h>
#include <downhill/tensor/op.h>
#include <downhill/tensor/ops.h>

namespace downhill::detail {

Tensor TensorDual::number_tensor(const Scalar& n) { return downhill::detail::number_tensor(n); }

TensorDual TensorDual::call(const PointwiseOp& op, const void* state,
                            std::span<const TensorDual* const> in) {
  const Tensor* values[max_inputs];
  Tensor args[max_inputs + 1];
  for (std::size_t i = 0; i < in.size(); ++i) {
    values[i] = &in[i]->v;
    args[i] = in[i]->v;
  }
  TensorDual r(call_pointwise(op, state, {values, in.size()}));
  args[in.size()] = r.v;
  for (int k = 0; k < max_elementwise; ++k)
    for (std::size_t i = 0; i < in.size(); ++i) {
      if (!in[i]->d[k].defined() || !op.rules[i].exists) continue;
      Tensor t = op.rules[i].tensor(state, in[i]->d[k], args);
      r.d[k] = r.d[k].defined() ? r.d[k] + t : t;
    }
  return r;
}

Tensor TensorDual::compare(const TensorDual& a, const TensorDual& b, const PointwiseOp& op) {
  const Tensor* in[] = {&a.v, &b.v};
  const op::Lt no_parameters;  // as in every comparison
  return call_pointwise(op, &no_parameters, in);
}

TensorDual TensorDual::choose(const Tensor& c, const TensorDual& a, const TensorDual& b) {
  TensorDual r(downhill::where(c, a.v, b.v));
  for (int k = 0; k < max_elementwise; ++k) {
    if (!a.d[k].defined() && !b.d[k].defined()) continue;
    if (!b.d[k].defined()) r.d[k] = downhill::where(c, a.d[k], 0);
    else if (!a.d[k].defined()) r.d[k] = downhill::where(c, 0, b.d[k]);
    else r.d[k] = downhill::where(c, a.d[k], b.d[k]);
  }
  return r;
}

DType ElementwiseRun::compute_dtype(std::span<const Tensor* const> in) {
  DType t = kBool;
  for (const Tensor* x : in) {
    check_defined("elementwise", *x);
    t = promote(t, x->dtype());
  }
  return is_floating(t) ? t : default_dtype();
}

Tensor ElementwiseRun::forward(const PointwiseKernel& k, const void* f, DType compute,
                               std::span<const Tensor* const> in) {
  Shape size = in[0]->sizes();
  TensorImpl* p[max_elementwise];
  for (std::size_t i = 0; i < in.size(); ++i) {
    size = broadcast("elementwise", size, in[i]->sizes());
    p[i] = &in[i]->impl();
  }
  Tensor out = p[0]->dense && p[0]->size == size ? new_like(thread_state(), *p[0], compute)
                                                 : new_tensor(thread_state(), size, compute);
  TensorImpl* q[] = {&out.impl()};
  run_pointwise({&k, f, compute, 0, false, true}, q, {p, in.size()});
  return out;
}

void ElementwiseRun::backward(const PointwiseKernel& k, const void* f, Backward& b, unsigned wanted,
                              std::span<const Saved> saved) {
  TensorImpl& g = b.grad().impl();
  TensorImpl *p[max_elementwise + 1] = {&g}, *q[max_elementwise];
  for (std::size_t i = 0; i < saved.size(); ++i)
    p[i + 1] = saved[i] ? &saved[i].value(b.node()) : &g;
  Tensor r[max_elementwise];
  std::size_t n = 0;
  for (int i = 0; i < static_cast<int>(saved.size()); ++i)
    if (wanted >> i & 1) {
      r[i] = new_like(thread_state(), g, g.dtype);
      q[n++] = &r[i].impl();
    }
  run_pointwise({&k, f, g.dtype, 0, false, true}, {q, n}, {p, saved.size() + 1});
  for (int i = 0; i < static_cast<int>(saved.size()); ++i)
    if (r[i].defined()) b.set(i, std::move(r[i]));
}

}  // namespace downhill::detail

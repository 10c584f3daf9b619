// Copies, conversions and fills.
#include <cmath>
#include <cstring>

#include "../families.h"
#include "../inplace.h"
#include "../pointwise_table.h"

namespace downhill {
namespace detail {

template <> std::vector<OpEntry> entries<CopyOps>() { return pointwise_entries(CopyOps{}); }

namespace {

// A recorded copy of x into `out`, which already has the shape and dtype wanted.
Tensor copied_into(Tensor out, const Tensor& x) {
  TensorImpl *p[] = {&x.impl()}, *q[] = {&out.impl()};
  const DType compute = compute_dtype((q[0]->dtype == kBool ? p : q)[0]->dtype);
  const op::Copy copy;
  if (p[0]->contiguous && q[0]->contiguous && p[0]->dtype == q[0]->dtype &&
      p[0]->numel == q[0]->numel)
    std::memcpy(q[0]->data, p[0]->data,
                static_cast<std::size_t>(p[0]->numel) * size_of(p[0]->dtype));
  else run_pointwise({pointwise_op<op::Copy>.forward[kernel_index(compute)], &copy, compute}, q, p);
  return out;
}

struct CopyNode final : Node {
  explicit CopyNode(const Tensor& x) : Node(&edge_, 1, &output_, 1), edge_(edge_to(x.impl())) {
    finish_recording(*this);
  }
  std::string_view name() const override { return op::Copy::name; }
  void backward(Backward& b) override { b.set(0, b.grad()); }

 private:
  Edge edge_;
  NodeOutput output_;
};

bool recorded(const Tensor& x) { return grad_mode() && x.requires_grad(); }

Tensor record_copy(Tensor out, const Tensor& x) {
  static_assert(is_listed<op::Copy, CopyOps>);
  if (!recorded(x) || !out.is_floating_point()) return out;
  check_view_is_current("clone", x.impl());
  Tensor* outs[] = {&out};
  attach(make_node<CopyNode>(thread_state(), x), outs);
  return out;
}

void fill_data(TensorImpl& p, const Scalar& value) {
  if (p.contiguous && value.to<double>() == 0 && !std::signbit(value.to<double>()))
    return void(std::memset(p.data, 0, static_cast<std::size_t>(p.numel) * size_of(p.dtype)));
  const DType compute = compute_dtype(p.dtype);
  const op::Fill fill{p.dtype == kBool ? Scalar(value.to<bool>()) : value};
  TensorImpl* q[] = {&p};
  run_pointwise({pointwise_op<op::Fill>.forward[kernel_index(compute)], &fill, compute}, q, q);
}

}  // namespace
}  // namespace detail

Tensor clone(const Tensor& x) {
  detail::check_defined("clone", x);
  return detail::record_copy(
      detail::copied_into(detail::new_like(detail::thread_state(), x.impl(), x.dtype()), x), x);
}
Tensor contiguous(const Tensor& x) {
  detail::check_defined("contiguous", x);
  if (x.is_contiguous()) return x;
  return detail::record_copy(
      detail::copied_into(detail::new_tensor(detail::thread_state(), x.sizes(), x.dtype()), x), x);
}
Tensor to(const Tensor& x, DType dtype) {
  detail::check_defined("to", x);
  if (x.dtype() == dtype) return x;
  return detail::record_copy(
      detail::copied_into(detail::new_like(detail::thread_state(), x.impl(), dtype), x), x);
}

Tensor Tensor::clone() const { return downhill::clone(*this); }
Tensor Tensor::contiguous() const { return downhill::contiguous(*this); }
Tensor Tensor::to(DType dtype) const { return downhill::to(*this, dtype); }

const Tensor& Tensor::copy_(const Tensor& source) const {
  detail::check_defined("copy_", *this);
  detail::check_defined("copy_", source);
  const bool record = grad_mode() && source.requires_grad() && is_floating_point();
  const bool becomes_constant = grad_mode() && !record && requires_grad();
  detail::check_writable("copy_", *this, record || requires_grad());
  const Shape size = detail::broadcast("copy_", sizes(), source.sizes());
  check(size == sizes(), "copy_: a source of shape {} does not fit into shape {}", source.sizes(),
        sizes());
  if (record) detail::check_view_is_current("copy_", source.impl());
  NoGradGuard guard;
  detail::copied_into(*this,
                      detail::overlaps_partly(impl(), source.impl()) ? source.clone() : source);
  detail::bump_version(*this);
  if (record)
    detail::rebase_history(*this, make_node<detail::CopyNode>(detail::thread_state(), source));
  else if (becomes_constant) impl().history = {}, ++impl().storage->recorded;
  return *this;
}

const Tensor& Tensor::fill_(const Scalar& value) const {
  detail::check_defined("fill_", *this);
  detail::check_fits("fill_", value, dtype());
  if (grad_mode() && requires_grad() && !is_leaf())
    return detail::call_<detail::CopyOps>(op::Fill{value}, *this);
  detail::check_writable("fill_", *this, false);
  detail::fill_data(impl(), value);
  detail::bump_version(*this);
  return *this;
}

}  // namespace downhill

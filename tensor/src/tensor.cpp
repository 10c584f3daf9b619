#include <downhill/tensor/tensor.h>

#include <algorithm>

#include <downhill/tensor/check.h>
#include <downhill/tensor/format.h>
#include <downhill/tensor/graph.h>

namespace downhill {
namespace detail {

TensorImpl::TensorImpl() = default;
TensorImpl::~TensorImpl() = default;

namespace {

TensorImpl* make_impl(ThreadState& t) {
  t.live_tensors.add(1);
  return ::new (pool_get(t, sizeof(TensorImpl))) TensorImpl;
}

void copy_layout(TensorImpl& to, const TensorImpl& from) {
  to.dtype = from.dtype;
  to.contiguous = from.contiguous;
  to.dense = from.dense;
  to.number = from.number;
  to.data = from.data;
  to.numel = from.numel;
  to.size = from.size;
  to.stride = from.stride;
}

bool is_dense(const TensorImpl& p) {
  int order[kMaxDims], n = 0;
  for (int d = 0; d < p.size.size(); ++d) {
    if (p.size[d] == 1) continue;
    int at = n++;
    for (; at > 0 && p.stride[order[at - 1]] > p.stride[d]; --at) order[at] = order[at - 1];
    order[at] = d;
  }
  std::int64_t expected = 1;
  for (int i = 0; i < n; expected *= p.size[order[i++]])
    if (p.stride[order[i]] != expected) return false;
  return true;
}

}  // namespace

void update_layout(TensorImpl& p) {
  std::int64_t n = 1, expected = 1;
  bool row_major = true;
  for (int d = p.size.size() - 1; d >= 0; --d) {
    n *= p.size[d];
    if (p.size[d] == 1) continue;
    row_major &= p.stride[d] == expected;
    expected *= p.size[d];
  }
  p.numel = n;
  p.contiguous = row_major || n == 0;
  p.dense = p.contiguous || is_dense(p);
}

void TensorImpl::destroy(TensorImpl* p) {
  if (p->values.unique()) return destroy_value(p);
  p->history = {};
  p->base = {};
  if (p->values.release()) destroy_value(p);
}

void TensorImpl::destroy_value(TensorImpl* p) {
  ThreadState& t = thread_state();
  p->~TensorImpl();
  t.live_tensors.add(-1);
  pool_put(t, p, sizeof(TensorImpl));
}

Tensor new_tensor(ThreadState& t, const Shape& size, DType dtype) {
  TensorImpl* p = make_impl(t);
  Tensor r(Ref<TensorImpl>::adopt(p));
  p->dtype = dtype;
  p->size = p->stride = size;
  std::int64_t n = 1;
  bool overflow = false;
  for (int d = size.size() - 1; d >= 0; --d) {
    p->stride[d] = n;
    overflow |= __builtin_mul_overflow(n, size[d], &n);
  }
  if (overflow || n == 0 || n > kMaxNumel) [[unlikely]]
    n = checked_numel("tensor", size);
  if (n == 0) p->stride = contiguous_strides(size);
  p->numel = n;
  p->storage = Storage::make(t, static_cast<std::size_t>(n) * size_of(dtype));
  p->data = p->storage->data;
  return r;
}

Tensor new_like(ThreadState& t, const TensorImpl& like, DType dtype) {
  Tensor r = new_tensor(t, like.size, dtype);
  if (like.dense && !like.contiguous) {
    TensorImpl& p = r.impl();
    p.stride = like.stride;
    p.contiguous = false;
  }
  return r;
}

Tensor number_tensor(const Scalar& value) {
  const bool floating = value.kind() == Scalar::Kind::floating;
  Tensor r = new_tensor(thread_state(), {},
                        floating                                ? kFloat64
                        : value.kind() == Scalar::Kind::integer ? kInt64
                                                                : kBool);
  r.impl().number = true;
  if (floating) *static_cast<double*>(r.impl().data) = value.to<double>();
  else if (r.dtype() == kInt64)
    *static_cast<std::int64_t*>(r.impl().data) = value.to<std::int64_t>();
  else *static_cast<bool*>(r.impl().data) = value.to<bool>();
  return r;
}

Tensor new_alias(ThreadState& t, const TensorImpl& of) {
  TensorImpl* p = make_impl(t);
  copy_layout(*p, of);
  p->storage = of.storage;
  return Tensor(Ref<TensorImpl>::adopt(p));
}

Tensor new_view(const Tensor& of, const Shape& size, const Shape& stride, std::int64_t offset) {
  const TensorImpl& from = of.impl();
  TensorImpl* p = make_impl(thread_state());
  p->dtype = from.dtype;
  p->size = size;
  p->stride = stride;
  update_layout(*p);
  p->data = static_cast<char*>(from.data) + offset * static_cast<std::int64_t>(size_of(from.dtype));
  p->storage = from.storage;
  p->base = from.base ? from.base : of.ref();
  p->view_recorded = from.storage->recorded;
  return Tensor(Ref<TensorImpl>::adopt(p));
}

}  // namespace detail

void Tensor::undefined() { fail("tensor: this tensor is undefined (it was never given a value)"); }

std::int64_t Tensor::size(std::int64_t dim) const {
  check_index(dim >= -this->dim() && dim < this->dim(),
              "size: dimension {} is out of range for shape {}", dim, sizes());
  return sizes()[static_cast<int>(dim < 0 ? dim + this->dim() : dim)];
}
std::int64_t Tensor::stride(std::int64_t dim) const {
  check_index(dim >= -this->dim() && dim < this->dim(),
              "stride: dimension {} is out of range for shape {}", dim, sizes());
  return strides()[static_cast<int>(dim < 0 ? dim + this->dim() : dim)];
}

void* Tensor::typed_data(const char* op, DType expected) const {
  check(dtype() == expected, "{}: asked for {}, but the tensor is {}", op, name_of(expected),
        name_of(dtype()));
  return impl().data;
}

void Tensor::check_rank(int n) const {
  check(dim() == n, "accessor: asked for {} dimensions, but the tensor has shape {}", n, sizes());
}

Scalar Tensor::item_scalar() const {
  check(numel() == 1, "item: needs exactly one element, got shape {}", sizes());
  const void* p = impl().data;
  switch (dtype()) {
    case DType::boolean:
      return *static_cast<const bool*>(p);
    case DType::uint8:
      return *static_cast<const std::uint8_t*>(p);
    case DType::int32:
      return *static_cast<const std::int32_t*>(p);
    case DType::int64:
      return *static_cast<const std::int64_t*>(p);
    case DType::float32:
      return *static_cast<const float*>(p);
    default:
      return *static_cast<const double*>(p);
  }
}

Tensor Tensor::detach() const { return detail::new_alias(detail::thread_state(), impl()); }

void Tensor::set_data(const Tensor& other) {
  detail::TensorImpl& p = impl();
  check(is_leaf(), "set_data: an intermediate result (made by {}) cannot be given other data",
        p.history ? p.history->name() : "");
  check(!requires_grad() || other.is_floating_point(),
        "set_data: a tensor that requires a gradient needs a floating-point "
        "dtype, got {}",
        name_of(other.dtype()));
  check(p.values.unique(),
        "set_data: backward still needs the value of this tensor; call it after "
        "backward");
  detail::copy_layout(p, other.impl());
  p.storage = other.impl().storage;
  p.base = {};
  if (!p.history) return;
  p.history->outputs()[0].size = p.size;
  p.history->outputs()[0].dtype = p.dtype;
}

}  // namespace downhill

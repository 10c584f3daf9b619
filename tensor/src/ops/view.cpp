// Views: the same elements under another shape.
#include <downhill/tensor/factory.h>
#include <downhill/tensor/format.h>

#include "ops/strided_copy.h"
#include "ops/view_ops.h"

namespace downhill {
namespace detail {

namespace {

// A view of all of x: the caller then edits its layout where it lies, which is cheaper than to make
// shapes first and to copy them.
Tensor look_at(const Tensor& x) {
  const TensorImpl& from = x.impl();
  Tensor r = new_alias(thread_state(), from);
  TensorImpl& p = r.impl();
  p.base = from.base ? from.base : x.ref();
  p.view_recorded = from.storage->recorded;
  return r;
}

char* place_at(void* data, DType t, std::int64_t offset) {
  return static_cast<char*>(data) + offset * static_cast<std::int64_t>(size_of(t));
}

}  // namespace

Tensor window(const Tensor& x, const Region& r) {
  Tensor view = look_at(x);
  TensorImpl& p = view.impl();
  p.data = place_at(p.data, p.dtype, r.cut(p.size, p.stride));
  update_layout(p);
  return record<SliceView>(std::move(view), {&x}, [&] { return SliceView::Values{x.sizes(), r}; });
}

Tensor place(const Tensor& g, const Shape& whole, const Region& r) {
  const TensorImpl& from = g.impl();
  Tensor out = zeros(whole, from.dtype);
  Shape size = whole, stride = out.strides();
  char* to = place_at(out.data_ptr(), from.dtype, r.cut(size, stride));
  StridedCopy(size, {from.dtype, stride}, {from.dtype, from.stride})(to, from.data);
  return record<SliceScatter>(std::move(out), {&g}, [&] { return SliceScatter::Values{r}; });
}

namespace {

// `shape` with its -1 replaced, into `size`, after all checks.
void fill_in(const char* op, const Tensor& x, const Shape& shape, Shape& size) {
  int hole = -1;
  size = {};
  for (int d = 0; d < shape.size(); ++d) {
    size.push_back(shape[d]);
    if (shape[d] != -1) continue;
    check(hole < 0, "{}: only one size may be -1, got {}", op, shape);
    size[hole = d] = 1;
  }
  const std::int64_t n = checked_numel(op, size);
  if (hole < 0)
    return check(n == x.numel(), "{}: cannot make {} from {} ({} and {} elements)", op, shape,
                 x.sizes(), n, x.numel());
  check(n > 0, "{}: the -1 in {} could be anything, since {} has no elements", op, shape,
        x.sizes());
  check(x.numel() % n == 0, "{}: cannot make {} from {} ({} elements do not divide by {})", op,
        shape, x.sizes(), x.numel(), n);
  size[hole] = x.numel() / n;
}

void set_row_major(const Shape& size, Shape& stride) {
  std::int64_t n = 1;
  stride = {};
  for (int d = 0; d < size.size(); ++d) stride.push_back(1);
  for (int d = size.size() - 1; d >= 0; --d) {
    stride[d] = n;
    if (size[d] > 0) n *= size[d];
  }
}

// Strides that show x under another shape, where there are any: every run of x's dimensions that
// lie on in memory has to be made of whole new dimensions.
bool find_strides(const TensorImpl& x, const Shape& size, Shape& stride) {
  set_row_major(size, stride);
  if (x.contiguous) return true;
  int to = size.size() - 1;
  for (int from = x.size.size() - 1; from >= 0;) {
    const std::int64_t step = x.stride[from];
    std::int64_t run = x.size[from--], done = 1;
    while (from >= 0 && (x.size[from] == 1 || x.stride[from] == run * step)) run *= x.size[from--];
    for (; to >= 0 && (done < run || size[to] == 1); done *= size[to--]) stride[to] = done * step;
    if (done != run) return false;
  }
  return true;
}

Tensor record_reshape(Tensor view, const Tensor& x) {
  return record<Reshape>(std::move(view), {&x}, [&] { return Reshape::Values{x.sizes()}; });
}

// Undefined where x's strides do not allow it.
Tensor view_or_nothing(const char* op, const Tensor& x, const Shape& shape) {
  check_defined(op, x);
  Tensor view = look_at(x);
  TensorImpl& p = view.impl();
  fill_in(op, x, shape, p.size);
  if (!find_strides(x.impl(), p.size, p.stride)) return {};
  if (!p.contiguous) update_layout(p);
  return record_reshape(std::move(view), x);
}

void drop_if_one(const Tensor& view, int d) {
  TensorImpl& p = view.impl();
  if (p.size[d] != 1) return;
  p.size.erase(d);
  p.stride.erase(d);
}

int wrap_nonscalar(const char* op, const Tensor& x, std::int64_t dim) {
  check_defined(op, x);
  check_index(!x.sizes().empty(), "{}: a 0-d tensor has no dimension to select from", op);
  return wrap_dim(op, dim, x.sizes().size());
}

std::int64_t clamped(std::int64_t bound, std::int64_t size) {
  if (bound < 0) bound += size;
  return bound < 0 ? 0 : bound > size ? size : bound;
}

}  // namespace
}  // namespace detail

Tensor reshape(const Tensor& x, const Shape& shape) {
  Tensor r = detail::view_or_nothing("reshape", x, shape);
  return r.defined() ? r : detail::view_or_nothing("reshape", contiguous(x), shape);
}

Tensor view(const Tensor& x, const Shape& shape) {
  Tensor r = detail::view_or_nothing("view", x, shape);
  check(r.defined(),
        "view: the elements of {} with strides {} cannot be shown as {} without a copy; use "
        "reshape",
        x.sizes(), x.strides(), shape);
  return r;
}

Tensor flatten(const Tensor& x, std::int64_t start_dim, std::int64_t end_dim) {
  detail::check_defined("flatten", x);
  const Shape& from = x.sizes();
  const int first = detail::wrap_dim("flatten", start_dim, from.size());
  const int last = detail::wrap_dim("flatten", end_dim, from.size());
  check(first <= last, "flatten: start_dim {} comes after end_dim {}", start_dim, end_dim);
  Shape to(from.data(), first);
  to.push_back(1);
  for (int d = first; d <= last && d < from.size(); ++d) to[first] *= from[d];
  for (int d = last + 1; d < from.size(); ++d) to.push_back(from[d]);
  return reshape(x, to);
}

Tensor transpose(const Tensor& x, std::int64_t dim0, std::int64_t dim1) {
  detail::check_defined("transpose", x);
  const int dims = x.sizes().size();
  const int a = detail::wrap_dim("transpose", dim0, dims);
  const int b = detail::wrap_dim("transpose", dim1, dims);
  Tensor view = detail::look_at(x);
  detail::TensorImpl& p = view.impl();
  std::swap(p.size[a], p.size[b]);
  std::swap(p.stride[a], p.stride[b]);
  detail::update_layout(p);
  return detail::record<detail::Permute>(std::move(view), {&x}, [&] {
    detail::Permute::Values v;
    for (int d = 0; d < dims; ++d) v.dims.push_back(d == a ? b : d == b ? a : d);
    return v;
  });
}

Tensor t(const Tensor& x) {
  detail::check_defined("t", x);
  check(x.dim() <= 2, "t: needs at most 2 dimensions, got {}", x.sizes());
  return x.dim() < 2 ? transpose(x, 0, 0) : transpose(x, 0, 1);
}

Tensor permute(const Tensor& x, const Shape& dims) {
  detail::check_defined("permute", x);
  const detail::TensorImpl& from = x.impl();
  Tensor view = detail::look_at(x);
  detail::TensorImpl& p = view.impl();
  unsigned seen = 0;
  bool each_once = dims.size() == from.size.size();
  for (int d = 0; d < dims.size() && each_once; ++d) {
    const int k = detail::wrap_dim("permute", dims[d], dims.size());
    each_once = !(seen >> k & 1);
    seen |= 1u << k;
    p.size[d] = from.size[k];
    p.stride[d] = from.stride[k];
  }
  check(each_once, "permute: {} does not name every dimension of {} once", dims, from.size);
  detail::update_layout(p);
  return detail::record<detail::Permute>(std::move(view), {&x}, [&] {
    detail::Permute::Values v;
    for (std::int64_t d : dims) v.dims.push_back(d < 0 ? d + dims.size() : d);
    return v;
  });
}

Tensor expand(const Tensor& x, const Shape& shape) {
  detail::check_defined("expand", x);
  const detail::TensorImpl& from = x.impl();
  const int added = shape.size() - from.size.size();
  check(added >= 0, "expand: {} has fewer dimensions than {}", shape, from.size);
  Tensor view = detail::look_at(x);
  detail::TensorImpl& p = view.impl();
  p.size = p.stride = {};
  for (int d = 0; d < shape.size(); ++d) {
    const bool is_new = d < added;
    const std::int64_t old = is_new ? 1 : from.size[d - added];
    const std::int64_t size = shape[d] == -1 && !is_new ? old : shape[d];
    check(old == size || old == 1, "expand: cannot expand {} to {} (dimension {}: {} is not 1)",
          from.size, shape, d, old);
    p.size.push_back(size);
    p.stride.push_back(old == size && !is_new ? from.stride[d - added] : 0);
  }
  detail::checked_numel("expand", p.size);
  detail::update_layout(p);
  return detail::record<detail::Expand>(std::move(view), {&x},
                                        [] { return detail::Expand::Values{}; });
}

Tensor squeeze(const Tensor& x) {
  detail::check_defined("squeeze", x);
  Tensor view = detail::look_at(x);
  for (int d = x.sizes().size() - 1; d >= 0; --d) detail::drop_if_one(view, d);
  return detail::record_reshape(std::move(view), x);
}

Tensor squeeze(const Tensor& x, std::int64_t dim) {
  detail::check_defined("squeeze", x);
  const int d = detail::wrap_dim("squeeze", dim, x.sizes().size());
  Tensor view = detail::look_at(x);
  if (x.dim() > 0) detail::drop_if_one(view, d);
  return detail::record_reshape(std::move(view), x);
}

Tensor unsqueeze(const Tensor& x, std::int64_t dim) {
  detail::check_defined("unsqueeze", x);
  const int d = detail::wrap_dim("unsqueeze", dim, x.sizes().size() + 1, "a result");
  Tensor view = detail::look_at(x);
  detail::TensorImpl& p = view.impl();
  p.stride.insert(d, d < p.size.size() ? p.size[d] * p.stride[d] : 1);
  p.size.insert(d, 1);
  return detail::record_reshape(std::move(view), x);
}

Tensor select(const Tensor& x, std::int64_t dim, std::int64_t index) {
  const int d = detail::wrap_nonscalar("select", x, dim);
  const std::int64_t n = x.sizes()[d], i = index < 0 ? index + n : index;
  check_index(i >= 0 && i < n, "select: index {} is out of range for dimension {} of size {}",
              index, d, n);
  return detail::window(x, {d, i, 1, 1, true});
}

Tensor slice(const Tensor& x, std::int64_t dim, std::optional<std::int64_t> start,
             std::optional<std::int64_t> end, std::int64_t step) {
  const int d = detail::wrap_nonscalar("slice", x, dim);
  check(step >= 1, "slice: the step must be at least 1, got {}", step);
  const std::int64_t n = x.sizes()[d];
  const std::int64_t from = detail::clamped(start.value_or(0), n);
  const std::int64_t to = detail::clamped(end.value_or(n), n);
  return detail::window(x, {d, from, to > from ? (to - from - 1) / step + 1 : 0, step, false});
}

Tensor narrow(const Tensor& x, std::int64_t dim, std::int64_t start, std::int64_t length) {
  const int d = detail::wrap_nonscalar("narrow", x, dim);
  const std::int64_t n = x.sizes()[d], from = start < 0 ? start + n : start;
  check(length >= 0, "narrow: negative length {}", length);
  check_index(from >= 0 && from <= n && length <= n - from,
              "narrow: start {} and length {} do not fit dimension {} of size {}", start, length, d,
              n);
  return detail::window(x, {d, from, length, 1, false});
}

Tensor Tensor::reshape(const Shape& shape) const { return downhill::reshape(*this, shape); }
Tensor Tensor::view(const Shape& shape) const { return downhill::view(*this, shape); }
Tensor Tensor::flatten(std::int64_t start_dim, std::int64_t end_dim) const {
  return downhill::flatten(*this, start_dim, end_dim);
}
Tensor Tensor::transpose(std::int64_t dim0, std::int64_t dim1) const {
  return downhill::transpose(*this, dim0, dim1);
}
Tensor Tensor::t() const { return downhill::t(*this); }
Tensor Tensor::permute(const Shape& dims) const { return downhill::permute(*this, dims); }
Tensor Tensor::expand(const Shape& shape) const { return downhill::expand(*this, shape); }
Tensor Tensor::squeeze() const { return downhill::squeeze(*this); }
Tensor Tensor::squeeze(std::int64_t dim) const { return downhill::squeeze(*this, dim); }
Tensor Tensor::unsqueeze(std::int64_t dim) const { return downhill::unsqueeze(*this, dim); }
Tensor Tensor::select(std::int64_t dim, std::int64_t index) const {
  return downhill::select(*this, dim, index);
}
Tensor Tensor::slice(std::int64_t dim, std::optional<std::int64_t> start,
                     std::optional<std::int64_t> end, std::int64_t step) const {
  return downhill::slice(*this, dim, start, end, step);
}
Tensor Tensor::narrow(std::int64_t dim, std::int64_t start, std::int64_t length) const {
  return downhill::narrow(*this, dim, start, length);
}

}  // namespace downhill

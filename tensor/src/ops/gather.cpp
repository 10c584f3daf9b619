// One element picked along a dimension for every element of the index, and the adjoint.
#include <downhill/tensor/factory.h>
#include <downhill/tensor/format.h>

#include "ops/index_ops.h"
#include "ops/strided_copy.h"

namespace downhill {
namespace detail {
namespace {

// Calls f(i, place) for the i-th element of the contiguous index: place is where in a tensor of
// these strides it points.
template <class F> void each_picked(const Tensor& index, const Shape& stride, int dim, F f) {
  const Shape& size = index.sizes();
  const int last = size.size() - 1;
  Shape others = stride;
  others[dim] = 0;
  const Levels rows(size, others, 0, last);
  const std::int64_t n = size[last], along = stride[dim], step = others[last];
  const std::int64_t* at = index.data_ptr<std::int64_t>();
  for (std::int64_t r = 0; r < rows.numel(); ++r) {
    const std::int64_t base = rows.offset(r);
    for (std::int64_t i = 0; i < n; ++i) f(r * n + i, base + i * step + at[r * n + i] * along);
  }
}

Tensor lifted(const Tensor& x) { return x.dim() == 0 ? unsqueeze(x, 0) : x; }

// The dimension, after all checks of an index (already lifted, as x is).
int checked_dim(const char* op, const Tensor& x, std::int64_t dim, const Tensor& index) {
  const int d = wrap_dim(op, dim, x.sizes().size());
  check_index_dtype(op, index);
  check(index.dim() == x.dim(), "{}: an index of shape {} does not have as many dimensions as {}",
        op, index.sizes(), x.sizes());
  for (int k = 0; k < x.dim(); ++k)
    check(k == d || index.sizes()[k] <= x.sizes()[k],
          "{}: an index of shape {} is larger than {} in dimension {}", op, index.sizes(),
          x.sizes(), k);
  check_positions(op, dense_data(index), d, x.sizes()[d], false);
  return d;
}

Tensor like_index(Tensor src, const Tensor& index) {
  check(src.dim() == index.dim(),
        "scatter_add: src of shape {} does not have as many dimensions as the index {}",
        src.sizes(), index.sizes());
  for (int d = 0; d < index.dim(); ++d) {
    const std::int64_t n = index.sizes()[d];
    check(n <= src.sizes()[d],
          "scatter_add: an index of shape {} is larger than src {} in dimension {}", index.sizes(),
          src.sizes(), d);
    if (n < src.sizes()[d]) src = narrow(src, d, 0, n);
  }
  return src;
}

}  // namespace

Tensor pick(const Tensor& x, int dim, const Tensor& index) {
  Tensor out = new_tensor(thread_state(), index.sizes(), x.dtype());
  dispatch_all(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T* from = static_cast<const T*>(x.data_ptr());
    T* to = static_cast<T*>(out.data_ptr());
    each_picked(dense_data(index), x.strides(), dim,
                [=](std::int64_t i, std::int64_t at) { to[i] = from[at]; });
  });
  return record<Gather>(std::move(out), {&x, &index}, [&] {
    return Gather::Values{Saved(index), x.sizes(), dim};
  });
}

Tensor add_picked(const Tensor& x, const Shape& size, int dim, const Tensor& index,
                  const Tensor& src) {
  Tensor out =
      x.defined() ? new_tensor(thread_state(), size, src.dtype()) : zeros(size, src.dtype());
  if (x.defined())
    StridedCopy(size, {x.dtype(), out.strides()}, {x.dtype(), x.strides()})(out.data_ptr(),
                                                                            x.data_ptr());
  const Tensor dense = dense_data(src);
  dispatch_all(src.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T* from = static_cast<const T*>(dense.data_ptr());
    T* to = static_cast<T*>(out.data_ptr());
    each_picked(dense_data(index), out.strides(), dim, [=](std::int64_t i, std::int64_t at) {
      to[at] = static_cast<T>(to[at] + from[i]);
    });
  });
  return record<ScatterAdd>(std::move(out), {&x, &index, &src}, [&] {
    return ScatterAdd::Values{Saved(index), dim};
  });
}

}  // namespace detail

Tensor gather(const Tensor& x, std::int64_t dim, const Tensor& index) {
  detail::check_defined("gather", x);
  detail::check_defined("gather", index);
  const Tensor from = detail::lifted(x), at = detail::lifted(index);
  const Tensor r = detail::pick(from, detail::checked_dim("gather", from, dim, at), at);
  return index.dim() == 0 ? squeeze(r, 0) : r;
}

Tensor scatter_add(const Tensor& x, std::int64_t dim, const Tensor& index, const Tensor& src) {
  for (const Tensor* t : {&x, &index, &src}) detail::check_defined("scatter_add", *t);
  check(x.dtype() == src.dtype(), "scatter_add: x is {}, but src is {}", name_of(x.dtype()),
        name_of(src.dtype()));
  const Tensor to = detail::lifted(x), at = detail::lifted(index),
               from = detail::like_index(detail::lifted(src), at);
  const int d = detail::checked_dim("scatter_add", to, dim, at);
  const Tensor r = detail::add_picked(to, to.sizes(), d, at, from);
  return x.dim() == 0 ? squeeze(r, 0) : r;
}

Tensor Tensor::gather(std::int64_t dim, const Tensor& index) const {
  return downhill::gather(*this, dim, index);
}

}  // namespace downhill

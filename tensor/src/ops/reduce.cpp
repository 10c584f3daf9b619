// Reductions: sums, means, extremes.
#include <downhill/tensor/factory.h>
#include <downhill/tensor/format.h>
#include <downhill/tensor/ops.h>

#include "ops/reduce_ops.h"

namespace downhill {
namespace detail {
namespace {

// A reduced tensor with its dropped dimensions back as ones.
Tensor kept(const Tensor& y, const Shape& size, unsigned mask) {
  return y.dim() == size.size() ? y : reshape(y, reduced_shape(size, mask, true));
}

// The adjoint of sum: g at every place that met in its result.
Tensor spread(const Tensor& g, const Shape& size, unsigned mask) {
  if (g.requires_grad()) return expand(kept(g, size, mask), size);
  Shape stride = size;
  const bool dropped = g.dim() != size.size();
  for (int d = 0, from = 0; d < size.size(); ++d) {
    const bool reduced = mask >> d & 1;
    stride[d] = reduced ? 0 : g.strides()[from];
    from += !reduced || !dropped;
  }
  return new_view(g, size, stride, 0);
}

// The adjoint of an extreme y of x: g shared evenly by the places that hold it. NaN is held too.
Tensor share(const Tensor& g, const Tensor& x, const Tensor& y, unsigned mask) {
  const Tensor held = (x == kept(y, x.sizes(), mask)) | (x != x);
  const Tensor count = reduce(Fold::sum, held, mask, true);
  return where(held, kept(g, x.sizes(), mask) / to(count, g.dtype()), 0);
}

unsigned mask_of(const char* op, const Tensor& x, const Shape& dims) {
  check_defined(op, x);
  return dims_mask(op, dims, x.sizes().size());
}

void check_not_empty(const char* op, const Tensor& x, unsigned mask) {
  for (int d = 0; d < x.dim(); ++d)
    check(!(mask >> d & 1) || x.sizes()[d] > 0, "{}: cannot reduce the empty dimension {} of {}",
          op, d, x.sizes());
}

}  // namespace

void Sum::vjp(Backward& b, const Values& v) { b.set(0, spread(b.grad(), v.size, v.mask)); }

void Mean::vjp(Backward& b, const Values& v) {
  const double count = static_cast<double>(reduced_numel(v.size, v.mask));
  b.set(0, spread(b.grad() / count, v.size, v.mask));
}

void SumTo::vjp(Backward& b, const Values& v) { b.set(0, expand(b.grad(), v.size)); }

void Extreme::vjp(Backward& b, const Values& v) {
  b.set(0, share(b.grad(), v.x.input(b, 0), v.y.output(b), v.mask));
}

void Aminmax::vjp(Backward& b, const Values& v) {
  const Tensor x = v.x.input(b, 0);
  Tensor g;
  if (b.grad(0).defined()) g = share(b.grad(0), x, v.min.output(b, 0), v.mask);
  if (b.grad(1).defined()) {
    const Tensor other = share(b.grad(1), x, v.max.output(b, 1), v.mask);
    g = g.defined() ? g + other : other;
  }
  b.set(0, g);
}

void ExtremeAlong::vjp(Backward& b, const Values& v) {
  if (v.size.empty()) return b.set(0, b.grad());
  const unsigned mask = 1u << v.dim;
  const Tensor index = new_alias(thread_state(), v.index.value(b.node()));
  b.set(0, scatter_add(zeros(v.size, b.grad().dtype()), v.dim, kept(index, v.size, mask),
                       kept(b.grad(), v.size, mask)));
}

namespace {

// ---------------------------------------------------------------- extremes with their places

// Rows of n elements: the extreme of each and where it is first; a NaN is one.
template <class F, class T> struct ExtremeRows {
  static constexpr int together = 64;

  DOWNHILL_STEP static std::int64_t find(const T* x, T extreme, std::int64_t n) {
    for (std::int64_t i = 0; i < n; i += together) {
      const int some = static_cast<int>(n - i < together ? n - i : together);
      int first = together;
      for (int j = 0; j < some; ++j) {
        const bool hit = (x[i + j] == extreme) | (x[i + j] != x[i + j]);
        const int here = hit ? j : together;
        first = here < first ? here : first;
      }
      if (first < together) return i + first;
    }
    return 0;
  }
  DOWNHILL_STEP static void run(const void* in, void* values, std::int64_t* index,
                                std::int64_t rows, std::int64_t n) {
    const T* x = static_cast<const T*>(in);
    for (std::int64_t r = 0; r < rows; ++r, x += n) {
      auto load = [x](std::int64_t i) DOWNHILL_INLINE_LAMBDA { return Real<T>(x[i]); };
      const T extreme = fold<F, T>(n, load).v;
      static_cast<T*>(values)[r] = extreme;
      index[r] = find(x, extreme, n);
    }
  }
};

// The dimension's elements side by side, whatever x's layout.
Tensor as_rows(const Tensor& x, int dim) {
  const Tensor plain = new_alias(thread_state(), x.impl());
  Shape order;
  for (int d = 0; d < x.dim(); ++d)
    if (d != dim) order.push_back(d);
  if (x.dim() > 0) order.push_back(dim);
  return contiguous(permute(plain, order));
}

template <class F> ValuesIndices extreme_rows(const Tensor& x, int dim, bool keepdim) {
  if (x.dtype() < kInt64) {
    ValuesIndices r = extreme_rows<F>(to(x, kInt64), dim, keepdim);
    return {to(r.values, x.dtype()), r.indices};
  }
  const Tensor rows = as_rows(x, dim);
  const unsigned mask = x.dim() > 0 ? 1u << dim : 0;
  const Shape size = reduced_shape(x.sizes(), mask, keepdim);
  ValuesIndices r{new_tensor(thread_state(), size, x.dtype()),
                  new_tensor(thread_state(), size, kInt64)};
  auto run = [&](auto like) {
    using T = decltype(like);
    kernel<ExtremeRows<F, T>>(rows.data_ptr(), r.values.data_ptr(),
                              r.indices.data_ptr<std::int64_t>(), r.values.numel(),
                              reduced_numel(x.sizes(), mask));
  };
  if (x.dtype() == kFloat32) run(float{});
  else if (x.dtype() == kFloat64) run(double{});
  else run(std::int64_t{});
  return r;
}

template <class Op> ValuesIndices extreme_along(const Tensor& x, std::int64_t dim, bool keepdim) {
  const char* op = Op::name.data();
  check_defined(op, x);
  const int d = wrap_dim(op, dim, x.sizes().size());
  if (x.dim() > 0) check_not_empty(op, x, 1u << d);
  ValuesIndices r = extreme_rows<typename Op::Join>(x, d, keepdim);
  r.values = record<Op>(std::move(r.values), {&x}, [&] {
    return typename Op::Values{Saved(r.indices), x.sizes(), d};
  });
  return r;
}

template <class Op>
Tensor extreme(const char* op, const Tensor& x, const Shape& dims, bool keepdim) {
  const unsigned mask = mask_of(op, x, dims);
  check_not_empty(op, x, mask);
  const Tensor y = reduce(Op::fold, x, mask, keepdim);
  return record<Op>(y, {&x}, [&] { return typename Op::Values{Saved(x), Saved(y), mask}; });
}

// ---------------------------------------------------------------- sums

Tensor sum_over(const Tensor& x, unsigned mask, bool keepdim) {
  return record<Sum>(reduce(Fold::sum, x, mask, keepdim), {&x}, [&] {
    return Sum::Values{x.sizes(), mask};
  });
}

Tensor mean_over(const Tensor& x, unsigned mask, bool keepdim) {
  check(x.is_floating_point(), "mean: needs a floating-point tensor, got {}; convert it with to()",
        name_of(x.dtype()));
  Tensor out = reduce(Fold::sum, x, mask, keepdim);
  dispatch_floating("mean", x.dtype(), [&](auto like) {
    using T = decltype(like);
    const T count = static_cast<T>(reduced_numel(x.sizes(), mask));
    T* p = static_cast<T*>(out.data_ptr());
    for (std::int64_t i = 0; i < out.numel(); ++i) p[i] /= count;
  });
  return record<Mean>(std::move(out), {&x}, [&] { return Mean::Values{x.sizes(), mask}; });
}

unsigned broadcast_mask(const Shape& from, const Shape& to) {
  const int added = from.size() - to.size();
  check(added >= 0, "sum_to: {} does not broadcast to {}", to, from);
  unsigned mask = (1u << added) - 1;
  for (int d = added; d < from.size(); ++d) {
    if (from[d] == to[d - added]) continue;
    check(to[d - added] == 1, "sum_to: {} does not broadcast to {}", to, from);
    mask |= 1u << d;
  }
  return mask;
}

}  // namespace
}  // namespace detail

Tensor sum(const Tensor& x) { return detail::sum_over(x, detail::mask_of("sum", x, {}), false); }
Tensor sum(const Tensor& x, const Shape& dims, bool keepdim) {
  return detail::sum_over(x, detail::mask_of("sum", x, dims), keepdim);
}

Tensor mean(const Tensor& x) { return detail::mean_over(x, detail::mask_of("mean", x, {}), false); }
Tensor mean(const Tensor& x, const Shape& dims, bool keepdim) {
  return detail::mean_over(x, detail::mask_of("mean", x, dims), keepdim);
}

Tensor sum_to(const Tensor& x, const Shape& shape) {
  if (x.sizes() == shape) return x;
  const unsigned mask = detail::broadcast_mask(x.sizes(), shape);
  Tensor out = detail::reduce(detail::Fold::sum, x, mask, true);
  detail::TensorImpl& p = out.impl();
  p.stride = Shape(p.stride.end() - shape.size(), shape.size());
  p.size = shape;
  return detail::record<detail::SumTo>(std::move(out), {&x},
                                       [&] { return detail::SumTo::Values{x.sizes()}; });
}

Tensor amax(const Tensor& x, const Shape& dims, bool keepdim) {
  return detail::extreme<detail::Amax>("amax", x, dims, keepdim);
}
Tensor amin(const Tensor& x, const Shape& dims, bool keepdim) {
  return detail::extreme<detail::Amin>("amin", x, dims, keepdim);
}
Tensor max(const Tensor& x) { return detail::extreme<detail::Amax>("max", x, {}, false); }
Tensor min(const Tensor& x) { return detail::extreme<detail::Amin>("min", x, {}, false); }

ValuesIndices max(const Tensor& x, std::int64_t dim, bool keepdim) {
  return detail::extreme_along<detail::MaxAlong>(x, dim, keepdim);
}
ValuesIndices min(const Tensor& x, std::int64_t dim, bool keepdim) {
  return detail::extreme_along<detail::MinAlong>(x, dim, keepdim);
}

MinMax aminmax(const Tensor& x, std::optional<std::int64_t> dim, bool keepdim) {
  const unsigned mask = detail::mask_of("aminmax", x, dim ? Shape{*dim} : Shape{});
  detail::check_not_empty("aminmax", x, mask);
  MinMax r{detail::reduce(detail::Fold::min, x, mask, keepdim),
           detail::reduce(detail::Fold::max, x, mask, keepdim)};
  Tensor* outs[] = {&r.min, &r.max};
  const Tensor* in[] = {&x};
  detail::record_outputs<detail::Aminmax>(outs, in, [&] {
    using detail::Saved;
    return detail::Aminmax::Values{Saved(x), Saved(r.min), Saved(r.max), mask};
  });
  return r;
}

Tensor argmax(const Tensor& x) {
  detail::check_not_empty("argmax", x, detail::mask_of("argmax", x, {}));
  const Tensor flat = reshape(detail::new_alias(detail::thread_state(), x.impl()), {x.numel()});
  return detail::extreme_rows<detail::MaxFold>(flat, 0, false).indices;
}
Tensor argmax(const Tensor& x, std::int64_t dim, bool keepdim) {
  detail::check_defined("argmax", x);
  const int d = detail::wrap_dim("argmax", dim, x.sizes().size());
  if (x.dim() > 0) detail::check_not_empty("argmax", x, 1u << d);
  return detail::extreme_rows<detail::MaxFold>(x, d, keepdim).indices;
}

Tensor Tensor::sum() const { return downhill::sum(*this); }
Tensor Tensor::sum(const Shape& dims, bool keepdim) const {
  return downhill::sum(*this, dims, keepdim);
}
Tensor Tensor::mean() const { return downhill::mean(*this); }
Tensor Tensor::mean(const Shape& dims, bool keepdim) const {
  return downhill::mean(*this, dims, keepdim);
}
Tensor Tensor::amax(const Shape& dims, bool keepdim) const {
  return downhill::amax(*this, dims, keepdim);
}
Tensor Tensor::amin(const Shape& dims, bool keepdim) const {
  return downhill::amin(*this, dims, keepdim);
}
Tensor Tensor::max() const { return downhill::max(*this); }
Tensor Tensor::min() const { return downhill::min(*this); }
Tensor Tensor::argmax() const { return downhill::argmax(*this); }
Tensor Tensor::argmax(std::int64_t dim, bool keepdim) const {
  return downhill::argmax(*this, dim, keepdim);
}

}  // namespace downhill

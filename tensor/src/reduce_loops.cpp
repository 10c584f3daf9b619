#include "reduce_loops.h"

#include <algorithm>
#include <cstring>

#include <downhill/tensor/check.h>
#include <downhill/tensor/format.h>
#include <downhill/tensor/op.h>
#include <downhill/tensor/ops.h>
#include <downhill/tensor/parallel.h>

namespace downhill::detail {
namespace {

// ---------------------------------------------------------------- kernels
// One result an `out`: over n elements that lie `n_step` apart, the next result's `out_step` on.

template <class F, class In, class T> struct FoldRows {  // n_step is 1
  static constexpr std::int64_t tile = 64;
  // A sum's order must not depend on how many rows come at once: there lanes would change it.
  static constexpr std::int64_t narrow = std::is_same_v<F, SumFold> ? 64 / sizeof(T) - 1 : 48;

  // Short rows: every loop over r is a loop over lanes.
  DOWNHILL_STEP static void narrow_rows(const In* x, T* out, std::int64_t rows,
                                        std::int64_t row_step, std::int64_t n) {
    Real<T> at[narrow][tile], all[tile];
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t i = 0; i < n; ++i) at[i][r] = x[r * row_step + i];
    for (std::int64_t r = 0; r < rows; ++r) all[r] = F::template identity<T>;
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t r = 0; r < rows; ++r) all[r] = F::join(all[r], at[i][r]);
    for (std::int64_t r = 0; r < rows; ++r) out[r] = all[r].v;
  }
  DOWNHILL_STEP static void run(const void* in, void* result, std::int64_t outs,
                                std::int64_t out_step, std::int64_t n, std::int64_t /*n_step*/) {
    const In* x = static_cast<const In*>(in);
    T* out = static_cast<T*>(result);
    if (n <= narrow && outs >= tile / 4)
      for (; outs > 0; outs -= tile, x += tile * out_step, out += tile)
        narrow_rows(x, out, outs < tile ? outs : tile, out_step, n);
    for (std::int64_t r = 0; r < outs; ++r, x += out_step) {
      auto load = [x](std::int64_t i) DOWNHILL_INLINE_LAMBDA { return Real<T>(x[i]); };
      out[r] = fold<F, T>(n, load).v;
    }
  }
};

template <class F, class T> struct FoldColumns {  // out_step is 1
  using R = Real<T>;
  static constexpr int strip = 512, together = 8;

  DOWNHILL_INLINE static R both(const T* a, const T* b) { return F::join(R(*a), R(*b)); }
  DOWNHILL_STEP static void add_eight(R* all, const T* x, std::int64_t step, std::int64_t width) {
    const T *p0 = x, *p1 = p0 + step, *p2 = p1 + step, *p3 = p2 + step, *p4 = p3 + step,
            *p5 = p4 + step, *p6 = p5 + step, *p7 = p6 + step;
    DOWNHILL_VECTORIZE
    for (std::int64_t j = 0; j < width; ++j) {
      R low = F::join(both(p0 + j, p1 + j), both(p2 + j, p3 + j));
      R high = F::join(both(p4 + j, p5 + j), both(p6 + j, p7 + j));
      all[j] = F::join(all[j], F::join(low, high));
    }
  }
  DOWNHILL_STEP static void run(const void* in, void* result, std::int64_t outs, std::int64_t,
                                std::int64_t n, std::int64_t n_step) {
    R all[strip];
    for (std::int64_t c = 0; c < outs; c += strip) {
      const std::int64_t width = outs - c < strip ? outs - c : strip;
      const T* x = static_cast<const T*>(in) + c;
      for (std::int64_t j = 0; j < width; ++j) all[j] = F::template identity<T>;
      std::int64_t r = 0;
      for (; r + together <= n; r += together, x += together * n_step)
        add_eight(all, x, n_step, width);
      for (; r < n; ++r, x += n_step)
        for (std::int64_t j = 0; j < width; ++j) all[j] = F::join(all[j], R(x[j]));
      T* out = static_cast<T*>(result) + c;
      for (std::int64_t j = 0; j < width; ++j) out[j] = all[j].v;
    }
  }
};

using FoldKernel =
    KernelTable<void(const void*, void*, std::int64_t, std::int64_t, std::int64_t, std::int64_t)>;
struct Kernels {
  const FoldKernel *rows, *columns;
  DType in, out;
};
template <class F, class In, class T>
constexpr Kernels kernels_of{&kernel<FoldRows<F, In, T>>, &kernel<FoldColumns<F, T>>, dtype_of<In>,
                             dtype_of<T>};

template <class F> const Kernels& own_kernels(DType t) {
  if (t == kFloat32) return kernels_of<F, float, float>;
  if (t == kFloat64) return kernels_of<F, double, double>;
  return kernels_of<F, std::int64_t, std::int64_t>;
}
const Kernels& kernels_for(Fold f, DType t) {
  if (f == Fold::max) return own_kernels<MaxFold>(t);
  if (f == Fold::min) return own_kernels<MinFold>(t);
  if (t == kInt32) return kernels_of<SumFold, std::int32_t, std::int64_t>;
  if (t == kUInt8 || t == kBool) return kernels_of<SumFold, std::uint8_t, std::int64_t>;
  return own_kernels<SumFold>(t);
}

// ---------------------------------------------------------------- driver

constexpr std::int64_t row_chunk = 1 << 18, column_chunk = 256;  // what one task folds at most
constexpr std::int64_t parallel_elements = 1 << 17;

struct Dim {
  std::int64_t size, stride;
  bool reduced;
};
struct Dims {
  Dim at[kMaxDims + 2];
  int n = 0;

  void push(const Dim& d) { at[n++] = d; }
  Dim& last() { return at[n - 1]; }
  int last_reduced() const {
    int i = n - 1;
    while (i >= 0 && !at[i].reduced) --i;
    return i;
  }
};

// Appends a dimension inside the others, as part of the last one where both lie on in memory.
void append(Dims& dims, const Dim& d) {
  if (d.size == 1) return;
  if (dims.n > 0 && dims.last().reduced == d.reduced && dims.last().stride == d.stride * d.size) {
    dims.last().size *= d.size;
    dims.last().stride = d.stride;
  } else {
    dims.push(d);
  }
}

struct Order {
  int at[kMaxDims];
  int n;
};
Order order_in_memory(const TensorImpl& x) {
  Order o{{}, x.size.size()};
  for (int d = 0; d < o.n; ++d) {
    int i = d;
    const auto goes_inside = [&](int e) { return x.size[e] == 1 || x.stride[e] < x.stride[d]; };
    if (x.size[d] != 1)
      for (; i > 0 && goes_inside(o.at[i - 1]); --i) o.at[i] = o.at[i - 1];
    o.at[i] = d;
  }
  return o;
}

// What one pass does: folds dimension `r` in chunks; the rest are the results, in this order.
struct Pass {
  const Kernels& kernels;
  Dims dims;
  int r;
  std::int64_t chunk, outs = 1, inner = 1, inner_step = 0;

  Pass(const Kernels& k, const Dims& d, int reduced) : kernels(k), dims(d), r(reduced) {
    chunk = by_rows() ? row_chunk : column_chunk;
    for (int i = 0; i < dims.n; ++i)
      if (i != r) outs *= dims.at[i].size;
    const int last = r == dims.n - 1 ? r - 1 : dims.n - 1;
    if (last >= 0) inner = dims.at[last].size, inner_step = dims.at[last].stride;
  }
  bool by_rows() const { return r == dims.n - 1; }
  std::int64_t grain() const {
    const std::int64_t some = parallel_elements / std::min(dims.at[r].size, chunk);
    return by_rows() ? std::max<std::int64_t>(some, 1) : (some + 64) & ~std::int64_t(63);
  }
  std::int64_t chunks() const { return (dims.at[r].size + chunk - 1) / chunk; }
  std::int64_t offset(std::int64_t out) const {
    std::int64_t at = 0;
    for (int i = dims.n - 1; i >= 0; --i) {
      if (i == r) continue;
      at += out % dims.at[i].size * dims.at[i].stride;
      out /= dims.at[i].size;
    }
    return at;
  }
  void run(const char* x, char* result) const;
};

void Pass::run(const char* x, char* result) const {
  const std::int64_t in_size = std::int64_t(size_of(kernels.in));
  const std::int64_t out_size = std::int64_t(size_of(kernels.out));
  const Dim& d = dims.at[r];
  const FoldKernel& fold_some = by_rows() ? *kernels.rows : *kernels.columns;
  parallel_for(chunks() * outs, grain(), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin, run = 0; i < end; i += run) {
      const std::int64_t c = i / outs, out = i % outs;
      run = std::min(inner - out % inner, end - i);
      fold_some(x + (offset(out) + c * chunk * d.stride) * in_size, result + i * out_size, run,
                inner_step, std::min(chunk, d.size - c * chunk), d.stride);
    }
  });
}

// Passes until no dimension is left to reduce: each makes room for the next in a smaller tensor.
void run_passes(Fold f, const Kernels& kernels, const Dims& dims, const void* x, void* result) {
  const Pass pass(kernels, dims, dims.last_reduced());
  Dims rest;
  append(rest, {pass.chunks(), pass.outs, true});
  std::int64_t stride = pass.outs;
  for (int i = 0; i < dims.n; ++i) {
    if (i == pass.r) continue;
    stride /= dims.at[i].size;
    append(rest, {dims.at[i].size, stride, dims.at[i].reduced});
  }
  const char* in = static_cast<const char*>(x);
  if (rest.last_reduced() < 0) return pass.run(in, static_cast<char*>(result));
  const Tensor between = new_tensor(thread_state(), {pass.chunks() * pass.outs}, kernels.out);
  pass.run(in, static_cast<char*>(between.data_ptr()));
  run_passes(f, kernels_for(f, kernels.out), rest, between.data_ptr(), result);
}

// Gives `out` (contiguous so far) the order in memory of what it is made from.
void take_order(TensorImpl& out, const Order& order, unsigned mask, bool keepdim) {
  std::int64_t stride = 1;
  for (int i = order.n - 1; i >= 0; --i) {
    const int d = order.at[i];
    if (!keepdim && (mask >> d & 1)) continue;
    const int to = keepdim ? d : d - __builtin_popcount(mask & ((1u << d) - 1));
    out.stride[to] = stride;
    stride *= out.size[to];
  }
  update_layout(out);
}

Tensor filled(Tensor out) {
  std::memset(out.data_ptr(), 0, std::size_t(out.numel()) * size_of(out.dtype()));
  return out;
}

Tensor without_history(const Tensor& x) { return new_alias(thread_state(), x.impl()); }

}  // namespace

unsigned dims_mask(const char* op, const Shape& dims, int rank) {
  const unsigned all = (1u << rank) - 1;
  if (dims.empty()) return all;
  unsigned mask = 0;
  for (std::int64_t dim : dims) {
    const unsigned bit = 1u << wrap_dim(op, dim, rank);
    check(!(mask & bit), "{}: dimension {} is named twice in {}", op, dim, dims);
    mask |= bit;
  }
  return mask & all;
}

Shape reduced_shape(const Shape& size, unsigned mask, bool keepdim) {
  Shape r;
  for (int d = 0; d < size.size(); ++d) {
    if (!(mask >> d & 1)) r.push_back(size[d]);
    else if (keepdim) r.push_back(1);
  }
  return r;
}

std::int64_t reduced_numel(const Shape& size, unsigned mask) {
  std::int64_t n = 1;
  for (int d = 0; d < size.size(); ++d)
    if (mask >> d & 1) n *= size[d];
  return n;
}

Tensor reduce(Fold f, const Tensor& x, unsigned mask, bool keepdim) {
  const TensorImpl& p = x.impl();
  if (f != Fold::sum && p.dtype < kInt64)
    return to(reduce(f, to(without_history(x), kInt64), mask, keepdim), p.dtype);
  const Kernels& kernels = kernels_for(f, p.dtype);
  Tensor out = new_tensor(thread_state(), reduced_shape(p.size, mask, keepdim), kernels.out);
  if (p.numel == 0) return filled(out);
  if (p.contiguous && out.numel() == 1 && p.numel <= row_chunk) {
    (*kernels.rows)(p.data, out.data_ptr(), 1, 0, p.numel, 1);
    return out;
  }
  const Order order = order_in_memory(p);
  Dims dims;
  for (int i = 0; i < order.n; ++i) {
    const int d = order.at[i];
    append(dims, {p.size[d], p.stride[d], (mask >> d & 1) != 0});
  }
  if (dims.last().stride != 1) return reduce(f, contiguous(without_history(x)), mask, keepdim);
  if (kernels.in != kernels.out && !dims.last().reduced)  // columns have kernels for one type
    return reduce(f, to(without_history(x), kernels.out), mask, keepdim);
  if (dims.last_reduced() < 0) {
    for (int i = dims.n++; i > 0; --i) dims.at[i] = dims.at[i - 1];
    dims.at[0] = {1, 0, true};
  }
  if (!p.contiguous) take_order(out.impl(), order, mask, keepdim);
  run_passes(f, kernels, dims, p.data, out.data_ptr());
  return out;
}

}  // namespace downhill::detail

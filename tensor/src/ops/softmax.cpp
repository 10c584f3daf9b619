// logsumexp, softmax and log_softmax: stable, fused in both directions over rows.
#include <downhill/tensor/format.h>
#include <downhill/tensor/ops.h>
#include <downhill/tensor/parallel.h>

#include "families.h"
#include "ops/sample.h"
#include "softmax_loops.h"

namespace downhill {
namespace detail {

// All three are recorded over the last dimension; views bring the others there.
struct LogSumExp {
  static constexpr std::string_view name = "logsumexp";
  using Family = SoftmaxOps;
  static constexpr int inputs = 1;
  struct Values {
    Saved x, parts;  // [..., 2]: y is the sum of two, rounded too far for the gradient
  };
  static void vjp(Backward& b, const Values& v);
  static std::vector<Sample> samples();
  static std::vector<BadSample> bad_samples();
};
struct Softmax {
  static constexpr std::string_view name = "softmax";
  using Family = SoftmaxOps;
  static constexpr int inputs = 1;
  struct Values {
    Saved y;
  };
  static void vjp(Backward& b, const Values& v);
  static std::vector<Sample> samples();
  static std::vector<BadSample> bad_samples();
};
struct LogSoftmax {
  static constexpr std::string_view name = "log_softmax";
  using Family = SoftmaxOps;
  static constexpr int inputs = 1;
  struct Values {
    Saved y;
  };
  static void vjp(Backward& b, const Values& v);
  static std::vector<Sample> samples();
  static std::vector<BadSample> bad_samples();
};

namespace {

// ---------------------------------------------------------------- kernels

template <class T> struct SoftmaxForward {
  // y: where rows are wanted; else logsumexp, and parts where it is recorded.
  DOWNHILL_STEP static void run(const T* x, T* y, T* logsumexp, T* parts, std::int64_t rows,
                                std::int64_t n, SoftmaxResult wanted) {
    constexpr std::int64_t tile = SoftmaxRows<T>::tile;
    const SoftmaxRows<T> softmax{wanted, n};
    T largest[tile], log_sum[tile];
    for (std::int64_t r = 0; r < rows; r += tile) {
      const std::int64_t some = rows - r < tile ? rows - r : tile;
      softmax.run(x + r * n, y ? y + r * n : y, some, largest, log_sum);
      if (!logsumexp) continue;
      for (std::int64_t i = 0; i < some; ++i) logsumexp[r + i] = largest[i] + log_sum[i];
      if (!parts) continue;
      for (std::int64_t i = 0; i < some; ++i)
        parts[2 * (r + i)] = largest[i], parts[2 * (r + i) + 1] = log_sum[i];
    }
  }
};

// Each takes rows of g, then of the saved value. A value a row is written to the whole row first:
// then one loop runs over many short rows.
template <class T> struct SoftmaxBackward {
  using R = Real<T>;
  DOWNHILL_STEP static void run(const T* g, const T* y, T* gx, std::int64_t rows, std::int64_t n) {
    DOWNHILL_VECTORIZE
    for (std::int64_t i = 0; i < rows * n; ++i) gx[i] = (R(g[i]) * y[i]).v;
    for (std::int64_t r = 0; r < rows; ++r) {
      const T* products = gx + r * n;
      auto load = [products](std::int64_t i) DOWNHILL_INLINE_LAMBDA { return R(products[i]); };
      const T sum = fold<SumFold, T>(n, load).v;
      for (std::int64_t i = 0; i < n; ++i) gx[r * n + i] = sum;
    }
    DOWNHILL_VECTORIZE
    for (std::int64_t i = 0; i < rows * n; ++i) gx[i] = (R(y[i]) * (R(g[i]) - gx[i])).v;
  }
};
template <class T> struct LogSoftmaxBackward {
  using R = Real<T>;
  DOWNHILL_STEP static void run(const T* g, const T* y, T* gx, std::int64_t rows, std::int64_t n) {
    for (std::int64_t r = 0; r < rows; ++r) {
      const T* gr = g + r * n;
      auto load = [gr](std::int64_t i) DOWNHILL_INLINE_LAMBDA { return R(gr[i]); };
      const T sum = fold<SumFold, T>(n, load).v;
      for (std::int64_t i = 0; i < n; ++i) gx[r * n + i] = sum;
    }
    DOWNHILL_VECTORIZE
    for (std::int64_t i = 0; i < rows * n; ++i) gx[i] = (g[i] - vec::exp(R(y[i])) * gx[i]).v;
  }
};
// Here g is one a row, parts two. Where the log is -infinity all of x is, and the gradient is 0.
template <class T> struct LogSumExpBackward {
  using R = Real<T>;
  static constexpr std::int64_t narrow = 64;  // up to here one loop runs over many rows

  DOWNHILL_STEP static void run(const T* g, const T* parts, const T* x, T* gx, std::int64_t rows,
                                std::int64_t n) {
    for (std::int64_t r = 0; r < rows; ++r) {
      const R largest = parts[2 * r], log = parts[2 * r + 1], weight = g[r];
      const R finite = where(log == R(-__builtin_inf()), 0, log);
      auto d = [=](std::int64_t i) DOWNHILL_INLINE_LAMBDA { return (R(x[i]) - largest) - finite; };
      if (n <= narrow) {
        DOWNHILL_VECTORIZE
        for (std::int64_t i = r * n; i < (r + 1) * n; ++i) gx[i] = d(i).v;
        continue;
      }
      DOWNHILL_VECTORIZE
      for (std::int64_t i = r * n; i < (r + 1) * n; ++i) gx[i] = (vec::exp(d(i)) * weight).v;
    }
    if (n > narrow) return;
    DOWNHILL_VECTORIZE
    for (std::int64_t i = 0; i < rows * n; ++i) gx[i] = vec::exp(R(gx[i])).v;
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t i = 0; i < n; ++i) gx[r * n + i] *= g[r];
  }
};

// ---------------------------------------------------------------- drivers

std::int64_t row_length(const Tensor& x) { return x.sizes().empty() ? 1 : x.sizes().back(); }
std::int64_t row_count(const Tensor& x) {
  std::int64_t n = 1;
  for (int d = 0; d < x.sizes().size() - 1; ++d) n *= x.sizes()[d];
  return n;
}
Tensor plain_rows(const Tensor& x) {
  return x.is_contiguous() ? x : contiguous(new_alias(thread_state(), x.impl()));
}
Shape without_last(const Shape& size) {
  return size.empty() ? size : Shape(size.data(), size.size() - 1);
}

// f(first row, rows) on parts that fit a cache.
template <class F> void for_rows(const Tensor& x, F f) {
  const std::int64_t n = row_length(x), some = 4096 / (n + 1) + 1;
  parallel_for(row_count(x), softmax_grain(n), [&](std::int64_t begin, std::int64_t end) {
    for (; begin < end; begin += some) f(begin, std::min(some, end - begin));
  });
}

void run_forward(const char* op, const Tensor& x, Tensor& y, SoftmaxResult wanted,
                 const Tensor& parts = {}) {
  dispatch_floating(op, x.dtype(), [&](auto like) {
    using T = decltype(like);
    const std::int64_t n = row_length(x);
    const bool whole = wanted != SoftmaxResult::logsumexp;
    T *to = y.data_ptr<T>(), *halves = parts.defined() ? parts.data_ptr<T>() : nullptr;
    parallel_for(row_count(x), softmax_grain(n), [&](std::int64_t begin, std::int64_t end) {
      kernel<SoftmaxForward<T>>(x.data_ptr<T>() + begin * n, whole ? to + begin * n : nullptr,
                                whole ? nullptr : to + begin, halves ? halves + 2 * begin : nullptr,
                                end - begin, n, wanted);
    });
  });
}

template <template <class> class Body> Tensor run_backward(const Tensor& grad, const Tensor& y) {
  const Tensor g = plain_rows(grad);
  Tensor out = new_tensor(thread_state(), y.sizes(), y.dtype());
  dispatch_floating("softmax", y.dtype(), [&](auto like) {
    using T = decltype(like);
    const std::int64_t n = row_length(y);
    for_rows(y, [&](std::int64_t r, std::int64_t rows) {
      const std::int64_t at = r * n;
      kernel<Body<T>>(g.data_ptr<T>() + at, y.data_ptr<T>() + at, out.data_ptr<T>() + at, rows, n);
    });
  });
  return out;
}

Tensor run_logsumexp_backward(const Tensor& grad, const Tensor& parts, const Tensor& x) {
  const Tensor g = plain_rows(grad);
  Tensor out = new_tensor(thread_state(), x.sizes(), x.dtype());
  dispatch_floating("logsumexp", x.dtype(), [&](auto like) {
    using T = decltype(like);
    const std::int64_t n = row_length(x);
    for_rows(x, [&](std::int64_t r, std::int64_t rows) {
      kernel<LogSumExpBackward<T>>(g.data_ptr<T>() + r, parts.data_ptr<T>() + 2 * r,
                                   x.data_ptr<T>() + r * n, out.data_ptr<T>() + r * n, rows, n);
    });
  });
  return out;
}

template <class Op> Tensor softmax_last(const Tensor& x, SoftmaxResult wanted) {
  Tensor y = new_tensor(thread_state(), x.sizes(), x.dtype());
  run_forward(Op::name.data(), plain_rows(x), y, wanted);
  return record<Op>(y, {&x}, [&] { return typename Op::Values{Saved(y)}; });
}

template <class Op> Tensor softmax_along(const Tensor& x, std::int64_t dim, SoftmaxResult wanted) {
  check_defined(Op::name.data(), x);
  const int d = wrap_dim(Op::name.data(), dim, x.sizes().size());
  if (d >= x.dim() - 1) return softmax_last<Op>(x, wanted);
  return softmax_last<Op>(x.transpose(d, -1), wanted).transpose(d, -1);
}

Tensor logsumexp_last(const Tensor& x) {
  const Tensor rows = plain_rows(x);
  const Tensor* in[] = {&x};
  Shape size = without_last(x.sizes());
  Tensor y = new_tensor(thread_state(), size, x.dtype()), parts;
  size.push_back(2);
  if (needs_record(in)) parts = new_tensor(thread_state(), size, x.dtype());
  run_forward("logsumexp", rows, y, SoftmaxResult::logsumexp, parts);
  return record<LogSumExp>(y, in, [&] { return LogSumExp::Values{Saved(rows), Saved(parts)}; });
}

// The dimensions of `mask` as one, behind the others.
Tensor reduced_last(const Tensor& x, unsigned mask) {
  Shape order, size = reduced_shape(x.sizes(), mask, false);
  for (const unsigned pick : {0u, 1u})
    for (int d = 0; d < x.dim(); ++d)
      if ((mask >> d & 1) == pick) order.push_back(d);
  size.push_back(reduced_numel(x.sizes(), mask));
  return reshape(permute(x, order), size);
}

Tensor last_sum(const Tensor& x) { return x.sizes().empty() ? x : sum(x, {-1}, true); }

}  // namespace

void LogSumExp::vjp(Backward& b, const Values& v) {
  const Tensor x = v.x.input(b, 0), parts = new_alias(thread_state(), v.parts.value(b.node()));
  if (!b.create_graph()) return b.set(0, run_logsumexp_backward(b.grad(), parts, x));
  const auto a_row = [&](const Tensor& t) { return x.sizes().empty() ? t : unsqueeze(t, -1); };
  const Tensor d = x - a_row(select(parts, -1, 0)), y = logsumexp(d, {-1}, true);
  b.set(0, a_row(b.grad()) * exp(d - where(y == -__builtin_inf(), 0, y)));
}

void Softmax::vjp(Backward& b, const Values& v) {
  const Tensor &g = b.grad(), y = v.y.output(b);
  if (!b.create_graph()) return b.set(0, run_backward<SoftmaxBackward>(g, y));
  b.set(0, y * (g - last_sum(g * y)));
}

void LogSoftmax::vjp(Backward& b, const Values& v) {
  const Tensor &g = b.grad(), y = v.y.output(b);
  if (!b.create_graph()) return b.set(0, run_backward<LogSoftmaxBackward>(g, y));
  b.set(0, g - exp(y) * last_sum(g));
}

}  // namespace detail

Tensor logsumexp(const Tensor& x, const Shape& dims, bool keepdim) {
  detail::check_defined("logsumexp", x);
  const int rank = x.sizes().size();
  const unsigned mask = detail::dims_mask("logsumexp", dims, rank);
  const bool last = rank == 0 || mask == 1u << (rank - 1);
  const Tensor y = detail::logsumexp_last(last ? x : detail::reduced_last(x, mask));
  return keepdim ? reshape(y, detail::reduced_shape(x.sizes(), mask, true)) : y;
}
Tensor softmax(const Tensor& x, std::int64_t dim) {
  return detail::softmax_along<detail::Softmax>(x, dim, detail::SoftmaxResult::softmax);
}
Tensor log_softmax(const Tensor& x, std::int64_t dim) {
  return detail::softmax_along<detail::LogSoftmax>(x, dim, detail::SoftmaxResult::log_softmax);
}

Tensor Tensor::logsumexp(const Shape& dims, bool keepdim) const {
  return downhill::logsumexp(*this, dims, keepdim);
}
Tensor Tensor::softmax(std::int64_t dim) const { return downhill::softmax(*this, dim); }
Tensor Tensor::log_softmax(std::int64_t dim) const { return downhill::log_softmax(*this, dim); }

// ---------------------------------------------------------------- samples
namespace detail {

template <> std::vector<OpEntry> entries<SoftmaxOps>() { return entries_of(SoftmaxOps{}); }

namespace {

using Along = Tensor (*)(const Tensor&, std::int64_t);

std::vector<Sample> along_samples(Along f) {
  const auto along = [f](std::string label, const Shape& size, std::int64_t dim) {
    return sample(
        std::move(label), [=](const Tensor& x) { return f(x, dim); }, sample_tensor(size));
  };
  return {
      along("rows", {3, 4}, -1),
      along("first dim", {4, 3}, 0),
      along("middle dim", {2, 3, 4}, 1),
      along("long rows", {2, 103}, 1),
      along("0-d", {}, 0),
      along("no rows", {0, 3}, 1),
      along("empty rows", {3, 0}, 1),
      sample(
          "transposed", [f](const Tensor& x) { return f(x.t(), 1); }, sample_tensor({4, 3})),
      sample(
          "large", [f](const Tensor& x) { return f(x + 1000, 1); }, sample_tensor({2, 3})),
  };
}
std::vector<BadSample> along_bad_samples(Along f, const std::string& op) {
  return {
      {[=] {
         f(sample_tensor({2, 3}), 2);
       },
       op + ": dimension 2 is out of range"},
      {[=] {
         f(to(sample_tensor({2, 3}), kInt64), 0);
       },
       op + ": needs a floating-point tensor, got int64"},
  };
}

}  // namespace

std::vector<Sample> LogSumExp::samples() {
  const auto over = [](std::string label, const Shape& size, const Shape& dims, bool keepdim) {
    return sample(
        std::move(label), [=](const Tensor& x) { return logsumexp(x, dims, keepdim); },
        sample_tensor(size));
  };
  const auto last = [](const Tensor& x, std::int64_t dim) { return logsumexp(x, {dim}); };
  auto all = along_samples(last);
  all.push_back(over("all", {2, 3}, {}, false));
  all.push_back(over("dims {0, 2}", {2, 3, 4}, {0, 2}, false));
  all.push_back(over("dims {0, 2}, keepdim", {2, 3, 4}, {0, 2}, true));
  all.push_back(over("last dim, keepdim", {2, 3}, {-1}, true));
  return all;
}
std::vector<BadSample> LogSumExp::bad_samples() {
  const auto last = [](const Tensor& x, std::int64_t dim) { return logsumexp(x, {dim}); };
  return along_bad_samples(last, "logsumexp");
}

std::vector<Sample> Softmax::samples() { return along_samples(&softmax); }
std::vector<BadSample> Softmax::bad_samples() { return along_bad_samples(&softmax, "softmax"); }
std::vector<Sample> LogSoftmax::samples() { return along_samples(&log_softmax); }
std::vector<BadSample> LogSoftmax::bad_samples() {
  return along_bad_samples(&log_softmax, "log_softmax");
}

}  // namespace detail
}  // namespace downhill

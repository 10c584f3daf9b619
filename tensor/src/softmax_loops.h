// The rows of softmax, for the inside of kernels: shared by softmax and the losses.
#pragma once
#include "reduce_loops.h"

namespace downhill::detail {

enum class SoftmaxResult : int { largest_and_log_sum, logsumexp, softmax, log_softmax };

/// For rows of n elements side by side: each one's largest element, the log of its sum of
/// e^(x - largest), and its softmax or log-softmax in y, where wanted. An infinite largest element
/// makes them nan, as in PyTorch; for logsumexp, which is infinite then, it counts as 0.
template <class T> struct SoftmaxRows {
  using R = Real<T>;
  static constexpr std::int64_t tile = 64;                 // rows at once
  static constexpr std::int64_t narrow = 384 / sizeof(T);  // rows up to here go lane by row

  SoftmaxResult wanted;
  std::int64_t n;

  /// At most `tile` rows.
  DOWNHILL_STEP void run(const T* x, T* y, std::int64_t rows, T* largest, T* log_sum) const {
    if (n <= narrow) return narrow_rows(x, y, rows, largest, log_sum);
    for (std::int64_t r = 0; r < rows; ++r)
      wide_row(x + r * n, y ? y + r * n : y, largest[r], log_sum[r]);
  }

 private:
  struct Largest {  // without a care for NaN, which reaches the sum anyway
    template <class> static constexpr T identity = T(-__builtin_inf());
    DOWNHILL_INLINE static R join(R a, R b) { return where(a < b, b, a); }
  };
  DOWNHILL_INLINE R base(R m) const {
    if (wanted != SoftmaxResult::logsumexp) return m;
    return where(vec::abs(m) == R(__builtin_inf()), 0, m);
  }
  DOWNHILL_INLINE bool wants_rows() const {
    return wanted == SoftmaxResult::softmax || wanted == SoftmaxResult::log_softmax;
  }

  DOWNHILL_STEP void wide_row(const T* x, T* y, T& largest, T& log_sum) const {
    auto load = [x](std::int64_t i) DOWNHILL_INLINE_LAMBDA { return R(x[i]); };
    const R m = base(fold<Largest, T>(n, load));
    auto exp = [x, m](std::int64_t i) DOWNHILL_INLINE_LAMBDA { return vec::exp(R(x[i]) - m); };
    auto exp_to_y = [y, exp](std::int64_t i) DOWNHILL_INLINE_LAMBDA {
      const R e = exp(i);
      y[i] = e.v;
      return e;
    };
    const bool softmax = wanted == SoftmaxResult::softmax;
    const R sum = softmax ? fold<SumFold, T>(n, exp_to_y) : fold<SumFold, T>(n, exp);
    const R log = vec::log(sum), scale = 1 / sum;
    largest = m.v, log_sum = log.v;
    if (!wants_rows()) return;
    DOWNHILL_VECTORIZE
    for (std::int64_t i = 0; i < n; ++i)
      y[i] = softmax ? (R(y[i]) * scale).v : ((R(x[i]) - m) - log).v;
  }

  // Every loop over r is a loop over lanes, however short the rows.
  DOWNHILL_STEP void narrow_rows(const T* x, T* y, std::int64_t rows, T* largest,
                                 T* log_sum) const {
    R at[narrow][tile], m[tile], sum[tile];
    const std::int64_t lanes = (rows + 15) & ~std::int64_t(15);
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t r = rows; r < lanes; ++r) at[i][r] = 0;
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t i = 0; i < n; ++i) at[i][r] = x[r * n + i];
    sum_lanes(at, m, sum, lanes);
    for (std::int64_t r = 0; r < lanes; ++r) sum[r] = vec::log(sum[r]);
    for (std::int64_t r = 0; r < rows; ++r) largest[r] = m[r].v, log_sum[r] = sum[r].v;
    if (!wants_rows()) return;
    if (wanted == SoftmaxResult::log_softmax)
      for (std::int64_t i = 0; i < n; ++i)
        for (std::int64_t r = 0; r < lanes; ++r) at[i][r] = at[i][r] - sum[r];
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t r = 0; r < rows; ++r) y[r * n + i] = at[i][r].v;
  }

  // The largest element of each lane and the sum of e^(x - largest); what follows needs the
  // softmax or x - largest in place of x.
  DOWNHILL_STEP void sum_lanes(R (*at)[tile], R* m, R* sum, std::int64_t lanes) const {
    for (std::int64_t r = 0; r < lanes; ++r) m[r] = Largest::template identity<T>, sum[r] = 0;
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t r = 0; r < lanes; ++r) m[r] = Largest::join(m[r], at[i][r]);
    for (std::int64_t r = 0; r < lanes; ++r) m[r] = base(m[r]);
    const bool softmax = wanted == SoftmaxResult::softmax;
    for (std::int64_t i = 0; i < n; ++i) {
      DOWNHILL_VECTORIZE
      for (std::int64_t r = 0; r < lanes; ++r) {
        const R d = at[i][r] - m[r], e = vec::exp(d);
        sum[r] = sum[r] + e;
        at[i][r].v = softmax ? e.v : d.v;
      }
    }
    if (!softmax) return;
    R scale[tile];
    for (std::int64_t r = 0; r < lanes; ++r) scale[r] = 1 / sum[r];
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t r = 0; r < lanes; ++r) at[i][r] = at[i][r] * scale[r];
  }
};

/// Rows that one thread takes at least.
inline std::int64_t softmax_grain(std::int64_t n) {
  const std::int64_t rows = 32768 / (n + 1);
  return rows < 64 ? rows + 1 : rows & ~std::int64_t(63);
}

}  // namespace downhill::detail

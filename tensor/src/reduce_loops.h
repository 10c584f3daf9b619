// Reductions: the folds that kernels are made of, and the driver that runs them over any strides.
//
// A fold goes over blocks of 4096 elements, SIMD lanes inside a block, and joins the blocks in
// pairs. Which elements meet when depends on the shape and the strides only, never on the number
// of threads or the instruction set.
#pragma once
#include <downhill/tensor/tensor.h>
#include <downhill/tensor/vecmath.h>

namespace downhill::detail {

struct SumFold {
  template <class T> static constexpr T identity = 0;
  template <class T> DOWNHILL_INLINE static Real<T> join(Real<T> a, Real<T> b) { return a + b; }
};
struct MaxFold {
  template <class T>
  static constexpr T identity = Real<T>::integral ? T(INT64_MIN) : T(-__builtin_inf());
  template <class T> DOWNHILL_INLINE static Real<T> join(Real<T> a, Real<T> b) {
    return vec::max(a, b);
  }
};
struct MinFold {
  template <class T>
  static constexpr T identity = Real<T>::integral ? T(INT64_MAX) : T(__builtin_inf());
  template <class T> DOWNHILL_INLINE static Real<T> join(Real<T> a, Real<T> b) {
    return vec::min(a, b);
  }
};

namespace fold_parts {

inline constexpr std::int64_t block = 4096;

template <class F, int From, int To, class R> DOWNHILL_INLINE void halve(R* lane) {
  if constexpr (From > To) {
    for (int j = 0; j < From / 2; ++j) lane[j] = F::join(lane[j], lane[j + From / 2]);
    halve<F, From / 2, To>(lane);
  }
}

template <class F, class T, int Lanes, class Load>
DOWNHILL_STEP std::int64_t run_lanes(Real<T>* lane, std::int64_t i, std::int64_t end,
                                     const Load& load) {
  for (; i + Lanes <= end; i += Lanes)
    for (int j = 0; j < Lanes; ++j) lane[j] = F::join(lane[j], load(i + j));
  return i;
}

template <class F, class T, class Load>
DOWNHILL_STEP Real<T> one_block(std::int64_t i, std::int64_t end, const Load& load) {
  constexpr int few = 64 / sizeof(T), many = 4 * few;
  constexpr bool in_order = Real<T>::integral;  // compilers find lanes of their own
  Real<T> total = F::template identity<T>;
  if (!in_order && end - i >= few) {
    Real<T> lane[few];
    for (int j = 0; j < few; ++j) lane[j] = F::template identity<T>;
    if (end - i >= many) {
      Real<T> wide[many];
      for (int j = 0; j < many; ++j) wide[j] = F::template identity<T>;
      i = run_lanes<F, T, many>(wide, i, end, load);
      halve<F, many, few>(wide);
      for (int j = 0; j < few; ++j) lane[j] = wide[j];
    }
    i = run_lanes<F, T, few>(lane, i, end, load);
    halve<F, few, 1>(lane);
    total = lane[0];
  }
  for (; i < end; ++i) total = F::join(total, load(i));
  return total;
}

}  // namespace fold_parts

/// load(0), load(1) ... load(n - 1) joined by F: for the inside of kernels. `load` gives a Real<T>
/// and may write on the way; it is called once an index.
template <class F, class T, class Load>
DOWNHILL_STEP Real<T> fold(std::int64_t n, const Load& load) {
  Real<T> part[52];
  int parts = 0;
  for (std::int64_t k = 0, i = 0; i == 0 || i < n; ++k, i += fold_parts::block) {
    const std::int64_t end = n - i < fold_parts::block ? n : i + fold_parts::block;
    Real<T> one = fold_parts::one_block<F, T>(i, end, load);
    for (std::int64_t pairs = k; pairs & 1; pairs >>= 1) one = F::join(part[--parts], one);
    part[parts++] = one;
  }
  Real<T> total = part[--parts];
  while (parts > 0) total = F::join(part[--parts], total);
  return total;
}

enum class Fold { sum, max, min };

/// The dimensions named by `dims` as bits; all where dims is {}. Throws Error naming `op`.
unsigned dims_mask(const char* op, const Shape& dims, int rank);
/// What is left of `size`: the dimensions of `mask` are dropped, or 1 where they are kept.
Shape reduced_shape(const Shape& size, unsigned mask, bool keepdim);
/// The number of elements that meet in one result.
std::int64_t reduced_numel(const Shape& size, unsigned mask);

/// x folded over the dimensions of `mask`, not recorded. A sum of integers is int64; the other
/// folds keep the dtype and must not be over nothing. The result is dense, its dimensions in x's
/// order in memory.
Tensor reduce(Fold fold, const Tensor& x, unsigned mask, bool keepdim);

}  // namespace downhill::detail

// Matrix products on raw pointers: the one entry that the contraction ops call.
#pragma once
#include <cstdint>

namespace downhill::detail {

/// A matrix in memory: element (i, j) is data[i * row + j * col]. Strides count elements and may be
/// 0 (broadcast).
template <class T> struct MatrixView {
  const T* data;
  std::int64_t row, col;
};

/// c = a b (+ bias) (+ c): c[i, j] = sum_p a[i, p] b[p, j] (+ bias[j]) (+ the old c[i, j] when
/// accumulating). a is [m, k], b is [k, n], c is [m, n] with column stride 1 and row stride ldc >=
/// n; c overlaps neither a, b nor bias. m, n and k may be 0; with k = 0 the sum is 0.
template <class T> struct Product {
  std::int64_t m, n, k;
  MatrixView<T> a, b;
  T* c;
  std::int64_t ldc;
  const T* bias = nullptr;
  bool accumulate = false;
};

/// Up to two batch dimensions around a product: size[0] x size[1] products, operand x of product
/// (p, q) starts at x.data + p * x[0] + q * x[1]. Strides of a and b may be 0 (the same matrix for
/// the whole batch); bias is shared.
struct Batch {
  std::int64_t size[2] = {1, 1};
  std::int64_t a[2] = {}, b[2] = {}, c[2] = {};
};

/// Computes the product; T is float or double. The same shape and strides give the same bits every
/// time and for any number of threads: which kernel runs never depends on what ran before, and what
/// oneDNN would divide among threads in a way that changes bits does not go there undivided. (Not
/// shown for oneDNN on other processors than x86-64.) Throws downhill::Error when oneDNN fails.
template <class T> void gemm(const Product<T>& product);
template <class T> void batched_gemm(const Product<T>& product, const Batch& batch);

extern template void gemm(const Product<float>&);
extern template void gemm(const Product<double>&);
extern template void batched_gemm(const Product<float>&, const Batch&);
extern template void batched_gemm(const Product<double>&, const Batch&);

/// The kernels behind gemm, callable on their own for tests and benchmarks. All of them need m, n,
/// k > 0. Small: reads a in place, and b where its columns or rows are contiguous along the loop.
/// Packed: copies both into panels.
template <class T> void small_gemm(const Product<T>& product);
template <class T> void packed_gemm(const Product<T>& product);

/// How heavy a product is. A count too large for 64 bits may come out as anything: it decides about
/// speed alone.
template <class T> std::uint64_t work(const Product<T>& s) {
  return static_cast<std::uint64_t>(s.m) * static_cast<std::uint64_t>(s.n) *
         static_cast<std::uint64_t>(s.k);
}
inline constexpr std::uint64_t parallel_work = 1'500'000;  // from which several threads pay

/// True where small_gemm computes dot products (a and b run along k, which is long for the number
/// of rows) instead of sums of rows of b, for which it would have to transpose b first.
template <class T> bool takes_dot_products(const Product<T>& s) {
  constexpr std::int64_t long_k = sizeof(T) == 4 ? 512 : 256, per_row = sizeof(T) == 4 ? 8 : 2;
  return s.a.col == 1 && s.b.row == 1 && s.b.col != 1 &&
         (s.k >= long_k || s.k >= per_row * s.m || (s.m <= 4 && s.k >= 4));
}

}  // namespace downhill::detail

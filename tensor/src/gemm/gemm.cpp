// Chooses the kernel of a product.
//
// Measured with AVX-512, oneDNN 2.6 and one thread. The small kernel against oneDNN in float: 8-30
// times as fast for 1x10x10 and 8x8x8, 1.4 times at 32x32x32, equal at 64x64x64; 1.1-3 times up to
// 16 rows where b need not be transposed; 1.1-2 times in long dot products with few columns; from
// there on oneDNN is 0-15 % ahead. Against the packed kernel in double: 1.1-8 times up to
// 64x64x64, 1.1-4 times with few rows or columns.
//
// A shape that oneDNN has not seen costs about 100 us, whether or not it comes again. Sending first
// calls elsewhere would give them other bits; the last, partial batch of an epoch pays this once.
#include "gemm.h"

#include <omp.h>

#include <cstddef>
#include <type_traits>

#include <downhill/tensor/parallel.h>

#include "onednn.h"
#include "pack.h"
#include "tile.h"
#include "workspace.h"

namespace downhill::detail {
namespace {

using std::int64_t;

constexpr std::uint64_t light_work = 1 << 18;

/// Whether the view is a dense matrix, by rows or by columns: all that goes to oneDNN, which
/// divides the sums of others among threads, so that the bits depend on their number. A stride
/// along an extent of 1 does not count, and is replaced.
template <class T> bool make_dense(MatrixView<T>& view, int64_t rows, int64_t columns) {
  if (view.col == 1 || columns == 1) {
    view.col = 1;
    if (rows == 1) view.row = columns;
    return view.row == columns;
  }
  if (rows == 1) view.row = 1;
  return view.row == 1 && view.col == rows;
}

template <class T>
MatrixView<T> copy(const MatrixView<T>& from, int64_t rows, int64_t columns, Workspace& workspace) {
  T* const to = workspace.get<T>(static_cast<std::size_t>(rows * columns));
  const Packing<T> whole{from.data, from.col, from.row, columns, rows, columns, to};
  kernel<PackPanel<T>>(&whole);
  return {to, columns, 1};
}

/// k = 0: the sum is 0.
template <class T> void write_bias(const Product<T>& s) {
  for (int64_t i = 0; i < s.m; ++i)
    for (int64_t j = 0; j < s.n; ++j)
      write_one(s.c[i * s.ldc + j], T{0}, s.bias ? s.bias + j : nullptr, s.accumulate);
}

/// One contiguous column is one row of the transposed product.
template <class T> bool is_column(const Product<T>& s) { return s.n == 1 && s.ldc == 1 && s.m > 1; }

template <class T> Product<T> as_row(const Product<T>& s) {
  if (s.bias)
    for (int64_t i = 0; i < s.m; ++i) s.c[i] = s.accumulate ? s.c[i] + *s.bias : *s.bias;
  return {1,   s.m, s.k,     {s.b.data, s.b.col, s.b.row}, {s.a.data, s.a.col, s.a.row},
          s.c, s.m, nullptr, s.accumulate || s.bias};
}

enum class Kernel { small, packed, onednn };

/// Whether oneDNN computes large products of T. On x86-64 without AVX-512 it is no faster than the
/// packed kernel and gives every number of threads other bits.
template <class T> bool uses_onednn() {
  return with_onednn && std::is_same_v<T, float> && (DOWNHILL_LEVELS == 1 || isa() == Isa::v4);
}

/// A function of dtype, m, n, k, the kind of strides and the instruction set alone.
template <class T> Kernel choose(const Product<T>& s) {
  if (work(s) <= light_work) return Kernel::small;
  const bool dots = takes_dot_products(s), in_place = dots || s.b.col == 1;
  if (uses_onednn<T>())
    return (in_place && s.m <= 16) || (dots && s.m <= 512 && s.n <= 128) ? Kernel::small
                                                                         : Kernel::onednn;
  return s.m <= 16 || s.n <= 64 || (in_place && s.m <= 64 && s.k >= 64) ? Kernel::small
                                                                        : Kernel::packed;
}

thread_local Workspace copy_of_a, copy_of_b;

/// The longest sum that oneDNN leaves to one thread: it divides those of a transposed a from 2048
/// terms on, as of 3.x others from 20000 on, and then the bits depend on the number of threads.
template <class T> int64_t undivided_k(const Product<T>& s) { return s.a.col == 1 ? 16384 : 2047; }

/// A longer sum is computed in parts, each added to the ones before.
template <class T> void onednn_gemm_in_parts(const Product<T>& s) {
  const int64_t parts = (s.k - 1) / undivided_k(s) + 1;
  for (int64_t i = 0; i < parts; ++i) {
    Product<T> part = s;
    const int64_t begin = s.k * i / parts;
    part.k = s.k * (i + 1) / parts - begin;
    part.a.data += begin * s.a.col;
    part.b.data += begin * s.b.row;
    if (!make_dense(part.a, s.m, part.k)) part.a = copy(part.a, s.m, part.k, copy_of_a);
    if (!make_dense(part.b, part.k, s.n)) part.b = copy(part.b, part.k, s.n, copy_of_b);
    if (i > 0) part.bias = nullptr, part.accumulate = true;
    onednn_gemm(part, {});
  }
}

template <class T> void run(Kernel kernel, const Product<T>& s) {
  if constexpr (with_onednn && std::is_same_v<T, float>)
    if (kernel == Kernel::onednn) return onednn_gemm_in_parts(s);
  kernel == Kernel::small ? small_gemm(s) : packed_gemm(s);
}

template <class T> Product<T> member(Product<T> s, const Batch& batch, int64_t q) {
  const int64_t outer = q / batch.size[1], inner = q % batch.size[1];
  s.a.data += outer * batch.a[0] + inner * batch.a[1];
  s.b.data += outer * batch.b[0] + inner * batch.b[1];
  s.c += outer * batch.c[0] + inner * batch.c[1];
  return s;
}

/// Whether matrices of so many elements follow each other without gaps, or are one and the same.
[[maybe_unused]] bool is_dense(const int64_t (&stride)[2], const int64_t (&size)[2],
                               int64_t elements) {
  const int64_t outer = stride[1] == 0 ? elements : size[1] * elements;
  return (size[1] == 1 || stride[1] == 0 || stride[1] == elements) &&
         (size[0] == 1 || stride[0] == 0 || stride[0] == outer);
}

template <class T> bool run_at_once(const Product<T>& product, const Batch& batch) {
  if constexpr (with_onednn && std::is_same_v<T, float>) {
    Product<T> s = product;
    if (is_column(s) || choose(s) != Kernel::onednn || s.k > undivided_k(s)) return false;
    if (!make_dense(s.a, s.m, s.k) || !make_dense(s.b, s.k, s.n)) return false;
    if (!is_dense(batch.a, batch.size, s.m * s.k) || !is_dense(batch.b, batch.size, s.k * s.n))
      return false;
    for (int d = 0; d < 2; ++d)  // oneDNN has no batch of one product
      if (batch.size[d] > 1 && batch.a[d] == 0 && batch.b[d] == 0) return false;
    onednn_gemm(s, batch);
    return true;
  }
  return false;
}

/// Whether the members run side by side, each on one thread. Those that may go to oneDNN do not: it
/// has threads of its own.
template <class T> bool side_by_side(const Product<T>& s, int64_t count) {
  if (uses_onednn<T>() && work(s) > light_work) return false;
  const int threads = omp_in_parallel() ? 1 : omp_get_max_threads();
  return threads > 1 && count >= threads &&
         work(s) * static_cast<std::uint64_t>(count) >= parallel_work;
}

}  // namespace

template <class T> void gemm(const Product<T>& s) {
  if (s.m == 0 || s.n == 0) return;
  if (s.k == 0) return write_bias(s);
  if (!is_column(s)) return run(choose(s), s);
  const Product<T> row = as_row(s);
  run(choose(row), row);
}

template <class T> void batched_gemm(const Product<T>& s, const Batch& batch) {
  const int64_t count = batch.size[0] * batch.size[1];
  if (count == 0 || s.m == 0 || s.n == 0) return;
  if (count > 1 && s.k > 0 && run_at_once(s, batch)) return;
  auto some = [&](int64_t begin, int64_t end) {
    for (int64_t q = begin; q < end; ++q) gemm(member(s, batch, q));
  };
  if (side_by_side(s, count)) parallel_for(count, 1, some);
  else some(0, count);
}

template void gemm(const Product<float>&);
template void gemm(const Product<double>&);
template void batched_gemm(const Product<float>&, const Batch&);
template void batched_gemm(const Product<double>&, const Batch&);

}  // namespace downhill::detail

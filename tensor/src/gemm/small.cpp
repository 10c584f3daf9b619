// The product of small and of skinny matrices: a and b are read where they are.
#include <omp.h>

#include <type_traits>

#include "gemm.h"
#include "pack.h"
#include "tile.h"
#include "workspace.h"

namespace downhill::detail {
namespace {

using std::int64_t;

// Rows of c as sums of rows of b. The last vector of a row is moved back so that it ends with the
// row: it computes some values twice and needs no mask. It shares a tile with the vector it
// overlaps, so that c is read before it is written.

/// Bytes of b that are read again for each tile of rows.
constexpr int64_t in_first_level_cache = 16384;

/// Sums of few rows run in several chains along k, so that additions need not wait for one another.
template <int R> constexpr int chains = R >= 4 ? 1 : 4 / R;

template <class T, int L, int R, int V>
DOWNHILL_INLINE void add_row(Sums<T, L, R, V>& sum, const Product<T>& s, const T* a, const T* b,
                             const int64_t (&at)[V]) {
  DOWNHILL_CONTRACT
  Vec<T, L> x[V];
  DOWNHILL_UNROLLED (v, V) load(x[v], b + at[v]);
  DOWNHILL_UNROLLED (i, R)
    DOWNHILL_UNROLLED (v, V) sum.at[i][v] += a[i * s.a.row] * x[v];
}

template <class T, int L, int R, int V>
DOWNHILL_STEP void row_tile(const Product<T>& s, int64_t i, const int64_t (&at)[V]) {
  constexpr int C = chains<R>;
  Sums<T, L, R, V> sum[C];
  DOWNHILL_UNROLLED (q, C) clear(sum[q]);
  const T *a = s.a.data + i * s.a.row, *b = s.b.data;
  int64_t p = 0;
  for (; p + C <= s.k; p += C)
    DOWNHILL_UNROLLED (q, C) {
      add_row(sum[q], s, a, b, at);
      a += s.a.col;
      b += s.b.row;
    }
  for (; p < s.k; ++p, a += s.a.col, b += s.b.row) add_row(sum[0], s, a, b, at);
  DOWNHILL_UNROLLED (q, C - 1)
    DOWNHILL_UNROLLED (y, R)
      DOWNHILL_UNROLLED (v, V) sum[0].at[y][v] += sum[q + 1].at[y][v];
  write(sum[0], s.c + i * s.ldc, s.ldc, s.bias, s.accumulate, at);
}

/// Rows i .. i + R of the columns from `first` to `last`, which are whole vectors up to the last
/// one of the matrix.
template <class T, int L, int R>
DOWNHILL_STEP void row_tiles(const Product<T>& s, int64_t i, int64_t first, int64_t last) {
  int64_t j = first;
  if ((last - first + L - 1) / L % 2) {
    row_tile<T, L, R, 1>(s, i, {j});
    j += L;
  }
  for (; j < last; j += 2 * L) row_tile<T, L, R, 2>(s, i, {j, j + 2 * L <= s.n ? j + L : s.n - L});
}

template <class T, int L, int Most> DOWNHILL_STEP void rows_of(const Product<T>& s) {
  constexpr int64_t pair = 2 * L;
  const int64_t step = (in_first_level_cache / int64_t{sizeof(T)} / s.k + pair) / pair * pair;
  for (int64_t first = 0, last = 0; first < s.n; first = last) {
    last = s.n - first < step + pair ? s.n : first + step;
    int64_t i = 0;
    if constexpr (Most == 8) {
      for (; s.m - i >= 8 && s.m - i != 10; i += 8) row_tiles<T, L, 8>(s, i, first, last);
      for (; s.m - i >= 10; i += 10) row_tiles<T, L, 10>(s, i, first, last);
    }
    for (; s.m - i >= 4; i += 4) row_tiles<T, L, 4>(s, i, first, last);
    for (; s.m - i >= 2; i += 2) row_tiles<T, L, 2>(s, i, first, last);
    if (i < s.m) row_tiles<T, L, 1>(s, i, first, last);
  }
}

template <class T> struct Rows {
  template <int Bytes> struct At {
    DOWNHILL_STEP static void run(const Product<T>* product) {
      constexpr int L = Bytes / int{sizeof(T)}, most = Bytes == 64 ? 8 : 4;
      const Product<T>& s = *product;
      if (s.n >= L) return rows_of<T, L, most>(s);
      if constexpr (Bytes >= 32)
        if (s.n >= L / 2) return rows_of<T, L / 2, most>(s);
      if constexpr (Bytes >= 64) rows_of<T, L / 4, most>(s);
    }
  };
};

// Dot products of a row of a with four columns of b at a time, where both run along k.

template <class T> using Bits = std::conditional_t<sizeof(T) == 4, std::int32_t, int64_t>;

/// The values p[0] .. p[count - 1], 0 < count < L, behind zeros. Reads the L - count values in
/// front of p.
template <int L, class T> DOWNHILL_INLINE void load_last(Vec<T, L>& v, const T* p, int64_t count) {
  Vec<Bits<T>, L> lane, bits;
  DOWNHILL_UNROLLED (l, L) lane[l] = static_cast<Bits<T>>(l);
  load(bits, p + count - L);
  bits &= lane >= static_cast<Bits<T>>(L - count);
  __builtin_memcpy(&v, &bits, sizeof v);
}

template <int L, class T> DOWNHILL_INLINE void load_few(Vec<T, L>& v, const T* p, int64_t count) {
  T values[L] = {};
  for (int64_t l = 0; l < count; ++l) values[l] = p[l];
  load(v, values);
}

template <class T, int L, int R> struct Dots {
  const T* a;
  int64_t a_row;
  const T* b[4];
  Sums<T, L, R, 4> sum;

  template <class Load> DOWNHILL_INLINE void add(int64_t p, Load read) {
    DOWNHILL_CONTRACT
    Vec<T, L> x[R];
    DOWNHILL_UNROLLED (i, R) read(x[i], a + i * a_row + p);
    DOWNHILL_UNROLLED (v, 4) {
      Vec<T, L> y;
      read(y, b[v] + p);
      DOWNHILL_UNROLLED (i, R) sum.at[i][v] += x[i] * y;
    }
  }

  DOWNHILL_INLINE void run(int64_t k) {
    clear(sum);
    int64_t p = 0;
    for (; p + L <= k; p += L)
      add(p, [](auto& v, const T* from) DOWNHILL_INLINE_LAMBDA { load(v, from); });
    const int64_t rest = k - p;
    if (rest == 0) return;
    if (p > 0)
      add(p,
          [rest](auto& v, const T* from) DOWNHILL_INLINE_LAMBDA { load_last<L>(v, from, rest); });
    else
      add(p, [rest](auto& v, const T* from) DOWNHILL_INLINE_LAMBDA { load_few<L>(v, from, rest); });
  }

  /// The sums of row i, one a lane: the lanes of each are added pairwise.
  DOWNHILL_INLINE void total(int i, Vec<T, 4>& out) const {
    Vec<T, 4> x[4], left, right;
    DOWNHILL_UNROLLED (v, 4) fold(x[v], sum.at[i][v]);
    add_pairs(left, x[0], x[1]);
    add_pairs(right, x[2], x[3]);
    out = Vec<T, 4>{left[0], left[1], right[0], right[1]} +
          Vec<T, 4>{left[2], left[3], right[2], right[3]};
  }

 private:
  DOWNHILL_INLINE static void fold(Vec<T, 4>& out, const Vec<T, L>& v) {
    Vec<T, 4> part[L / 4];
    __builtin_memcpy(part, &v, sizeof v);
    for (int half = L / 8; half > 0; half /= 2)
      for (int q = 0; q < half; ++q) part[q] += part[q + half];
    out = part[0];
  }
  DOWNHILL_INLINE static void add_pairs(Vec<T, 4>& out, const Vec<T, 4>& x, const Vec<T, 4>& y) {
    out = Vec<T, 4>{x[0], y[0], x[1], y[1]} + Vec<T, 4>{x[2], y[2], x[3], y[3]};
  }
};

template <class T, int L, int R>
DOWNHILL_STEP void dot_tile(const Product<T>& s, int64_t i, int64_t j) {
  const int64_t valid = s.n - j < 4 ? s.n - j : 4;
  Dots<T, L, R> dots;
  dots.a = s.a.data + i * s.a.row;
  dots.a_row = s.a.row;
  for (int v = 0; v < 4; ++v) dots.b[v] = s.b.data + (j + (v < valid ? v : 0)) * s.b.col;
  dots.run(s.k);
  Sums<T, 4, R, 1> sum;
  DOWNHILL_UNROLLED (y, R) dots.total(y, sum.at[y][0]);
  T* const c = s.c + i * s.ldc + j;
  if (valid == 4) return write(sum, c, s.ldc, s.bias ? s.bias + j : nullptr, s.accumulate, {0});
  for (int y = 0; y < R; ++y)
    for (int64_t v = 0; v < valid; ++v)
      write_one(c[y * s.ldc + v], sum.at[y][0][v], s.bias ? s.bias + j + v : nullptr, s.accumulate);
}

template <class T, int L, int Most> DOWNHILL_STEP void dots_of(const Product<T>& s) {
  int64_t i = 0;
  for (; i + Most <= s.m; i += Most)
    for (int64_t j = 0; j < s.n; j += 4) dot_tile<T, L, Most>(s, i, j);
  for (; i < s.m; ++i)
    for (int64_t j = 0; j < s.n; j += 4) dot_tile<T, L, 1>(s, i, j);
}

template <class T> struct DotProducts {
  template <int Bytes> struct At {
    DOWNHILL_STEP static void run(const Product<T>* product) {
      constexpr int L = Bytes / int{sizeof(T)}, most = Bytes == 64 ? 4 : 2;
      if constexpr (L > 4)
        if (product->k >= 2 * L) return dots_of<T, L, most>(*product);
      dots_of<T, 4, most>(*product);
    }
  };
};

thread_local Workspace workspace;

/// b copied to rows of `width` values, zero beyond n.
template <class T> MatrixView<T> copy_rows(const Product<T>& s, int64_t width, T* to) {
  const Packing<T> whole{s.b.data, s.b.col, s.b.row, s.n, s.k, width, to};
  kernel<PackPanel<T>>(&whole);
  return {to, width, 1};
}

constexpr int64_t least_columns = 64, least_rows = 16;

template <class T> Product<T> part(Product<T> s, int64_t i, int64_t m, int64_t j, int64_t n) {
  s.a.data += i * s.a.row;
  s.b.data += j * s.b.col;
  s.c += i * s.ldc + j;
  s.bias = s.bias ? s.bias + j : nullptr;
  s.m = m;
  s.n = n;
  return s;
}

/// Part q of `parts` of a length, cut at multiples of `unit`; the last part takes the rest.
struct Range {
  int64_t first, size;
  Range(int64_t length, int64_t unit, int64_t parts, int64_t q)
      : first(length / unit * q / parts * unit),
        size((q + 1 == parts ? length : length / unit * (q + 1) / parts * unit) - first) {}
};

/// Runs the kernel on parts of c, on several threads where that pays. The cuts keep the order of
/// every sum: it depends on k, and for the last m % 4 rows on how many they are.
template <class T>
void run_parts(const KernelTable<void(const Product<T>*)>& body, const Product<T>& s) {
  if (work(s) < parallel_work || omp_in_parallel()) return body(&s);
  const bool by_columns = s.n / least_columns >= s.m / least_rows;
  const int64_t most = by_columns ? s.n / least_columns : s.m / least_rows;
  const int threads = omp_get_max_threads();
  const int parts = most < threads ? static_cast<int>(most) : threads;
  if (parts <= 1) return body(&s);
#pragma omp parallel for schedule(static) num_threads(parts)
  for (int q = 0; q < parts; ++q) {
    const Range range(by_columns ? s.n : s.m, by_columns ? least_columns : least_rows, parts, q);
    const Product<T> piece = by_columns ? part(s, 0, s.m, range.first, range.size)
                                        : part(s, range.first, range.size, 0, s.n);
    body(&piece);
  }
}

/// Too few columns for a vector: b and c get zero columns.
template <class T> void narrow_gemm(const Product<T>& s) {
  constexpr int64_t width = 16 / int{sizeof(T)};
  T* const b = workspace.get<T>(static_cast<std::size_t>((s.k + s.m) * width));
  T* const c = b + s.k * width;
  run_parts(wide_kernel<Rows<T>::template At>,
            {s.m, width, s.k, s.a, copy_rows(s, width, b), c, width});
  for (int64_t i = 0; i < s.m; ++i)
    for (int64_t j = 0; j < s.n; ++j)
      write_one(s.c[i * s.ldc + j], c[i * width + j], s.bias ? s.bias + j : nullptr, s.accumulate);
}

}  // namespace

template <class T> void small_gemm(const Product<T>& s) {
  if (takes_dot_products(s)) return run_parts(wide_kernel<DotProducts<T>::template At>, s);
  if (s.n < 16 / int64_t{sizeof(T)}) return narrow_gemm(s);
  if (s.b.col == 1) return run_parts(wide_kernel<Rows<T>::template At>, s);
  Product<T> copied = s;
  copied.b = copy_rows(s, s.n, workspace.get<T>(static_cast<std::size_t>(s.k * s.n)));
  run_parts(wide_kernel<Rows<T>::template At>, copied);
}

template void small_gemm(const Product<float>&);
template void small_gemm(const Product<double>&);

}  // namespace downhill::detail

// The packed product: both matrices are copied into panels that a register tile reads with unit
// stride. After Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008.
#include <omp.h>

#include <algorithm>

#include "gemm.h"
#include "pack.h"
#include "tile.h"
#include "workspace.h"

namespace downhill::detail {
namespace {

using std::int64_t;

/// k is cut into slices of this length; the order of every sum follows from it.
constexpr int64_t depth = 256;
/// Rows and columns packed at a time.
constexpr int64_t super = 3072;
/// Columns of packed b, `depth` long, that a second-level cache of 1 MiB holds in double.
constexpr int64_t columns_in_cache = 240;

/// The register tile of a level is rows x vectors: 8, 12 or 24 sums.
constexpr int tile_rows(int bytes) { return bytes == 64 ? 8 : 4; }
constexpr int tile_vectors(int bytes) { return bytes == 16 ? 2 : 3; }

template <class T, int Bytes> struct TileShape {
  static constexpr int lanes = Bytes / int{sizeof(T)};
  static constexpr int rows = tile_rows(Bytes), vectors = tile_vectors(Bytes);
  static constexpr int width = lanes * vectors;
};

/// A rectangle of c whose a and b are packed: a in panels of TileShape::rows, b in panels of
/// TileShape::width.
template <class T> struct Cell {
  const T *a, *b;
  int64_t m, n, k;
  T* c;
  int64_t ldc;
  const T* bias;
  bool accumulate;
};

template <int Stride, int Width, class T, int L, int R, int V>
DOWNHILL_INLINE void multiply_panels(Sums<T, L, R, V>& sum, int64_t k, const T* a, const T* b) {
  DOWNHILL_CONTRACT
  for (int64_t p = 0; p < k; ++p, a += Stride, b += Width) {
    Vec<T, L> x[V];
    DOWNHILL_UNROLLED (v, V) load(x[v], b + v * L);
    DOWNHILL_UNROLLED (i, R)
      DOWNHILL_UNROLLED (v, V) sum.at[i][v] += a[i] * x[v];
  }
}

template <class T, int Bytes, int R, int V>
DOWNHILL_STEP void tile(const Cell<T>& s, const T* a, const T* b, int64_t i, int64_t j) {
  using Shape = TileShape<T, Bytes>;
  constexpr int L = Shape::lanes;
  int64_t at[V];
  for (int v = 0; v < V; ++v) at[v] = v * L;
  Sums<T, L, R, V> sum;
  clear(sum);
  multiply_panels<Shape::rows, Shape::width>(sum, s.k, a, b);
  const T* bias = s.bias ? s.bias + j : nullptr;
  T* c = s.c + i * s.ldc + j;
  if (s.m - i >= R && s.n - j >= V * L) return write(sum, c, s.ldc, bias, s.accumulate, at);
  T edge[R * V * L];
  write(sum, edge, V * L, static_cast<const T*>(nullptr), false, at);
  const int64_t rows = s.m - i < R ? s.m - i : R, columns = s.n - j < V * L ? s.n - j : V * L;
  for (int64_t y = 0; y < rows; ++y)
    for (int64_t x = 0; x < columns; ++x)
      write_one(c[y * s.ldc + x], edge[y * V * L + x], bias ? bias + x : nullptr, s.accumulate);
}

template <class T, int Bytes, int R>
DOWNHILL_STEP void tile_row(const Cell<T>& s, const T* a, int64_t i) {
  using Shape = TileShape<T, Bytes>;
  int64_t j = 0;
  const T* b = s.b;
  for (; s.n - j > (Shape::vectors - 1) * Shape::lanes; j += Shape::width, b += Shape::width * s.k)
    tile<T, Bytes, R, Shape::vectors>(s, a, b, i, j);
  if (s.n - j > Shape::lanes) return tile<T, Bytes, R, 2>(s, a, b, i, j);
  if (s.n > j) tile<T, Bytes, R, 1>(s, a, b, i, j);
}

template <class T> struct MultiplyCell {
  template <int Bytes> struct At {
    DOWNHILL_STEP static void run(const Cell<T>* cell) {
      constexpr int R = TileShape<T, Bytes>::rows;
      const Cell<T>& s = *cell;
      for (int64_t i = 0; i < s.m; i += R)
        s.m - i > R / 2 ? tile_row<T, Bytes, R>(s, s.a + i * s.k, i)
                        : tile_row<T, Bytes, R / 2>(s, s.a + i * s.k, i);
    }
  };
};

int64_t ceil_div(int64_t x, int64_t y) { return (x + y - 1) / y; }
int64_t round_up(int64_t x, int64_t y) { return ceil_div(x, y) * y; }

/// One super block of the product, cut into cells: thread-sized pieces that write disjoint parts of
/// c.
template <class T> struct Block {
  Product<T> product;   // what is left of the whole product, k at most `depth`
  int64_t rows, width;  // of the register tile
  T *a, *b;             // packed
  int threads;

  void pack(const T* from, int64_t line, int64_t step, int64_t lines, int64_t height, T* to) const {
    const int64_t panels = ceil_div(lines, height), k = product.k;
#pragma omp for schedule(static)
    for (int64_t q = 0; q < panels; ++q) {
      const Packing<T> panel{
          from + q * height * line, line, step, std::min(height, lines - q * height), k, height,
          to + q * height * k};
      kernel<PackPanel<T>>(&panel);
    }
  }

  void run() const {
    const Product<T>& s = product;
    const int64_t step_n = round_up(std::min(s.n, columns_in_cache), width);
    const int64_t across = ceil_div(s.n, step_n);
    const int64_t down = std::clamp<int64_t>(ceil_div(2 * threads, across), 1, ceil_div(s.m, rows));
    const int64_t step_m = round_up(ceil_div(s.m, threads == 1 ? 1 : down), rows);
    const int64_t cells_m = ceil_div(s.m, step_m);
#pragma omp for schedule(static)
    for (int64_t q = 0; q < across * cells_m; ++q) {
      const int64_t i = q % cells_m * step_m, j = q / cells_m * step_n;
      const Cell<T> cell{a + i * s.k,
                         b + j * s.k,
                         std::min(step_m, s.m - i),
                         std::min(step_n, s.n - j),
                         s.k,
                         s.c + i * s.ldc + j,
                         s.ldc,
                         s.bias ? s.bias + j : nullptr,
                         s.accumulate};
      wide_kernel<MultiplyCell<T>::template At>(&cell);
    }
  }
};

template <class T> Product<T> cut(Product<T> s, int64_t i, int64_t j, int64_t p) {
  s.a.data += i * s.a.row + p * s.a.col;
  s.b.data += p * s.b.row + j * s.b.col;
  s.c += i * s.ldc + j;
  s.accumulate = s.accumulate || p > 0;
  s.bias = s.bias && p == 0 ? s.bias + j : nullptr;
  s.m = std::min(s.m - i, super);
  s.n = std::min(s.n - j, super);
  s.k = std::min(s.k - p, depth);
  return s;
}

/// Called by every thread of a team, which may be a team of one: the loops in here share their work
/// out among it.
template <class T> void run_blocks(const Product<T>& whole, Block<T> block) {
  for (int64_t j = 0; j < whole.n; j += super)
    for (int64_t p = 0; p < whole.k; p += depth)
      for (int64_t i = 0; i < whole.m; i += super) {
        const Product<T>& s = block.product = cut(whole, i, j, p);
        if (i == 0) block.pack(s.b.data, s.b.col, s.b.row, s.n, block.width, block.b);
        block.pack(s.a.data, s.a.row, s.a.col, s.m, block.rows, block.a);
        block.run();
      }
}

thread_local Workspace panels;

}  // namespace

template <class T> void packed_gemm(const Product<T>& s) {
  const int bytes = register_bytes();
  const int64_t rows = tile_rows(bytes), width = bytes / int{sizeof(T)} * tile_vectors(bytes);
  const int64_t k = std::min(s.k, depth);
  const int64_t size_a = round_up(round_up(std::min(s.m, super), rows) * k, 16);
  const int64_t size_b = round_up(std::min(s.n, super), width) * k;
  T* const a = panels.get<T>(static_cast<std::size_t>(size_a + size_b));
  const int threads = work(s) < parallel_work || omp_in_parallel() ? 1 : omp_get_max_threads();
  const Block<T> block{s, rows, width, a, a + size_a, threads};
  if (threads == 1 && !omp_in_parallel()) return run_blocks(s, block);
#pragma omp parallel num_threads(threads)
  run_blocks(s, block);
}

template void packed_gemm(const Product<float>&);
template void packed_gemm(const Product<double>&);

}  // namespace downhill::detail

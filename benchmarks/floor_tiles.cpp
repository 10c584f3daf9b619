#include "floor_tiles.h"

#include <algorithm>
#include <cstring>

namespace bench::floor {
namespace {

/// W floats in a register (or half of one).
template <int W> struct Lanes {
  typedef float Vector __attribute__((vector_size(4 * W)));
  static Vector load(const float* p) {
    Vector v;
    std::memcpy(&v, p, sizeof v);
    return v;
  }
};

/// R x C dot products over k; the rest beyond whole vectors is added one by one.
template <int R, int C> void dot_tile(const Gemm& g, std::int64_t i, std::int64_t j) {
  using L = Lanes<16>;
  L::Vector sum[R][C] = {};
  const float *a = g.a + i * g.k, *b = g.b + j * g.k;
  std::int64_t p = 0;
  for (; p + 16 <= g.k; p += 16) {
    L::Vector row[R];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) row[r] = L::load(a + r * g.k + p);
#pragma GCC unroll 16
    for (int c = 0; c < C; ++c) {
      const L::Vector column = L::load(b + c * g.k + p);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) sum[r][c] += row[r] * column;
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
    for (int c = 0; c < C; ++c) {
      float total = g.accumulate ? g.c[(i + r) * g.n + j + c] : 0;
      for (int l = 0; l < 16; ++l) total += sum[r][c][l];
      for (std::int64_t q = p; q < g.k; ++q) total += a[r * g.k + q] * b[c * g.k + q];
      g.c[(i + r) * g.n + j + c] = total;
    }
}

template <int R, int C> void dot_rows(const Gemm& g, std::int64_t i) {
  std::int64_t j = 0;
  for (; j + C <= g.n; j += C) dot_tile<R, C>(g, i, j);
  for (; j < g.n; ++j) dot_tile<R, 1>(g, i, j);
}

template <int R, int C> void dots_by(const Gemm& g) {
  std::int64_t i = 0;
  for (; i + R <= g.m; i += R) dot_rows<R, C>(g, i);
  for (; i < g.m; ++i) dot_rows<1, C>(g, i);
}

/// R rows x V vectors of W floats of c.
template <int R, int V, int W> void row_tile(const Gemm& g, std::int64_t i, std::int64_t j) {
  using L = Lanes<W>;
  typename L::Vector sum[R][V] = {};
  const std::int64_t along = g.a_transposed ? g.m : 1, down = g.a_transposed ? 1 : g.k;
  for (std::int64_t p = 0; p < g.k; ++p) {
    const float *a = g.a + i * down + p * along, *b = g.b + p * g.n + j;
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) {
      const typename L::Vector part = L::load(b + v * W);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) sum[r][v] += a[r * down] * part;
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) {
      float* c = g.c + (i + r) * g.n + j + v * W;
      if (g.accumulate) sum[r][v] += L::load(c);
      std::memcpy(c, &sum[r][v], sizeof sum[r][v]);
    }
}

template <int R> void row_rows(const Gemm& g, std::int64_t i) {
  std::int64_t j = 0;
  for (; j + 64 <= g.n; j += 64) row_tile<R, 4, 16>(g, i, j);
  for (; j + 16 <= g.n; j += 16) row_tile<R, 1, 16>(g, i, j);
  for (; j + 8 <= g.n; j += 8) row_tile<R, 1, 8>(g, i, j);
  for (; j + 2 <= g.n; j += 2) row_tile<R, 1, 2>(g, i, j);
  for (; j < g.n; ++j) row_tile<R, 1, 1>(g, i, j);
}

template <int R> void rows_by(const Gemm& g) {
  std::int64_t i = 0;
  for (; i + R <= g.m; i += R) row_rows<R>(g, i);
  for (; i < g.m; ++i) row_rows<1>(g, i);
}

}  // namespace

void dots(const Gemm& g) { g.n % 10 == 0 && g.n <= 20 ? dots_by<2, 10>(g) : dots_by<4, 4>(g); }

void rows(const Gemm& g) { g.m % 5 == 0 ? rows_by<5>(g) : rows_by<4>(g); }

}  // namespace bench::floor

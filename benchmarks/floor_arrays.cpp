// Loops over arrays: pointwise, sums, the formula, memory, optimizer steps.
#include <algorithm>
#include <cmath>
#include <numeric>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

#include "floor.h"

namespace bench::floor {
namespace {

/// Writes past the caches, n a multiple of 16 floats.
void stream(const float* from, float* to, std::int64_t n) {
#ifdef __AVX512F__
  for (std::int64_t i = 0; i < n; i += 16) _mm512_stream_ps(to + i, _mm512_load_ps(from + i));
#else
  std::copy_n(from, n, to);
#endif
}

template <class F>
void map_block(const F& f, const float* __restrict x, const float* __restrict y,
               float* __restrict out, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = f(x[i], y[i]);
}

/// out[i] = f(x[i], y[i]); past the caches where the arrays do not fit in them.
template <class F>
void map(const F& f, const float* x, const float* y, float* out, std::int64_t n) {
  constexpr std::int64_t size = 2048;
  std::int64_t i = 0;
  if (n >= 1 << 22)
    for (alignas(64) float block[size]; i + size <= n; i += size) {
      map_block(f, x + i, y + i, block, size);
      stream(block, out + i, size);
    }
  map_block(f, x + i, y + i, out + i, n - i);
}

template <class F> struct Map {
  Map(F f, std::int64_t n) : f(f), x(uniform(n, 1)), y(uniform(n, 2)), out(n) {}
  void step() { map(f, x.data(), y.data(), out.data(), x.size()); }
  Numbers result() { return out.summary(); }
  F f;
  Buffer x, y, out;
};

template <class F> Maker map_of(F f, std::int64_t n) { return maker<Map<F>>(f, n); }

Maker pointwise(const std::string& op, std::int64_t n) {
  if (op == "exp") return map_of([](float x, float) { return std::exp(x); }, n);
  if (op == "tanh") return map_of([](float x, float) { return std::tanh(x); }, n);
  if (op == "relu") return map_of([](float x, float) { return x > 0 ? x : 0; }, n);
  if (op == "x * 2.0") return map_of([](float x, float) { return x * 2; }, n);
  if (op == "add") return map_of([](float x, float y) { return x + y; }, n);
  return map_of([](float x, float y) { return x * y; }, n);
}

struct Sum {
  explicit Sum(int axis)
      : axis(axis), x(uniform(sum_rows * sum_columns, 1)), out(axis < 0    ? 1
                                                               : axis == 0 ? sum_columns
                                                                           : sum_rows) {}
  void step() {
    if (axis < 0) out[0] = std::accumulate(x.data(), x.data() + x.size(), 0.0f);
    else if (axis == 0) column_sums(x.data(), out.data(), sum_rows, sum_columns);
    else
      for (std::int64_t i = 0; i < sum_rows; ++i)
        out[i] = std::accumulate(&x[i * sum_columns], &x[i * sum_columns] + sum_columns, 0.0f);
  }
  Numbers result() { return out.summary(); }
  int axis;
  Buffer x, out;
};

struct Formula {
  explicit Formula(bool backward)
      : backward(backward), x(uniform(formula_size, 1)), y(uniform(formula_size, 2)),
        g(uniform(formula_size, 3)), out(formula_size), dx(formula_size), dy(formula_size) {}
  void step() {
    forward(x.data(), y.data(), out.data());
    if (backward) reverse(x.data(), y.data(), g.data(), dx.data(), dy.data());
  }
  static void forward(const float* __restrict x, const float* __restrict y, float* __restrict out) {
    for (std::int64_t i = 0; i < formula_size; ++i)
      out[i] = std::tanh(x[i]) * y[i] + std::exp(-x[i] * x[i]);
  }
  static void reverse(const float* __restrict x, const float* __restrict y,
                      const float* __restrict g, float* __restrict dx, float* __restrict dy) {
    for (std::int64_t i = 0; i < formula_size; ++i) {
      const float t = std::tanh(x[i]), e = std::exp(-x[i] * x[i]);
      dx[i] = g[i] * ((1 - t * t) * y[i] - 2 * x[i] * e);
      dy[i] = g[i] * t;
    }
  }
  Numbers result() { return backward ? join(dx.summary(), dy.summary()) : out.summary(); }
  bool backward;
  Buffer x, y, g, out, dx, dy;
};

struct Copy {
  void step() {
    map([](float x, float) { return x; }, x.data(), x.data(), out.data(), x.size());
  }
  Numbers result() { return out.summary(); }
  Buffer x{uniform(10'000'000, 1)}, out{x.size()};
};
struct Read {
  void step() { sum = std::accumulate(x.data(), x.data() + x.size(), 0.0f); }
  Numbers result() { return {0}; }
  Buffer x{uniform(10'000'000, 1)};
  float sum = 0;
};

struct AdamWStep {
  void step() { adamw(p.data(), g.data(), m.data(), v.data(), p.size(), ++steps); }
  Numbers result() { return p.summary(); }
  Buffer p{uniform(optimizer_size, 1)}, g{uniform(optimizer_size, 2)}, m{p.size()}, v{p.size()};
  std::int64_t steps = 0;
};
struct MomentumStep {
  void step() { momentum(p.data(), g.data(), v.data(), p.size()); }
  Numbers result() { return p.summary(); }
  Buffer p{uniform(optimizer_size, 1)}, g{uniform(optimizer_size, 2)}, v{p.size()};
};

const Part part("floor", [](Contender& c) {
  for (const char* op : pointwise_ops)
    for (const std::int64_t n : pointwise_sizes) c.add(pointwise_name(op, n), pointwise(op, n));
  for (const char* op : {"add", "mul", "x * 2.0", "exp", "relu"})
    for (const bool recorded : {false, true})
      c.add(small_name(op, recorded), pointwise(op, small_size));
  c.add(small_name("mul by constant", true), pointwise("mul", small_size));
  for (const int axis : {-1, 0, 1}) c.add(sum_name(axis), maker<Sum>(axis));
  for (const bool backward : {false, true})
    for (const bool composed : {false, true})
      c.add(formula_name(composed, backward), maker<Formula>(backward));
  c.add(copy_ceiling, maker<Copy>());
  c.add(read_ceiling, maker<Read>());
  c.add(adamw_step, maker<AdamWStep>());
  c.add(momentum_step, maker<MomentumStep>());
});

}  // namespace
}  // namespace bench::floor

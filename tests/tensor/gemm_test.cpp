// Products on raw pointers against a plain triple loop, at every instruction set of this processor.
#include "gemm/gemm.h"

#include <doctest/doctest.h>
#include <omp.h>

#include <downhill/tensor/isa.h>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

using namespace downhill;
using namespace downhill::detail;
using std::int64_t;

namespace {

struct Case {
  int64_t m, n, k;
  int layout = 0;  // bit 0: a transposed, bit 1: b transposed, bit 2: every second element of both
  bool bias = false, accumulate = false;
};

/// Operands of a case, with room between the rows of c.
template <class T> struct Operands {
  std::vector<T> a, b, c, bias;
  Product<T> product;

  explicit Operands(const Case& s)
      : a(random(s.m * s.k * 2 + 1)), b(random(s.k * s.n * 2 + 1)), c(random(s.m * (s.n + 3) + 1)),
        bias(random(s.n + 1)) {
    const int64_t step = s.layout & 4 ? 2 : 1;
    product = {s.m,
               s.n,
               s.k,
               view(a, s.m, s.k, s.layout & 1, step),
               view(b, s.k, s.n, s.layout & 2, step),
               c.data(),
               s.n + 3,
               s.bias ? bias.data() : nullptr,
               s.accumulate};
  }

  static MatrixView<T> view(const std::vector<T>& from, int64_t rows, int64_t columns,
                            bool transposed, int64_t step) {
    if (transposed) return {from.data(), step, rows * step};
    return {from.data(), columns * step, step};
  }
  static std::vector<T> random(int64_t size) {
    static std::mt19937 generator(7);
    std::uniform_real_distribution<T> draw(-1, 1);
    std::vector<T> values(static_cast<std::size_t>(size));
    for (T& x : values) x = draw(generator);
    return values;
  }
};

template <class T> std::vector<T> reference(const Operands<T>& operands) {
  std::vector<T> c = operands.c;
  const Product<T>& s = operands.product;
  for (int64_t i = 0; i < s.m; ++i)
    for (int64_t j = 0; j < s.n; ++j) {
      double sum = (s.bias ? s.bias[j] : 0.0) + (s.accumulate ? s.c[i * s.ldc + j] : 0.0);
      for (int64_t p = 0; p < s.k; ++p)
        sum += double(s.a.data[i * s.a.row + p * s.a.col]) *
               double(s.b.data[p * s.b.row + j * s.b.col]);
      c[static_cast<std::size_t>(i * s.ldc + j)] = static_cast<T>(sum);
    }
  return c;
}

/// The largest difference; untouched values (the room between rows) must be equal as well.
template <class T> double difference(const std::vector<T>& x, const std::vector<T>& y) {
  double most = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    most = std::max(most, std::abs(double(x[i]) - double(y[i])));
  return most;
}

template <class T, class Function> void check(const Case& s, Function function) {
  Operands<T> operands(s);
  const std::vector<T> expected = reference(operands);
  function(operands.product);
  CAPTURE(s.m);
  CAPTURE(s.n);
  CAPTURE(s.k);
  CAPTURE(s.layout);
  CAPTURE(s.bias);
  CAPTURE(s.accumulate);
  const double eps = sizeof(T) == 4 ? 1.2e-7 : 2.3e-16;
  CHECK(difference(expected, operands.c) <= 20 * eps * std::sqrt(double(s.k) + 4));
}

template <class Function> void check_all(const std::vector<Case>& cases, Function function) {
  for (Case s : cases)
    for (int layout = 0; layout < 8; ++layout)
      for (int options = 0; options < 4; ++options) {
        s.layout = layout;
        s.bias = options & 1;
        s.accumulate = options & 2;
        check<float>(s, function);
        check<double>(s, function);
      }
}

template <class Function> void at_every_level(Function function) {
  const Isa best = isa();
  for (Isa level : {best, Isa::v3, Isa::baseline})
    if (level <= best) {
      set_max_isa(level);
      function();
    }
  set_max_isa(best);
}

const std::vector<Case> edges{{1, 1, 1},   {1, 10, 10},  {2, 3, 4},    {3, 2, 5},    {5, 1, 7},
                              {4, 4, 4},   {5, 5, 5},    {8, 8, 8},    {7, 17, 3},   {10, 33, 9},
                              {11, 24, 1}, {18, 31, 13}, {9, 100, 37}, {26, 49, 20}, {1, 40, 70},
                              {40, 1, 70}, {3, 9, 130},  {24, 24, 24}};

}  // namespace

TEST_CASE("gemm agrees with a triple loop on small and odd sizes") {
  at_every_level([] { check_all(edges, [](const auto& s) { gemm(s); }); });
}

TEST_CASE("gemm agrees with a triple loop on large sizes") {
  check_all({{70, 90, 80}, {129, 67, 300}, {12, 700, 40}, {64, 10, 1030}},
            [](const auto& s) { gemm(s); });
}

TEST_CASE("the small kernel takes any size") {
  at_every_level([] {
    check_all({{33, 70, 65}, {10, 250, 40}}, [](const auto& s) { small_gemm(s); });
  });
}

TEST_CASE("the packed kernel takes any size") {
  at_every_level([] {
    check_all(edges, [](const auto& s) { packed_gemm(s); });
    check_all({{65, 79, 260}}, [](const auto& s) { packed_gemm(s); });
  });
}

TEST_CASE("an empty sum is 0, the bias, or leaves c alone") {
  for (int options = 0; options < 4; ++options) {
    const Case s{3, 5, 0, 0, bool(options & 1), bool(options & 2)};
    check<float>(s, [](const auto& product) { gemm(product); });
    check<double>(s, [](const auto& product) { gemm(product); });
  }
}

TEST_CASE("an empty result touches nothing") {
  check<float>({0, 5, 4}, [](const auto& s) { gemm(s); });
  check<double>({5, 0, 4}, [](const auto& s) { gemm(s); });
}

TEST_CASE("stride 0 repeats a row or a column") {
  const float a[2] = {2, 3}, b[3] = {1, 10, 100};
  float c[6];
  gemm<float>({2, 3, 4, {a, 1, 0}, {b, 0, 1}, c, 3});
  CHECK(c[0] == 8);
  CHECK(c[5] == 1200);
}

TEST_CASE("infinities in a matrix stay where they belong") {
  for (int64_t n : {3, 6, 12}) {
    std::vector<float> a(5, 1.0f), b(static_cast<std::size_t>(n * 5), 1.0f),
        c(static_cast<std::size_t>(n));
    b[7] = INFINITY;  // of column 1
    gemm<float>({1, n, 5, {a.data(), 5, 1}, {b.data(), 1, 5}, c.data(), n});
    CHECK(c[0] == 5);
    CHECK(c[1] == INFINITY);
    CHECK(c[2] == 5);
  }
}

namespace {

template <class T> void check_batch(int64_t m, int64_t n, int64_t k, int64_t repeat_b) {
  const Batch batch{{2, 3}, {3 * m * k, m * k}, {repeat_b * k * n, 0}, {m * n, 2 * m * n}};
  Operands<T> whole({m * 6, n, k});
  Operands<T> right({m, n * 2, k});
  const Product<T> s{m, n, k, {whole.a.data(), k, 1}, {right.b.data(), n, 1}, whole.c.data(), n};
  batched_gemm(s, batch);
  for (int64_t p = 0; p < 2; ++p)
    for (int64_t q = 0; q < 3; ++q) {
      std::vector<T> c(static_cast<std::size_t>(m * n));
      gemm<T>({m,
               n,
               k,
               {s.a.data + (3 * p + q) * m * k, k, 1},
               {s.b.data + p * repeat_b * k * n, n, 1},
               c.data(),
               n});
      const std::vector<T> got(s.c + (p + 2 * q) * m * n, s.c + (p + 2 * q + 1) * m * n);
      CHECK(difference(c, got) < (sizeof(T) == 4 ? 1e-4 : 1e-12));
    }
}

}  // namespace

TEST_CASE("a batch is many products, strides may repeat or permute them") {
  for (int64_t repeat_b : {0, 1}) {
    check_batch<float>(5, 6, 7, repeat_b);
    check_batch<double>(5, 6, 7, repeat_b);
    check_batch<float>(70, 66, 68, repeat_b);
    check_batch<double>(70, 66, 68, repeat_b);
    check_batch<float>(90, 1, 30, repeat_b);
  }
}

TEST_CASE("the same product has the same bits every time, whatever ran between") {
  Operands<float> x({100, 90, 784}), y({100, 90, 783});
  gemm(x.product);
  const std::vector<float> first = x.c;
  for (int repeat = 0; repeat < 3; ++repeat) {
    gemm(y.product);
    gemm(x.product);
    CHECK(std::memcmp(first.data(), x.c.data(), first.size() * sizeof(float)) == 0);
  }
}

TEST_CASE("the own kernels give the same bits for any number of threads") {
  const int threads = omp_get_max_threads();
  for (const Case& s :
       std::vector<Case>{{301, 203, 301}, {13, 3001, 64}, {515, 10, 500}, {5, 900, 700, 2}})
    for (int kernel = 0; kernel < 2; ++kernel) {
      Operands<double> operands(s);
      std::vector<double> first;
      for (int count : {1, 2, 3, 5}) {
        omp_set_num_threads(count);
        kernel ? packed_gemm(operands.product) : small_gemm(operands.product);
        if (count == 1) first = operands.c;
        CHECK(std::memcmp(first.data(), operands.c.data(), first.size() * sizeof(double)) == 0);
      }
    }
  omp_set_num_threads(threads);
}

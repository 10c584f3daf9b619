// Each function of vecmath.h at every instruction set that the processor has, against libm in a
// wider type (double for float, long double for double).
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include <downhill/tensor/vecmath.h>

namespace {

using namespace downhill;
using std::int64_t;
template <class T> using Wide = std::conditional_t<sizeof(T) == 4, double, long double>;
template <class T> using Limits = std::numeric_limits<T>;
constexpr double inf = Limits<double>::infinity(), NaN = Limits<double>::quiet_NaN();

template <class F, class T> struct Unary {
  DOWNHILL_INLINE static void run(const T* x, T* y, int64_t n) {
    for (int64_t i = 0; i < n; ++i) y[i] = F::f(Real<T>(x[i])).v;
  }
};
template <class F, class T> struct Binary {
  DOWNHILL_INLINE static void run(const T* x, const T* y, T* z, int64_t n) {
    for (int64_t i = 0; i < n; ++i) z[i] = F::f(Real<T>(x[i]), Real<T>(y[i])).v;
  }
};
template <class T> struct IntegerPower {
  DOWNHILL_INLINE static void run(const T* x, T* y, int64_t n, int64_t exponent) {
    for (int64_t i = 0; i < n; ++i) y[i] = vec::powi(Real<T>(x[i]), exponent).v;
  }
};

int levels() { return std::min(DOWNHILL_LEVELS, static_cast<int>(isa()) + 1); }

template <class F, class T> std::vector<T> apply(int level, const std::vector<T>& x) {
  std::vector<T> y(x.size());
  kernel<Unary<F, T>>.at[level](x.data(), y.data(), static_cast<int64_t>(x.size()));
  return y;
}
template <class F, class T>
std::vector<T> apply(int level, const std::vector<T>& x, const std::vector<T>& y) {
  std::vector<T> z(x.size());
  kernel<Binary<F, T>>.at[level](x.data(), y.data(), z.data(), static_cast<int64_t>(x.size()));
  return z;
}

// Equal, with nan equal to nan and -0 not equal to 0.
template <class T> bool same(T a, T b) {
  return (a == b && std::signbit(a) == std::signbit(b)) || (a != a && b != b);
}

// The error of `got` in units in the last place of the exact value; wrong in kind is 1e9.
template <class T> double ulps(T got, Wide<T> exact) {
  using W = Wide<T>;
  if (same(got, static_cast<T>(exact)) && (got == 0 || !std::isfinite(got))) return 0;
  if (std::isnan(got) || std::isnan(exact) || std::isinf(exact) || got == 0) return 1e9;
  const W value =
      std::isinf(got) ? std::copysign(std::ldexp(W(1), Limits<T>::max_exponent), W(got)) : W(got);
  const int exponent = exact == 0 ? -20000 : std::ilogb(exact);
  const int unit = std::max(exponent + 1, Limits<T>::min_exponent) - Limits<T>::digits;
  return static_cast<double>(std::fabs(std::ldexp(value - exact, -unit)));
}

constexpr double edges[] = {
    0.0,     1.0,       0.5,       2.0,        0.55,      0.92,       1e-30,   1e30,   1e300,
    1e-300,  20,        40,        60,         87.34,     88.72,      103.97,  126,    128,
    149,     500,       708.4,     709.78,     745.13,    1022,       1024,    1074,   1e-45,
    5e-324,  3.4e38,    1.7e308,   1.18e-38,   2.23e-308, 0.34657359, 0.69315, 1.0397, 0.70711,
    0.66667, 1.5707964, 3.1415927, 0.41421356, 2.41421,   inf,        NaN};

// The interval densely, all magnitudes inside it, and both neighbourhoods of each edge.
template <class T> std::vector<T> samples(double low, double high) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> unit(0, 1);
  std::vector<T> all;
  for (int i = 0; i < 60000; ++i) {
    all.push_back(static_cast<T>(low + (high - low) * unit(random)));
    all.push_back(static_cast<T>((i % 2 ? low : high) * std::exp2(-150 * unit(random))));
    all.push_back(static_cast<T>((i % 2 ? low : high) * std::exp2(-12 * unit(random))));
  }
  for (double edge : edges)
    for (double sign : {-1.0, 1.0})
      for (int i = -20; i <= 20; ++i) {
        T x = static_cast<T>(sign * edge);
        for (int k = 0; k < std::abs(i); ++k) x = std::nextafter(x, static_cast<T>(i * inf));
        if ((x >= low && x <= high) || !std::isfinite(x)) all.push_back(x);
      }
  return all;
}

template <class F, class T> void check_at(const std::vector<T>& x, double bound) {
  std::vector<Wide<T>> exact;
  for (T v : x) exact.push_back(F::exact(static_cast<Wide<T>>(v)));
  for (int level = 0; level < levels(); ++level) {
    const auto y = apply<F>(level, x);
    double worst = 0;
    T at = 0;
    for (std::size_t i = 0; i < x.size(); ++i)
      if (const double e = ulps(y[i], exact[i]); !(e <= worst)) worst = e, at = x[i];
    INFO("level ", level, ", bytes ", sizeof(T), ", at ", at);
    CHECK(worst <= bound);
  }
}

template <class F, class T> void check_within(double bound, double low, double high) {
  check_at<F>(samples<T>(low, high), bound);
}
template <class F> void check_within(double bound, double low, double high) {
  check_within<F, float>(bound, low, high);
  check_within<F, double>(bound, low, high);
}
template <class F> void check_exponential(double bound) {
  check_within<F, float>(bound, -110, 110);
  check_within<F, double>(bound, -760, 760);
}
template <class F> void check_everywhere(double bound) {
  check_within<F, float>(bound, -3e38, 3e38);
  check_within<F, double>(bound, -1.7e308, 1.7e308);
  check_within<F>(bound, -3, 3);
}

// A row: f(x), and what it has to be, in float and double at every level.
template <class F> void check_exactly(std::vector<std::pair<double, double>> table) {
  for (int level = 0; level < levels(); ++level)
    for (const auto& row : table) {
      const double x = row.first, y = row.second;
      INFO("level ", level, ", x ", x);
      CHECK(same(apply<F, double>(level, {x})[0], y));
      CHECK(same(apply<F, float>(level, {static_cast<float>(x)})[0], static_cast<float>(y)));
    }
}

// Each function as it is read in a kernel (f) and in a wider type (exact).
// clang-format off
struct Exp { DOWNHILL_INLINE static auto f(auto x) { return vec::exp(x); }
             static auto exact(auto x) { return std::exp(x); } };
struct Exp2 { DOWNHILL_INLINE static auto f(auto x) { return vec::exp2(x); }
              static auto exact(auto x) { return std::exp2(x); } };
struct Expm1 { DOWNHILL_INLINE static auto f(auto x) { return vec::expm1(x); }
               static auto exact(auto x) { return std::expm1(x); } };
struct Log { DOWNHILL_INLINE static auto f(auto x) { return vec::log(x); }
             static auto exact(auto x) { return std::log(x); } };
struct Log2 { DOWNHILL_INLINE static auto f(auto x) { return vec::log2(x); }
              static auto exact(auto x) { return std::log2(x); } };
struct Log10 { DOWNHILL_INLINE static auto f(auto x) { return vec::log10(x); }
               static auto exact(auto x) { return std::log10(x); } };
struct Log1p { DOWNHILL_INLINE static auto f(auto x) { return vec::log1p(x); }
               static auto exact(auto x) { return std::log1p(x); } };
struct Tanh { DOWNHILL_INLINE static auto f(auto x) { return vec::tanh(x); }
              static auto exact(auto x) { return std::tanh(x); } };
struct Sigmoid { DOWNHILL_INLINE static auto f(auto x) { return vec::sigmoid(x); }
                 static auto exact(auto x) { return std::exp(x > 0 ? 0 : x) /
                                                    (1 + std::exp(-std::fabs(x))); } };
struct Softplus { DOWNHILL_INLINE static auto f(auto x) { return vec::softplus(x); }
                  static auto exact(auto x) { return (x > 0 ? x : 0) +
                                                     std::log1p(std::exp(-std::fabs(x))); } };
struct Sin { DOWNHILL_INLINE static auto f(auto x) { return vec::sin(x); }
             static auto exact(auto x) { return std::sin(x); } };
struct Cos { DOWNHILL_INLINE static auto f(auto x) { return vec::cos(x); }
             static auto exact(auto x) { return std::cos(x); } };
struct Tan { DOWNHILL_INLINE static auto f(auto x) { return vec::tan(x); }
             static auto exact(auto x) { return std::tan(x); } };
struct Atan { DOWNHILL_INLINE static auto f(auto x) { return vec::atan(x); }
              static auto exact(auto x) { return std::atan(x); } };
struct Erf { DOWNHILL_INLINE static auto f(auto x) { return vec::erf(x); }
             static auto exact(auto x) { return std::erf(x); } };
struct Sqrt { DOWNHILL_INLINE static auto f(auto x) { return vec::sqrt(x); }
              static auto exact(auto x) { return std::sqrt(x); } };
struct Abs { DOWNHILL_INLINE static auto f(auto x) { return vec::abs(x); } };
struct Round { DOWNHILL_INLINE static auto f(auto x) { return vec::round(x); }
               static auto exact(auto x) { return std::nearbyint(x); } };
struct Floor { DOWNHILL_INLINE static auto f(auto x) { return vec::floor(x); }
               static auto exact(auto x) { return std::floor(x); } };
struct Ceil { DOWNHILL_INLINE static auto f(auto x) { return vec::ceil(x); }
              static auto exact(auto x) { return std::ceil(x); } };
struct Trunc { DOWNHILL_INLINE static auto f(auto x) { return vec::trunc(x); }
               static auto exact(auto x) { return std::trunc(x); } };
struct Pow { DOWNHILL_INLINE static auto f(auto x, auto y) { return vec::pow(x, y); } };
struct Min { DOWNHILL_INLINE static auto f(auto x, auto y) { return vec::min(x, y); } };
struct Max { DOWNHILL_INLINE static auto f(auto x, auto y) { return vec::max(x, y); } };
struct Copysign { DOWNHILL_INLINE static auto f(auto x, auto y) { return vec::copysign(x, y); } };
// clang-format on

template <class T> void check_pow(double bound, double largest) {
  std::mt19937_64 random(1);
  auto in = [&](double a, double b) {
    return std::uniform_real_distribution<double>(a, b)(random);
  };
  std::vector<T> x, y;
  for (int i = 0; i < 50000; ++i) {
    const double e = in(-largest, largest), near = 1 + in(-1, 1) * std::exp2(in(-20, 0));
    for (double base : {std::exp2(e), near}) {
      x.push_back(static_cast<T>(base));
      y.push_back(static_cast<T>(in(-1.2, 1.2) * largest / std::log2(base)));
    }
    x.push_back(static_cast<T>(in(-40, 40)));
    y.push_back(static_cast<T>(std::floor(in(-20, 20))));
  }
  for (int level = 0; level < levels(); ++level) {
    const auto z = apply<Pow>(level, x, y);
    double worst = 0;
    for (std::size_t i = 0; i < x.size(); ++i)
      worst = std::max(worst, ulps(z[i], std::pow(Wide<T>(x[i]), Wide<T>(y[i]))));
    INFO("level ", level, ", bytes ", sizeof(T));
    CHECK(worst <= bound);
  }
}

template <class F, class T, class Expected>
void check_grid(const std::vector<double>& values, Expected expected) {
  for (int level = 0; level < levels(); ++level)
    for (double a : values)
      for (double b : values) {
        const T x = static_cast<T>(a), y = static_cast<T>(b), want = static_cast<T>(expected(x, y));
        INFO("level ", level, ", bytes ", sizeof(T), ", x ", a, ", y ", b);
        CHECK(same(apply<F, T>(level, {x}, {y})[0], want));
      }
}

template <class T> T power(int level, T x, int64_t exponent) {
  std::vector<T> in(19, x), out(19);
  kernel<IntegerPower<T>>.at[level](in.data(), out.data(), 19, exponent);
  for (T y : out) CHECK(y == out[0]);
  return out[0];
}

}  // namespace

TEST_CASE("exp is within 1.2 ulp, subnormal results included") { check_exponential<Exp>(1.2); }
TEST_CASE("exp2 is within 1.3 ulp, subnormal results included") {
  check_within<Exp2, float>(1.3, -155, 130);
  check_within<Exp2, double>(1.3, -1080, 1030);
}
TEST_CASE("expm1 is within 1.4 ulp, also near 0") { check_exponential<Expm1>(1.4); }
TEST_CASE("log is within 1.1 ulp for every positive number, subnormals included") {
  check_everywhere<Log>(1.1);
}
TEST_CASE("log2 is within 1.5 ulp for every positive number") { check_everywhere<Log2>(1.5); }
TEST_CASE("log10 is within 1.5 ulp for every positive number") { check_everywhere<Log10>(1.5); }
TEST_CASE("log1p is within 1.8 ulp, also near 0") { check_everywhere<Log1p>(1.8); }
TEST_CASE("tanh is within 1.6 ulp everywhere") {
  check_exponential<Tanh>(1.6);
  check_within<Tanh>(1.6, -21, 21);
}
TEST_CASE("sigmoid is within 1.8 ulp, also where it is tiny") {
  check_exponential<Sigmoid>(1.8);
  check_within<Sigmoid>(1.8, -21, 41);
}
TEST_CASE("softplus is within 2 ulp, also where it is tiny") {
  check_exponential<Softplus>(2);
  check_within<Softplus>(2, -3, 3);
}
TEST_CASE("sin and cos are within 2 ulp up to 3e9") {
  check_within<Sin>(2, -10, 10);
  check_within<Sin>(2, -2.99e9, 2.99e9);
  check_within<Cos>(2, -10, 10);
  check_within<Cos>(2, -2.99e9, 2.99e9);
}
TEST_CASE("sin and cos never leave -1 to 1") {
  std::vector<double> x;
  for (int i = 0; i < 1000000; ++i) x.push_back(1.5707963267948966 - 1e-7 * i);
  std::vector<float> single(x.begin(), x.end());
  for (int level = 0; level < levels(); ++level) {
    CHECK(std::ranges::max(apply<Sin>(level, x)) <= 1);
    CHECK(std::ranges::max(apply<Sin>(level, single)) <= 1);
  }
}
TEST_CASE("tan is within 3.2 ulp up to 3e9") {
  check_within<Tan>(3.2, -10, 10);
  check_within<Tan>(3.2, -2.99e9, 2.99e9);
}
TEST_CASE("sin, cos and tan stay accurate next to the multiples of pi / 2") {
  std::vector<double> x;
  for (int k = 1; k < 1900000000; k += 1 + k / 5000) x.push_back(k * 1.5707963267948966192L);
  check_at<Sin>(x, 2);
  check_at<Cos>(x, 2);
  check_at<Tan>(x, 3.2);
}
TEST_CASE("sin, cos and tan of more than 3e9 are nan, not a guess") {
  const std::vector<std::pair<double, double>> table = {{3.1e9, NaN}, {-1e30, NaN}, {inf, NaN}};
  check_exactly<Sin>(table);
  check_exactly<Cos>(table);
  check_exactly<Tan>(table);
}
TEST_CASE("atan is within 2.5 ulp everywhere") { check_everywhere<Atan>(2.5); }
TEST_CASE("erf is within 1.3 ulp everywhere") {
  check_everywhere<Erf>(1.3);
  check_within<Erf>(1.3, -7, 7);
}
TEST_CASE("sqrt is correctly rounded") { check_everywhere<Sqrt>(0.5); }

TEST_CASE("exponentials have C's special values") {
  check_exactly<Exp>({{-inf, 0}, {inf, inf}, {-0.0, 1}, {1000, inf}, {-1000, 0}, {NaN, NaN}});
  check_exactly<Exp2>({{-inf, 0}, {inf, inf}, {10, 1024}, {1100, inf}, {-1100, 0}, {NaN, NaN}});
  check_exactly<Expm1>({{-inf, -1}, {inf, inf}, {-0.0, -0.0}, {0, 0}, {1000, inf}, {NaN, NaN}});
  check_exactly<Tanh>({{-inf, -1}, {inf, 1}, {-0.0, -0.0}, {0, 0}, {1e30, 1}, {NaN, NaN}});
  check_exactly<Sigmoid>({{-inf, 0}, {inf, 1}, {0, 0.5}, {-1000, 0}, {1000, 1}, {NaN, NaN}});
  check_exactly<Softplus>({{-inf, 0}, {inf, inf}, {-1000, 0}, {1000, 1000}, {NaN, NaN}});
  check_exactly<Erf>({{-inf, -1}, {inf, 1}, {-0.0, -0.0}, {0, 0}, {100, 1}, {NaN, NaN}});
}
TEST_CASE("logarithms have C's special values") {
  check_exactly<Log>({{0, -inf}, {-0.0, -inf}, {-1, NaN}, {-inf, NaN}, {1, 0}, {inf, inf}});
  check_exactly<Log2>({{0, -inf}, {-1, NaN}, {1, 0}, {1024, 10}, {0.125, -3}, {inf, inf}});
  check_exactly<Log10>({{0, -inf}, {-1, NaN}, {1, 0}, {1000, 3}, {1e10, 10}, {inf, inf}});
  check_exactly<Log1p>({{-1, -inf}, {-2, NaN}, {0, 0}, {-0.0, -0.0}, {inf, inf}, {NaN, NaN}});
}
TEST_CASE("circular functions keep the sign of zero and take infinity as C does") {
  check_exactly<Sin>({{0, 0}, {-0.0, -0.0}, {NaN, NaN}});
  check_exactly<Cos>({{0, 1}, {-0.0, 1}, {NaN, NaN}});
  check_exactly<Tan>({{0, 0}, {-0.0, -0.0}, {NaN, NaN}});
  const double quarter_turn = 1.5707963267948966;
  check_exactly<Atan>(
      {{0, 0}, {-0.0, -0.0}, {inf, quarter_turn}, {-inf, -quarter_turn}, {NaN, NaN}});
}
TEST_CASE("round, floor, ceil and trunc are exact, half goes to even, -0 survives") {
  check_everywhere<Round>(0);
  check_everywhere<Floor>(0);
  check_everywhere<Ceil>(0);
  check_everywhere<Trunc>(0);
  check_exactly<Round>({{0.5, 0}, {1.5, 2}, {2.5, 2}, {-0.5, -0.0}, {-2.5, -2}, {inf, inf}});
  check_exactly<Ceil>({{-0.75, -0.0}, {-0.25, -0.0}, {0.25, 1}, {-inf, -inf}, {NaN, NaN}});
}
TEST_CASE("pow is within 1.5 ulp, in float 0.6") {
  check_pow<double>(1.5, 1060);
  check_pow<float>(0.6, 145);
}
TEST_CASE("pow has C's special values") {
  const std::vector<double> values = {0,   -0.0, 1,   -1,   0.5, -0.5, 2,     -2,    3,       -3,
                                      inf, -inf, NaN, 1e30, 1.5, -1.5, -1e30, 1e-30, 16777215};
  // Where C leaves nothing to accuracy: 0, 1, infinity and nan.
  auto check = [](int level, auto x, auto y) {
    const auto want = std::pow(x, y);
    INFO("level ", level, ", x ", x, ", y ", y);
    if (want != 0 && std::isfinite(want) && std::fabs(want) != 1) return;
    CHECK(same(apply<Pow, decltype(x)>(level, {x}, {y})[0], want));
  };
  for (int level = 0; level < levels(); ++level)
    for (double x : values)
      for (double y : values) {
        check(level, x, y);
        check(level, static_cast<float>(x), static_cast<float>(y));
      }
}
TEST_CASE("powi multiplies exactly and inverts for a negative exponent") {
  for (int level = 0; level < levels(); ++level)
    for (double x : {-3.0, -1.0, 0.0, 0.5, 1.0, 2.0, 3.0})
      for (int n = -15; n <= 15; ++n) {
        const double want = n < 0 ? 1 / std::pow(x, -n) : std::pow(x, n);
        CHECK(same(power<double>(level, x, n), want));
        CHECK(same(power<float>(level, static_cast<float>(x), n), static_cast<float>(want)));
        if (n >= 0 && x != 0.5) CHECK(power<int64_t>(level, static_cast<int64_t>(x), n) == want);
      }
}
TEST_CASE("powi takes any int64 exponent") {
  const int64_t least = Limits<int64_t>::min(), most = Limits<int64_t>::max();
  for (int level = 0; level < levels(); ++level) {
    CHECK(power(level, -1.0, most) == -1);
    CHECK(power(level, -1.0f, most) == -1);
    CHECK(power(level, -1.0f, least) == 1);
    CHECK(power(level, 1.0000001f, int64_t(1) << 40) == Limits<float>::infinity());
    CHECK(power(level, 2.0, least) == 0);
    CHECK(power<int64_t>(level, 3, 40) == -6289078614652622815);
    CHECK(power<int64_t>(level, -1, -3) == -1);
    CHECK(power<int64_t>(level, 2, -1) == 0);
  }
}
TEST_CASE("min and max pass nan on from either side") {
  const std::vector<double> values = {-inf, -2, 0, 1, 3, inf, NaN};
  auto lesser = [](auto x, auto y) { return x != x || x < y ? x : y; };
  auto greater = [](auto x, auto y) { return x != x || x > y ? x : y; };
  check_grid<Min, double>(values, lesser);
  check_grid<Min, float>(values, lesser);
  check_grid<Max, double>(values, greater);
  check_grid<Max, float>(values, greater);
}
TEST_CASE("copysign takes the sign of a zero and of an infinity") {
  auto expected = [](auto x, auto y) { return std::copysign(x, y); };
  check_grid<Copysign, double>({-inf, -2, -0.0, 0, 1, inf}, expected);
  check_grid<Copysign, float>({-inf, -2, -0.0, 0, 1, inf}, expected);
  check_exactly<Abs>({{-0.0, 0}, {-2, 2}, {-inf, inf}, {NaN, NaN}});
}
TEST_CASE("integers have abs, min, max, copysign and rounding") {
  using Int = std::vector<int64_t>;
  const Int x = {-5, 5, 0, Limits<int64_t>::min()}, y = {3, -7, -1, 9};
  for (int level = 0; level < levels(); ++level) {
    CHECK(apply<Abs>(level, x) == Int{5, 5, 0, Limits<int64_t>::min()});
    CHECK(apply<Min>(level, x, y) == Int{-5, -7, -1, Limits<int64_t>::min()});
    CHECK(apply<Max>(level, x, y) == Int{3, 5, 0, 9});
    CHECK(apply<Copysign>(level, y, x) == Int{-3, 7, 1, -9});
    CHECK(apply<Floor>(level, x) == x);
    CHECK(apply<Trunc>(level, y) == y);
  }
}

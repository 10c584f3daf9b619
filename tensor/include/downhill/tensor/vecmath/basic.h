// Signs, rounding, minima and what the other files of this folder share.
#pragma once
#include <downhill/tensor/real.h>

#pragma GCC visibility push(default)
namespace downhill::vec {

template <class T>
concept Floating = std::is_floating_point_v<T>;

namespace parts {

/// The layout of a floating-point number. Adding and subtracting `rounder` rounds to an integer n,
/// and the low bits of x + rounder are n.
template <class T> struct Format;
template <> struct Format<float> {
  static constexpr int mantissa = 23, bias = 127;
  static constexpr double rounder = 0x1.8p23, smallest_normal = 0x1p-126;
};
template <> struct Format<double> {
  static constexpr int mantissa = 52, bias = 1023;
  static constexpr double rounder = 0x1.8p52, smallest_normal = 0x1p-1022;
};

template <class T> inline constexpr bool single = sizeof(T) == 4;
/// The constant for float or the one for double.
template <class T> consteval double either(double for_float, double for_double) {
  return single<T> ? for_float : for_double;
}
template <class T> using Uint = typename Real<T>::Uint;
template <class T> inline constexpr Uint<T> sign_bit = Uint<T>(1) << (8 * sizeof(T) - 1);
template <class T>
inline constexpr Uint<T> one_bits = Uint<T>(Format<T>::bias) << Format<T>::mantissa;
inline constexpr double inf = __builtin_inf(), nan = __builtin_nan("");

/// The polynomial with these coefficients, the highest power's first.
template <class T, class... C>
DOWNHILL_INLINE Real<T> horner(Real<T> x, double highest, C... lower) {
  Real<T> p = highest;
  ((p = p * x + lower), ...);
  return p;
}

/// x without the lower half of its bits: the product of two heads is exact, with or without fma.
template <class T> DOWNHILL_INLINE Real<T> head(Real<T> x) {
  constexpr int low = single<T> ? 12 : 27;
  return Real<T>::from(Uint<T>(x.ubits() >> low << low));
}

/// 2^n for t = n + rounder; n as in a normal number.
template <class T> DOWNHILL_INLINE Real<T> power_of_two(Real<T> t) {
  return Real<T>::from(Uint<T>((t.ubits() << Format<T>::mantissa) + one_bits<T>));
}

/// y 2^n for t = n + rounder and y near 1: rounded once where the result is subnormal, and
/// infinite where it is too large.
template <class T> DOWNHILL_INLINE Real<T> scale(Real<T> y, Real<T> t) {
  using R = Real<T>;
  using F = Format<T>;
  auto tiny = t < F::rounder - (F::bias - 3);
  R last = where(tiny, either<T>(0x1p-64, 0x1p-128), 2);
  R power = R::from(Uint<T>((t.ubits() << F::mantissa) + (2 * one_bits<T> - last.ubits())));
  return y * power * last;
}

}  // namespace parts

template <class T> DOWNHILL_INLINE Real<T> abs(Real<T> x) {
  if constexpr (Real<T>::integral) return where(x < 0, -x, x);
  else return Real<T>::from(parts::Uint<T>(x.ubits() & ~parts::sign_bit<T>));
}

/// The magnitude of x with the sign of s (which a zero and a nan have too).
template <class T> DOWNHILL_INLINE Real<T> copysign(Real<T> x, Real<T> s) {
  if constexpr (Real<T>::integral) return where(s < 0, -vec::abs(x), vec::abs(x));
  else {
    constexpr auto sign = parts::sign_bit<T>;
    return Real<T>::from(parts::Uint<T>((x.ubits() & ~sign) | (s.ubits() & sign)));
  }
}

/// The larger one; nan if either is.
template <class T> DOWNHILL_INLINE Real<T> max(Real<T> a, Real<T> b) {
  return where((a > b) | (a != a), a, b);
}
/// The smaller one; nan if either is.
template <class T> DOWNHILL_INLINE Real<T> min(Real<T> a, Real<T> b) {
  return where((a < b) | (a != a), a, b);
}

DOWNHILL_INLINE Real<float> sqrt(Real<float> x) { return ::sqrtf(x.v); }
DOWNHILL_INLINE Real<double> sqrt(Real<double> x) { return ::sqrt(x.v); }

/// The nearest integer, half to even. This and the three below give a -0 where C does, and an
/// integer (int64) as it is.
template <class T> DOWNHILL_INLINE Real<T> round(Real<T> x) {
  if constexpr (Real<T>::integral) return x;
  else {
    constexpr double integers_only = parts::either<T>(0x1p23, 0x1p52);
    Real<T> a = vec::abs(x), r = (a + integers_only) - integers_only;
    return where(a < integers_only, vec::copysign(r, x), x);
  }
}
template <class T> DOWNHILL_INLINE Real<T> floor(Real<T> x) {
  Real<T> r = vec::round(x);
  return where(r > x, r - 1, r);
}
template <class T> DOWNHILL_INLINE Real<T> ceil(Real<T> x) {
  Real<T> r = vec::round(x);
  return vec::copysign(where(r < x, r + 1, r), x);
}
template <class T> DOWNHILL_INLINE Real<T> trunc(Real<T> x) {
  return vec::copysign(vec::floor(vec::abs(x)), x);
}

}  // namespace downhill::vec
#pragma GCC visibility pop

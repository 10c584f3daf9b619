// Circular functions: accurate up to |x| = 3e9, nan beyond (there neighbouring floats lie 256 apart
// and hold no angle any more).
//
// x = n pi + r with pi in parts of 22 bits, so that n times a part is exact up to n = 2^31 without
// fma (Cody and Waite 1980); for float the subtraction is done in double.
#pragma once
#include <downhill/tensor/vecmath/basic.h>

#pragma GCC visibility push(default)
namespace downhill::vec {

namespace parts {

inline constexpr double largest_angle = 3e9;
inline constexpr double pi[] = {0x1.921fbp+1, 0x1.5110bp-21, 0x1.184698p-43, 0x1.31988p-68,
                                0x1.1701b839a252p-87};
inline constexpr double pi_after_two = 0x1.18469898cc517p-43;

/// x - n * unit * pi; unit is a power of two.
template <class T>
DOWNHILL_INLINE Real<double> less_turns(Real<double> x, Real<double> n, double unit) {
  Real<double> a = (x - n * (unit * pi[0])) - n * (unit * pi[1]);
  if constexpr (single<T>) return a - n * (unit * pi_after_two);
  Real<double> third = n * (unit * pi[2]), b = a - third;
  return b - ((n * (unit * pi[3]) - ((a - b) - third)) + n * (unit * pi[4]));
}

/// sin(x + quarter pi / 2), quarter = 0 or 1; never over 1.
template <class T, int quarter> DOWNHILL_INLINE Real<T> sin_or_cos(Real<T> x0) {
  using D = Real<double>;
  D x = x0.v, turns = x * 0x1.45f306dc9c883p-2;
  if constexpr (quarter == 1) turns = turns + 0.5;
  D t = turns + Format<double>::rounder, n = t - Format<double>::rounder;
  if constexpr (quarter == 1) n = n - 0.5;
  D d = less_turns<T>(x, n, 1);
  Real<T> r = D::from(d.ubits() ^ (t.ubits() << 63)).v, z = r * r, p;
  if constexpr (single<T>) {
    p = horner(z, 2.60609568e-6, -0.000198097769, 0.00833306927, -0.166666597);
  } else {
    p = horner(z, 2.7214143461263263e-15, -7.6430189853342147e-13, 1.6058940991223639e-10,
               -2.5052106904269226e-8, 2.7557319211568449e-6, -0.00019841269841212476,
               0.0083333333333332066, -0.16666666666666666);
  }
  Real<T> a = vec::abs(r), y = a + a * z * p;
  y = vec::copysign(where(y > 1, 1, y), r);
  return where(vec::abs(x0) <= largest_angle, y, nan);
}

}  // namespace parts

template <Floating T> DOWNHILL_INLINE Real<T> sin(Real<T> x) { return parts::sin_or_cos<T, 0>(x); }
template <Floating T> DOWNHILL_INLINE Real<T> cos(Real<T> x) { return parts::sin_or_cos<T, 1>(x); }

template <Floating T> DOWNHILL_INLINE Real<T> tan(Real<T> x0) {
  using D = Real<double>;
  using R = Real<T>;
  constexpr double rounder = parts::Format<double>::rounder;
  D x = x0.v, n = (x * 0x1.45f306dc9c883p-1 + rounder) - rounder;
  D turns = n * 0.5, odd = turns - ((turns + rounder) - rounder);
  R r = parts::less_turns<T>(x, n, 0.5).v, z = r * r, s, c;
  if constexpr (parts::single<T>) {
    s = parts::horner(z, -0.000195182845, 0.00833218917, -0.166666552);
    c = parts::horner(z, 2.44323273e-5, -0.00138873095, 0.0416666456);
  } else {
    s = parts::horner(z, 1.5895445135754052e-10, -2.505073457350591e-8, 2.7557313539527158e-6,
                      -0.00019841269829360816, 0.0083333333333218424, -0.1666666666666663);
    c = parts::horner(z, -1.1358732790764282e-11, 2.0875705114679069e-9, -2.7557314215294439e-7,
                      2.4801587288997468e-5, -0.0013888888888873338, 0.041666666666666595);
  }
  s = r + r * z * s;
  R half = 0.5 * z, whole = 1 - half;
  c = whole + (((1 - whole) - half) + z * z * c);
  auto swapped = R(odd.v) != 0;
  R y = where(x0 == 0, x0, where(swapped, -c, s) / where(swapped, s, c));
  return where(vec::abs(x0) <= parts::largest_angle, y, parts::nan);
}

/// |x| > 1 by atan(x) = pi/2 - atan(1 / x), then q = top / bottom > tan(pi/8) by
/// atan(q) = pi/4 + atan((q - 1) / (q + 1)).
template <Floating T> DOWNHILL_INLINE Real<T> atan(Real<T> x) {
  using R = Real<T>;
  constexpr double quarter = parts::either<T>(0x1.921fb6p-1, 0x1.921fb54442d18p-1);
  constexpr double rest = parts::either<T>(-0x1.777a5cp-26, 0x1.1a62633145c07p-55);
  R a = vec::abs(x), p, top = where(a > 1, 1, a);
  R bottom = where(a < 1, 1, where(a < 0x1p99, a, 0x1p99));
  R sign = where(a > 1, -1, 1), shift = where(top > 0.4142135623730950 * bottom, 1, 0);
  R t = (top - shift * bottom) / (bottom + shift * top), z = t * t;
  if constexpr (parts::single<T>) {
    p = parts::horner(z, -0.0609005168, 0.105991684, -0.14244391, 0.199985281, -0.333333164);
  } else {
    p = parts::horner(z, -0.017908661832839068, 0.038065679587667829, -0.050393406726264404,
                      0.058478955731009946, -0.066631046981298778, 0.076920602576386568,
                      -0.090908977598450763, 0.11111110783560851, -0.14285714280200626,
                      0.1999999999995368, -0.33333333333333198);
  }
  R quarters = sign * shift + (1 - sign);
  R y = quarters * quarter + (sign * (t + t * z * p) + quarters * rest);
  return vec::copysign(y, x);
}

}  // namespace downhill::vec
#pragma GCC visibility pop

// Powers with a real and with an integer exponent.
#pragma once
#include <downhill/tensor/vecmath/exp_log.h>

#pragma GCC visibility push(default)
namespace downhill::vec {

namespace parts {

/// a where the mask is all ones, b where it is 0.
template <class T> DOWNHILL_INLINE Real<T> pick(typename Real<T>::Uint mask, Real<T> a, Real<T> b) {
  return Real<T>::from(typename Real<T>::Uint((a.ubits() & mask) | (b.ubits() & ~mask)));
}

/// A value in two parts, the first one short: the product of two such parts is exact.
struct Pair {
  Real<double> high, low;
};

/// log2(x), x > 0, to about 2^-68 relative (the method of FreeBSD's e_pow.c, Sun Microsystems
/// 1993): log(1 + f) = 2/3 s (3 + s^2 + s^4 p), s = f / (2 + f), each factor in two parts.
DOWNHILL_INLINE Pair precise_log2(Real<double> x) {
  using R = Real<double>;
  constexpr double c_high = 0x1.ec709ep-1, c_low = -0x1.e2fe0145b01f5p-28;  // 2 / (3 log 2)
  auto [e, f] = split(x);
  R sum = 2 + f, inverse = 1 / sum, s = f * inverse;
  R sum_high = head(sum), sum_low = f - (sum_high - 2);
  R s_high = head(s), s_low = inverse * ((f - s_high * sum_high) - s_high * sum_low);
  R z = s * s, z_high = s_high * s_high;
  R p = horner(z, 0.17992383906537807, 0.17511072978297454, 0.2000453820057376, 0.23076833536781668,
               0.27272728334022578, 0.33333333326049136, 0.42857142857168801, 0.59999999999999964);
  R rest = z * z * p + s_low * (s_high + s);
  R factor_high = head(3 + z_high + rest), factor_low = rest - ((factor_high - 3) - z_high);
  R u = s_high * factor_high, v = s_low * factor_high + factor_low * s;
  R w_high = head(u + v), w_low = v - (w_high - u);
  R a = c_high * w_high, b = c_low * w_high + w_low * (c_high + c_low);
  R high = head((a + b) + e);
  return {high, b - ((high - e) - a)};
}

/// x^y for x >= 0, up to what pow below puts right.
DOWNHILL_INLINE Real<double> pow_magnitude(Real<double> x, Real<double> y) {
  using R = Real<double>;
  Pair log = precise_log2(x);
  R y_high = head(y), high = y_high * log.high;
  R low = (y - y_high) * log.high + y * log.low;
  R estimate = y * where(x == 0, -inf, where(x < inf, log.high + log.low, x));
  R t = (high + low) + Format<double>::rounder, n = t - Format<double>::rounder;
  R r = scale(exp2_fraction((high - n) + low), t);
  r = beyond(estimate, -1080, 0, 1025, r);
  return where(estimate == estimate, r, estimate);
}
DOWNHILL_INLINE Real<float> pow_magnitude(Real<float> x, Real<float> y) {
  return float(vec::exp(y.v * vec::log(Real<double>(x.v))).v);
}

}  // namespace parts

/// x^y. As in C99: pow(x, 0) = pow(1, y) = 1 even for a nan, a negative x needs an integer y.
template <Floating T> DOWNHILL_INLINE Real<T> pow(Real<T> x, Real<T> y) {
  using R = Real<T>;
  R a = vec::abs(x), half = 0.5 * y;
  auto integer = vec::round(y) == y, odd = integer & (vec::round(half) != half);
  R sign = where(odd, vec::copysign(R(1), x), 1);
  R r = sign * where((a == 1) & (y == y), 1, parts::pow_magnitude(a, y));
  r = where((x < 0) & (a < parts::inf) & !integer, parts::nan, r);
  return where((x == 1) | (y == 0), 1, r);
}

/// x^n by repeated multiplication: exact where every product is. n must be the same for all
/// elements of a loop: the loop over its bits then runs in step for a whole vector (GCC only). A
/// negative n: 1 / x^-n, hence 0 where x^-n overflows; for integers 0, unless x is 1 or -1.
template <class T> DOWNHILL_INLINE Real<T> powi(Real<T> x, std::int64_t n) {
  using R = Real<T>;
  using U = parts::Uint<T>;
  const std::uint64_t size = n < 0 ? -std::uint64_t(n) : std::uint64_t(n);
  // An exponent of 2^31 or more takes every float but 1 and -1 to 0 or infinity.
  U m = sizeof(T) == 8 || size < 0x80000000 ? U(size) : U(0x80000000 | (size & 1));
  const U steps = U(64 - __builtin_clzll(m | 1));
  R r = 1, power = x;
  for (U i = 0; i < steps; ++i) {
    r = r * parts::pick(U(-(m & 1)), power, R(1));
    power = power * power;
    m >>= 1;
  }
  const U negative = n < 0 ? ~U(0) : U(0);
  if constexpr (R::integral) {
    U u = x.ubits() + 1, unit = -((~u & (u - 3)) >> 63);  // x is -1, 0 or 1
    return R::from(U(r.ubits() & (unit | ~negative)));
  } else {
    return parts::pick(negative, 1 / r, r);
  }
}

}  // namespace downhill::vec
#pragma GCC visibility pop

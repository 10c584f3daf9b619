// Exponentials, logarithms and the functions that are made of them.
//
// exp: x = n ln 2 + r with ln 2 in two parts (Cody and Waite 1980), n times the first part exact.
// log: x = 2^e (1 + f); in double by s = f / (2 + f) (as FreeBSD's e_log.c, Sun Microsystems 1993).
#pragma once
#include <downhill/tensor/vecmath/basic.h>

#pragma GCC visibility push(default)
namespace downhill::vec {

namespace parts {

inline constexpr double log2_e = 1.4426950408889634;
template <class T> inline constexpr double ln2_high = either<T>(0x1.62ep-1, 0x1.62e42ffp-1);
template <class T>
inline constexpr double ln2_low = either<T>(0x1.0bfbe8p-15, -0x1.718432a1b0e26p-35);

/// x = n ln 2 + (high - low), |high - low| <= ln 2 / 2, t = n + rounder.
template <class T> struct Reduced { Real<T> t, high, low; };

template <class T> DOWNHILL_INLINE Reduced<T> reduce(Real<T> x) {
  Real<T> t = x * log2_e + Format<T>::rounder, n = t - Format<T>::rounder;
  return {t, x - n * ln2_high<T>, n * ln2_low<T>};
}

/// exp(r) - 1, its error relative to exp(r).
template <class T> DOWNHILL_INLINE Real<T> exp_less_one(Real<T> r) {
  Real<T> p;
  if constexpr (single<T>) {
    p = horner(r, 0.00138145883, 0.00836871564, 0.041668389, 0.166665211, 0.49999994);
  } else {
    p = horner(r, 2.4999985413076575e-8, 2.7630243899567554e-7, 2.7557586564980112e-6,
               2.480149311102913e-5, 0.00019841269506442008, 0.0013888888943618856,
               0.0083333333334944717, 0.041666666666530197, 0.16666666666666413,
               0.50000000000000111);
  }
  return r + r * r * p;
}

/// exp(r) - 1 - r, its error relative to exp(r) - 1.
template <class T> DOWNHILL_INLINE Real<T> expm1_tail(Real<T> r) {
  Real<T> p;
  if constexpr (single<T>) {
    p = horner(r, 0.000199620568, 0.00139432016, 0.00833322015, 0.0416663289, 0.166666672, 0.5);
  } else {
    p = horner(r, 1.7687688869775363e-9, 2.5105193285466254e-8, 2.7567927049762772e-7,
               2.755725546274904e-6, 2.4801574538335471e-5, 0.00019841269874766143,
               0.0013888888895597228, 0.0083333333333261532, 0.041666666666652287,
               0.16666666666666671, 0.50000000000000011);
  }
  return r * r * p;
}

/// exp(x) where that is a normal number.
template <class T> DOWNHILL_INLINE Real<T> exp_normal(Real<T> x) {
  auto [t, high, low] = reduce(x);
  return (1 + exp_less_one(high - low)) * power_of_two(t);
}

/// y between the bounds of x, `below` under the low one, infinity over the high one. (To bound x
/// first is slower: compilers then compute the rest of the formula twice.)
template <class T>
DOWNHILL_INLINE Real<T> beyond(Real<T> x, double low, double below, double high, Real<T> y) {
  return where(x > high, inf, where(x < low, below, y));
}

/// 2^r, |r| <= 1/2.
template <class T> DOWNHILL_INLINE Real<T> exp2_fraction(Real<T> r) {
  Real<T> p;
  if constexpr (single<T>) {
    p = horner(r, 1.3359474e-5, 0.000154613677, 0.00133419526, 0.00961805694, 0.0555040054,
               0.240226507, 0.693147182);
  } else {
    p = horner(r, 2.5854935775386966e-11, 4.4572379213723723e-10, 7.0548150438612684e-9,
               1.0178047540560728e-7, 1.3215487002896624e-6, 1.5252733864822083e-5,
               0.00015403530393172379, 0.0013333558146381764, 0.0096181291076285619,
               0.055504108664821736, 0.24022650695910072, 0.69314718055994529);
  }
  return 1 + r * p;
}

/// x = 2^e (1 + f) for x > 0.
template <class T> struct Split { Real<T> e, f; };

/// 1 + f from this on: 2/3 suits a polynomial in f, sqrt(1/2) one in s = f / (2 + f).
template <class T>
inline constexpr Uint<T> least_bits = single<T> ? Uint<T>(0x3f2aaaab) : Uint<T>(0x3fe6a09e667f3bcd);

/// The split of a normal x, given its bits less least_bits.
template <class T> DOWNHILL_INLINE Split<T> split_bits(Uint<T> u) {
  using R = Real<T>;
  constexpr int m = Format<T>::mantissa;
  R f = R::from(Uint<T>((u & ((Uint<T>(1) << m) - 1)) + least_bits<T>)) - 1;
  if constexpr (single<T>) return {R(std::int32_t(u) >> m), f};
  else return {R::from(((u >> m) ^ 0x800) | 0x4330000000000000) - (0x1p52 + 0x800), f};
}

template <class T> DOWNHILL_INLINE Split<T> split(Real<T> x) {
  Real<T> up = where(x < Format<T>::smallest_normal, either<T>(0x1p24, 0x1p54), 1);
  Uint<T> u = (x * up).ubits() - least_bits<T>;
  return {split_bits<T>(u - (up.ubits() - one_bits<T>)).e, split_bits<T>(u).f};
}

/// log(1 + f) - f. (The abs changes no value: it keeps compilers from fusing the product into one
/// of two sums that use it, or in place of another product, as each sees fit.)
template <class T> DOWNHILL_INLINE Real<T> log_rest(Real<T> f) {
  if constexpr (single<T>) {
    return -vec::abs(f * f *
                     horner(f, -0.12890774, 0.139841735, -0.12184456, 0.140059248, -0.166804746,
                            0.200104028, -0.249997973, 0.333332151, -0.5));
  } else {
    Real<T> half_square = vec::abs(0.5 * f * f), s = f / (2 + f), z = s * s;
    Real<T> p =
        horner(z, 0.14795628394317745, 0.15314085188831558, 0.18183562842871365, 0.2222219860514662,
               0.28571428742027427, 0.39999999999416647, 0.6666666666666734);
    return s * (half_square + z * p) - half_square;
  }
}

/// log(2^e (1 + f))
template <class T> DOWNHILL_INLINE Real<T> log_of(Split<T> x) {
  auto [e, f] = x;
  return e * ln2_high<T> + (f + (log_rest(f) + e * ln2_low<T>));
}

/// log(x) / log(base), where 1 / log(base) = c_high + c_low and log(2) / log(base) = e_high +
/// e_low.
template <class T>
DOWNHILL_INLINE Real<T> log_to_base(Real<T> x, double c_high, double c_low, double e_high,
                                    double e_low) {
  auto [e, f] = split(x);
  Real<T> high = head(f), low = (f - high) + log_rest(f);
  Real<T> a = e * e_high, b = high * c_high, sum = a + b;
  return sum + (((a - sum) + b) + (low * c_high + ((low + high) * c_low + e * e_low)));
}

/// y, a logarithm of x > 0, and what it is for any other x.
template <class T> DOWNHILL_INLINE Real<T> log_special(Real<T> x, Real<T> y) {
  return where(x > 0, where(x < inf, y, x), where(x == 0, -inf, nan));
}

}  // namespace parts

template <Floating T> DOWNHILL_INLINE Real<T> exp(Real<T> x) {
  auto [t, high, low] = parts::reduce(x);
  Real<T> y = parts::scale(1 + parts::exp_less_one(high - low), t);
  return parts::beyond(x, parts::either<T>(-105, -747), 0, parts::either<T>(89, 710), y);
}

template <Floating T> DOWNHILL_INLINE Real<T> exp2(Real<T> x) {
  Real<T> t = x + parts::Format<T>::rounder, n = t - parts::Format<T>::rounder;
  Real<T> y = parts::scale(parts::exp2_fraction(x - n), t);
  return parts::beyond(x, parts::either<T>(-151, -1080), 0, parts::either<T>(129, 1025), y);
}

/// exp(x) - 1
template <Floating T> DOWNHILL_INLINE Real<T> expm1(Real<T> x) {
  using R = Real<T>;
  auto [t, high, low] = parts::reduce(x);
  R r = high - low, rest = parts::expm1_tail(r) + ((high - r) - low);
  R half_power = parts::power_of_two(t - 1);
  R y = 2 * (((half_power - 0.5) + half_power * r) + half_power * rest);
  y = where(vec::abs(x) < parts::either<T>(0x1p-25, 0x1p-54), x, y);
  return parts::beyond(x, parts::either<T>(-20, -40), -1, parts::either<T>(89, 710), y);
}

/// 1 / (1 + exp(-x)); small results keep their relative accuracy.
template <Floating T> DOWNHILL_INLINE Real<T> sigmoid(Real<T> x) {
  using R = Real<T>;
  auto [t, high, low] = parts::reduce(-x);
  R down = where(x < parts::either<T>(-60, -500), parts::either<T>(0x1p-32, 0x1p-128), 1);
  R power = R::from(parts::Uint<T>((t.ubits() << parts::Format<T>::mantissa) + down.ubits()));
  R whole = power + 1, lost = 1 - (whole - power);
  R y = 1 / (whole + (power * parts::exp_less_one(high - low) + lost)) * down;
  y = where(x < parts::either<T>(-105, -747), 0, y);
  return where(x > parts::either<T>(20, 40), 1, y);
}

template <Floating T> DOWNHILL_INLINE Real<T> tanh(Real<T> x) {
  using R = Real<T>;
  R a = vec::abs(x), z = a * a, p;
  if constexpr (parts::single<T>) {
    p = parts::horner(z, -0.00624535326, 0.0210513454, -0.0538475476, 0.133325443, -0.333333164);
  } else {
    p = parts::horner(z, 5.1023537376744891e-5, -0.00021030551807240674, 0.00057913902962577373,
                      -0.0014532174799425951, 0.0035917198554309446, -0.0088631945256278898,
                      0.02186948597661393, -0.053968253876168465, 0.13333333333168937,
                      -0.33333333333332316);
  }
  R large = 1 - 2 / (1 + parts::exp_normal(2 * a));
  large = where(a > parts::either<T>(10, 20), 1, large);
  return vec::copysign(where(a < 0.55, a + a * z * p, large), x);
}

template <Floating T> DOWNHILL_INLINE Real<T> log(Real<T> x) {
  return parts::log_special(x, parts::log_of(parts::split(x)));
}

/// Exact for powers of two.
template <Floating T> DOWNHILL_INLINE Real<T> log2(Real<T> x) {
  Real<T> y = parts::single<T>
                  ? parts::log_to_base(x, 0x1.716p+0, -0x1.7135a8p-13, 1, 0)
                  : parts::log_to_base(x, 0x1.7154768p+0, -0x1.6a3e80f444178p-27, 1, 0);
  return parts::log_special(x, y);
}

template <Floating T> DOWNHILL_INLINE Real<T> log10(Real<T> x) {
  Real<T> y;
  if constexpr (parts::single<T>) {
    y = parts::log_to_base(x, 0x1.bccp-2, -0x1.09d5b2p-15, 0x1.344p-2, 0x1.3509f8p-18);
  } else {
    y = parts::log_to_base(x, 0x1.bcb7b18p-2, -0x1.6c8d78e6acaa4p-29, 0x1.344135p-2,
                           0x1.3ef3fde623e25p-31);
  }
  return parts::log_special(x, y);
}

/// log(1 + x)
template <Floating T> DOWNHILL_INLINE Real<T> log1p(Real<T> x) {
  using R = Real<T>;
  using U = parts::Uint<T>;
  constexpr U mantissa = (U(1) << parts::Format<T>::mantissa) - 1;
  R sum = 1 + x, other = sum - 1, rest = (1 - (sum - other)) + (x - other);
  U bits = sum.ubits() - parts::least_bits<T>;
  auto [e, f] = parts::split_bits<T>(bits);
  R inverse_power = R::from(U(parts::one_bits<T> - (bits & ~mantissa)));
  f = where(x < 0x1p60, f + rest * inverse_power, f);
  R y = parts::log_special(sum, parts::log_of<T>({e, f}));
  return where(x == 0, x, y);
}

/// log(1 + exp(x))
template <Floating T> DOWNHILL_INLINE Real<T> softplus(Real<T> x) {
  using R = Real<T>;
  R a = vec::abs(x);
  auto [t, high, low] = parts::reduce(-a);
  R e = parts::scale(1 + parts::exp_less_one(high - low), t);
  R c = where(a < parts::either<T>(1.08, 0.87), 0.5, 1);
  R y = parts::log_of<T>({2 - 2 * c, e * c + (c - 1)});
  return where(x > 0, x, 0) + where(a > parts::either<T>(105, 747), 0, y);
}

/// The error function. From 0.92 on as 1 - exp(-p(|x|)), p a fit of -log(erfc).
template <Floating T> DOWNHILL_INLINE Real<T> erf(Real<T> x) {
  using R = Real<T>;
  R a = vec::abs(x), z = a * a, u = a - 1, p, q;
  if constexpr (parts::single<T>) {
    p = parts::horner(z, 7.99504851e-5, -0.000804951473, 0.00519239251, -0.0268557295, 0.112836257,
                      -0.376126289, 0.128379166);
    q = parts::horner(u, -0.00019592364, 0.00186754891, -0.00994984247, 0.0415373258, 0.843108654,
                      2.63896775, 1.84960556);
  } else {
    p = parts::horner(z, -9.7663660696198775e-10, 1.4654594339680887e-8, -1.6400062914803787e-7,
                      1.6469641266760782e-6, -1.492633835936674e-5, 0.00012055369144206587,
                      -0.00085483281882868664, 0.0052239776482942485, -0.026866170647714998,
                      0.11283791670970021, -0.37612638903184087, 0.12837916709551259);
    q = parts::horner(u, -1.3011040528835301e-12, 3.4994263717735227e-11, -4.3398025291532731e-10,
                      3.2818095914062078e-9, -1.6682222185497361e-8, 5.7329884854931272e-8,
                      -1.0904359844552037e-7, -1.2442796836912499e-7, 2.0377708302896798e-6,
                      -9.5894316476283301e-6, 2.714644667239843e-5, -2.6271921183438824e-5,
                      -0.00023732444921215572, 0.0019779030065056945, -0.010033825436254138,
                      0.041561098046782333, 0.84310725635848727, 2.6389675142347908,
                      1.8496055099332482);
  }
  R large = where(a > parts::either<T>(4, 6), 1, 1 - parts::exp_normal(-q));
  return vec::copysign(where(a < 0.92, a + a * p, large), x);
}

}  // namespace downhill::vec
#pragma GCC visibility pop

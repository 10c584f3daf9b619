// Real<T>: the scalar at which a formula is read inside a kernel, and Mask<T>: what comparing two
// of them gives.
//
// Why formulas are never read at raw float: argument-dependent lookup on a class always finds our
// branch-free tanh and never ::tanh(double); `2.0 * x` and `1 - x` stay in T; and a comparison is
// no bool, so `if (x > 0)` does not compile where only `where(x > 0, a, b)` can be vectorised.
#pragma once
#include <bit>
#include <cstdint>
#include <type_traits>

#include <downhill/tensor/isa.h>
#include <downhill/tensor/scalar.h>

// libm's sqrt declared without errno, so that it vectorises under any flags of the user's.
extern "C" [[gnu::const]] float sqrtf(float) noexcept;
extern "C" [[gnu::const]] double sqrt(double) noexcept;

#pragma GCC visibility push(default)
namespace downhill {

class Tensor;
template <class T> struct Real;

namespace detail {
template <std::size_t Bytes> struct IntOf;
template <> struct IntOf<4> {
  using Signed = std::int32_t;
  using Unsigned = std::uint32_t;
};
template <> struct IntOf<8> {
  using Signed = std::int64_t;
  using Unsigned = std::uint64_t;
};
}  // namespace detail

/// One comparison's outcome. Choose with `where(mask, a, b)`, combine with `& | !`.
template <class T> struct Mask {
  using Int = typename detail::IntOf<sizeof(T)>::Signed;
#ifdef DOWNHILL_SELECT_BY_TERNARY  // with -fno-trapping-math compilers turn ?: into blends, 15-30 %
                                   // faster than bits
  bool bits;
  DOWNHILL_INLINE static Mask of(bool b) { return {b}; }
  DOWNHILL_INLINE friend Mask operator!(Mask a) { return {!a.bits}; }
  DOWNHILL_INLINE bool test() const { return bits; }
#else
  Int bits;  // all ones or all zeros
  DOWNHILL_INLINE static Mask of(bool b) { return {b ? Int(-1) : Int(0)}; }
  DOWNHILL_INLINE friend Mask operator!(Mask a) { return {Int(~a.bits)}; }
  DOWNHILL_INLINE bool test() const { return bits != 0; }
#endif
  explicit operator bool() const = delete;

  DOWNHILL_INLINE friend Mask operator&(Mask a, Mask b) {
    return {decltype(bits)(a.bits & b.bits)};
  }
  DOWNHILL_INLINE friend Mask operator|(Mask a, Mask b) {
    return {decltype(bits)(a.bits | b.bits)};
  }
  // A friend, so that where(x > 0, 1, 0) is found with two literals.
  DOWNHILL_INLINE friend Real<T> where(Mask m, Real<T> a, Real<T> b) {
#ifdef DOWNHILL_SELECT_BY_TERNARY
    return m.bits ? a.v : b.v;
#else
    return Real<T>::from(Int((a.bits() & m.bits) | (b.bits() & ~m.bits)));
#endif
  }
};

/// A float, double or int64_t with the arithmetic that formulas use. Integers wrap around.
template <class T> struct Real {
  using reading = void;
  using value_type = T;
  using Int = typename detail::IntOf<sizeof(T)>::Signed;
  using Uint = typename detail::IntOf<sizeof(T)>::Unsigned;
  static constexpr bool integral = std::is_integral_v<T>;
  T v;

  Real() = default;
  template <Number U> DOWNHILL_INLINE constexpr Real(U x) : v(static_cast<T>(x)) {}
  DOWNHILL_INLINE constexpr Real(const Scalar& s) : v(s.to<T>()) {}
  DOWNHILL_INLINE Real(Mask<T> m) : Real(where(m, Real(1), Real(0))) {}
  template <class U>
  requires std::is_same_v<U, Tensor> Real(const U&) {
    static_assert(
        sizeof(U) == 0,
        "elementwise: a captured Tensor cannot be used in the lambda; pass it as an argument");
  }

  DOWNHILL_INLINE friend constexpr Real operator+(Real a, Real b) {
    if constexpr (integral) return T(Uint(a.v) + Uint(b.v));
    else {
      DOWNHILL_CONTRACT
      return a.v + b.v;
    }
  }
  DOWNHILL_INLINE friend constexpr Real operator-(Real a, Real b) {
    if constexpr (integral) return T(Uint(a.v) - Uint(b.v));
    else {
      DOWNHILL_CONTRACT
      return a.v - b.v;
    }
  }
  DOWNHILL_INLINE friend constexpr Real operator*(Real a, Real b) {
    if constexpr (integral) return T(Uint(a.v) * Uint(b.v));
    else {
      DOWNHILL_CONTRACT
      return a.v * b.v;
    }
  }
  DOWNHILL_INLINE friend constexpr Real operator/(Real a, Real b) { return a.v / b.v; }
  DOWNHILL_INLINE friend constexpr Real operator-(Real a) {
    if constexpr (integral) return T(Uint(0) - Uint(a.v));
    else return -a.v;
  }
  DOWNHILL_INLINE friend Mask<T> operator<(Real a, Real b) { return Mask<T>::of(a.v < b.v); }
  DOWNHILL_INLINE friend Mask<T> operator>(Real a, Real b) { return Mask<T>::of(a.v > b.v); }
  DOWNHILL_INLINE friend Mask<T> operator<=(Real a, Real b) { return Mask<T>::of(a.v <= b.v); }
  DOWNHILL_INLINE friend Mask<T> operator>=(Real a, Real b) { return Mask<T>::of(a.v >= b.v); }
  DOWNHILL_INLINE friend Mask<T> operator==(Real a, Real b) { return Mask<T>::of(a.v == b.v); }
  DOWNHILL_INLINE friend Mask<T> operator!=(Real a, Real b) { return Mask<T>::of(a.v != b.v); }

  /// The bit pattern, and back.
  DOWNHILL_INLINE Int bits() const { return __builtin_bit_cast(Int, v); }
  DOWNHILL_INLINE Uint ubits() const { return __builtin_bit_cast(Uint, v); }
  template <class B>
  requires(std::is_integral_v<B> && sizeof(B) == sizeof(T)) DOWNHILL_INLINE static Real from(B b) {
    return __builtin_bit_cast(T, b);
  }
};

}  // namespace downhill
#pragma GCC visibility pop

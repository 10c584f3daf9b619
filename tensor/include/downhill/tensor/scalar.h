// Scalar: a C++ number on its way into an op.
#pragma once
#include <cstdint>
#include <type_traits>

#pragma GCC visibility push(default)
namespace downhill {

template <class T>
concept Number = std::is_arithmetic_v<T>;

namespace detail {
// The number without its fraction; 0 where that does not fit.
template <Number T> constexpr std::int64_t integer_part(T x) {
  if constexpr (std::is_integral_v<T>) return static_cast<std::int64_t>(x);
  else return x > T(-9.2e18) && x < T(9.2e18) ? static_cast<std::int64_t>(x) : 0;
}
}  // namespace detail

/// A number of any C++ arithmetic type that keeps its kind (bool, integer or floating point), so
/// that mixing it with a tensor follows PyTorch's promotion for Python numbers: the number changes
/// a tensor's dtype only where its kind is higher (int64 tensor + 1.5 is float32; float32 tensor
/// + 1.5 stays float32).
class Scalar {
 public:
  enum class Kind : std::uint8_t { boolean, integer, floating };

  template <Number T>
  constexpr Scalar(T value)
      : d_(static_cast<double>(value)), i_(detail::integer_part(value)),
        kind_(std::is_same_v<T, bool> ? Kind::boolean
              : std::is_integral_v<T> ? Kind::integer
                                      : Kind::floating) {}
  constexpr Scalar() : Scalar(0) {}
  /// An integer bound that stands for infinity where it is read as floating point.
  static constexpr Scalar bound(std::int64_t i, double d) {
    Scalar s(i);
    s.d_ = d;
    return s;
  }

  constexpr Kind kind() const { return kind_; }
  /// The value as T: exact for int64_t in, int64_t out; otherwise as static_cast (0 where a double
  /// does not fit).
  template <Number T> constexpr T to() const {
    if constexpr (std::is_floating_point_v<T>) return static_cast<T>(d_);
    else if constexpr (std::is_same_v<T, bool>) return d_ != 0;
    else return static_cast<T>(i_);
  }

 private:
  double d_;
  std::int64_t i_;
  Kind kind_;
};

}  // namespace downhill
#pragma GCC visibility pop

// Element types and PyTorch's promotion rules.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <downhill/tensor/scalar.h>

#pragma GCC visibility push(default)
namespace downhill {

/// The type of a tensor's elements, in the order of promotion within a kind.
enum class DType : std::uint8_t { boolean, uint8, int32, int64, float32, float64 };

inline constexpr DType kBool = DType::boolean;
inline constexpr DType kUInt8 = DType::uint8, kByte = DType::uint8;
inline constexpr DType kInt32 = DType::int32, kInt = DType::int32;
inline constexpr DType kInt64 = DType::int64, kLong = DType::int64;
inline constexpr DType kFloat32 = DType::float32, kFloat = DType::float32;
inline constexpr DType kFloat64 = DType::float64, kDouble = DType::float64;

/// Bytes of one element.
constexpr std::size_t size_of(DType t) {
  constexpr std::uint8_t bytes[] = {1, 1, 4, 8, 4, 8};
  return bytes[static_cast<int>(t)];
}
constexpr bool is_floating(DType t) { return t >= DType::float32; }
/// "float32", "int64", "bool" ...
std::string_view name_of(DType t);

template <class T> struct DTypeOf;
template <> struct DTypeOf<bool> { static constexpr DType value = kBool; };
template <> struct DTypeOf<std::uint8_t> { static constexpr DType value = kUInt8; };
template <> struct DTypeOf<std::int32_t> { static constexpr DType value = kInt32; };
template <> struct DTypeOf<std::int64_t> { static constexpr DType value = kInt64; };
template <> struct DTypeOf<long long> { static constexpr DType value = kInt64; };
template <> struct DTypeOf<float> { static constexpr DType value = kFloat32; };
template <> struct DTypeOf<double> { static constexpr DType value = kFloat64; };
template <class T> inline constexpr DType dtype_of = DTypeOf<T>::value;

/// The dtype of new floating-point tensors: float32 unless set_default_dtype says float64.
DType default_dtype();
void set_default_dtype(DType t);

/// The dtype that holds both: bool < uint8 < int32 < int64 < float32 < float64.
constexpr DType promote(DType a, DType b) { return a > b ? a : b; }
/// The dtype of a tensor of dtype `t` mixed with a number: changed only where the number's kind is
/// higher.
DType promote(DType t, const Scalar& s);

}  // namespace downhill
#pragma GCC visibility pop

// What goes between the brackets: x.index({Slice(1, None, 2), "...", None, mask, idx}).
#pragma once
#include <optional>
#include <string_view>

#include <downhill/tensor/tensor.h>

#pragma GCC visibility push(default)
namespace downhill {

struct NoneType {};
inline constexpr NoneType None{};
struct EllipsisType {};
inline constexpr EllipsisType Ellipsis{};

/// start:stop:step; None leaves a bound out; negative bounds count from the back; step >= 1.
class Slice {
 public:
  struct Bound {
    std::optional<std::int64_t> value;
    Bound(NoneType) {}
    template <Number T> Bound(T v) : value(static_cast<std::int64_t>(v)) {}
  };
  Slice(Bound start = None, Bound stop = None, Bound step = None)
      : start(start.value), stop(stop.value), step(step.value.value_or(1)) {}
  std::optional<std::int64_t> start, stop;
  std::int64_t step;
};

/// One index: an integer (drops the dimension), a Slice, None (a new dimension of size 1), Ellipsis
/// or "..." (all the dimensions in between), a bool, an int64 tensor (picks elements; several
/// broadcast together) or a bool tensor.
class TensorIndex {
 public:
  enum class Kind { none, ellipsis, integer, boolean, slice, tensor };
  TensorIndex(NoneType) : kind(Kind::none) {}
  TensorIndex(EllipsisType) : kind(Kind::ellipsis) {}
  TensorIndex(const char* dots);  ///< "..." only
  TensorIndex(bool b) : kind(Kind::boolean), integer(b) {}
  template <class T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) TensorIndex(T i)
      : kind(Kind::integer), integer(static_cast<std::int64_t>(i)) {}
  TensorIndex(Slice s) : kind(Kind::slice), slice(s) {}
  TensorIndex(Tensor t) : kind(Kind::tensor), tensor(std::move(t)) {}

  Kind kind;
  std::int64_t integer = 0;
  Slice slice;
  Tensor tensor;
};

}  // namespace downhill
#pragma GCC visibility pop

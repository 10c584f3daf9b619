#include "copy_elements.h"

#include <cstring>

namespace downhill::detail {
namespace {

/// A fraction is true, as every number but 0.
template <class To, class From> To convert(From x) {
  if constexpr (std::is_same_v<To, bool>) return x != 0;
  else return static_cast<To>(x);
}

template <class From, class To>
void copy(void* to, std::int64_t to_stride, const void* from, std::int64_t from_stride,
          std::int64_t n) {
  auto* t = static_cast<To*>(to);
  const auto* f = static_cast<const From*>(from);
  if (to_stride == 1 && from_stride == 1) {
    if constexpr (std::is_same_v<From, To>)
      std::memcpy(t, f, static_cast<std::size_t>(n) * sizeof(To));
    else
      for (std::int64_t i = 0; i < n; ++i) t[i] = convert<To>(f[i]);
  } else if (to_stride == 1 && from_stride == 0) {
    const To v = convert<To>(*f);
    for (std::int64_t i = 0; i < n; ++i) t[i] = v;
  } else {
    for (std::int64_t i = 0; i < n; ++i) t[i * to_stride] = convert<To>(f[i * from_stride]);
  }
}

template <class From> constexpr CopyElements row(int to) {
  constexpr CopyElements f[] = {copy<From, bool>,         copy<From, std::uint8_t>,
                                copy<From, std::int32_t>, copy<From, std::int64_t>,
                                copy<From, float>,        copy<From, double>};
  return f[to];
}

}  // namespace

CopyElements copy_elements(DType from, DType to) {
  const int t = static_cast<int>(to);
  switch (from) {
    case DType::boolean:
      return row<bool>(t);
    case DType::uint8:
      return row<std::uint8_t>(t);
    case DType::int32:
      return row<std::int32_t>(t);
    case DType::int64:
      return row<std::int64_t>(t);
    case DType::float32:
      return row<float>(t);
    default:
      return row<double>(t);
  }
}

}  // namespace downhill::detail

#include <downhill/tensor/dtype.h>

#include <atomic>

#include <downhill/tensor/check.h>

namespace downhill {
namespace {
std::atomic<DType> current_default{kFloat32};
}

std::string_view name_of(DType t) {
  constexpr std::string_view names[] = {"bool", "uint8", "int32", "int64", "float32", "float64"};
  return names[static_cast<int>(t)];
}

DType default_dtype() { return current_default.load(std::memory_order_relaxed); }

void set_default_dtype(DType t) {
  check(is_floating(t), "set_default_dtype: needs a floating-point dtype, got {}", name_of(t));
  current_default.store(t, std::memory_order_relaxed);
}

DType promote(DType t, const Scalar& s) {
  if (is_floating(t)) return t;
  switch (s.kind()) {
    case Scalar::Kind::floating:
      return default_dtype();
    case Scalar::Kind::integer:
      return t == kBool ? kInt64 : t;
    default:
      return t;
  }
}

}  // namespace downhill

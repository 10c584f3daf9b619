// Copying elements between strided places and dtypes.
#pragma once
#include <downhill/tensor/dtype.h>

namespace downhill::detail {

/// to[i * to_stride] = from[i * from_stride], converted, for i < n.
using CopyElements = void (*)(void* to, std::int64_t to_stride, const void* from,
                              std::int64_t from_stride, std::int64_t n);
CopyElements copy_elements(DType from, DType to);

}  // namespace downhill::detail

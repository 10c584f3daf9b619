// Elements that share their memory. Not part of the umbrella header: it is for code that writes to
// several tensors and checks all of them before the first write.
#pragma once
#include <downhill/tensor/tensor.h>

#pragma GCC visibility push(default)
namespace downhill::detail {

/// Whether two elements are one place in memory, as after expand().
bool repeats_elements(const TensorImpl& p);

}  // namespace downhill::detail
#pragma GCC visibility pop

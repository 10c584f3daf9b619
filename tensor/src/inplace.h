// Writing into a tensor that may be part of a graph.
#pragma once
#include <downhill/tensor/op.h>

namespace downhill::detail {

/// Throws unless `self` may be written: not undefined, no two elements in one place (expanded), no
/// leaf that requires a gradient while grad mode is on, and, where the write is to be recorded, no
/// view of another tensor.
void check_writable(const char* op, const Tensor& self, bool recorded);

/// Throws unless a tensor of this dtype can hold the value (but for its fraction).
void check_fits(const char* op, const Scalar& value, DType dtype);

/// Notes a write into self's memory.
void bump_version(const Tensor& self);

/// Makes `node` (whose edges hold self's history from before, if it reads it) the history of self
/// after a recorded write.
void rebase_history(const Tensor& self, const Ref<Node>& node);

/// Whether the memory of a and b overlaps without being the same elements in the same order.
bool overlaps_partly(const TensorImpl& a, const TensorImpl& b);

}  // namespace downhill::detail

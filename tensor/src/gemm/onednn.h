// The float32 product of oneDNN, through a table of ready primitives. Compiled to nothing without
// oneDNN.
#pragma once
#include "gemm.h"

#ifndef DOWNHILL_WITH_ONEDNN
#define DOWNHILL_WITH_ONEDNN 0
#endif

namespace downhill::detail {

inline constexpr bool with_onednn = DOWNHILL_WITH_ONEDNN != 0;

/// All products of the batch in one call. Each matrix of a and b has one stride of 1 and another
/// that is at least the extent (what BLAS takes); m, n, k and the batch sizes are above 0. The
/// primitive is made at the first call with these sizes, strides and number of threads (about 100
/// us), and kept for the calling thread; the table holds 1024. Throws downhill::Error.
void onednn_gemm(const Product<float>& product, const Batch& batch);

}  // namespace downhill::detail

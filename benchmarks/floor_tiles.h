// Products of matrices with few rows or columns by hand: tiles of the result stay in registers.
#pragma once
#include "floor.h"

namespace bench::floor {

/// Both as Gemm says, without bias and relu. `dots` takes b transposed and a not, `rows` b not
/// transposed.
void dots(const Gemm& gemm);
void rows(const Gemm& gemm);

}  // namespace bench::floor

// Mistakes with indices and writing in place.
#include "mistakes/mistakes.h"

using namespace downhill;
using namespace mistakes;

TEST_CASE("indices that are not there") {
  const Tensor a = randn({2, 3}), far = tensor({0, 3}), real = tensor({0.0, 1.0});
  check_rows<IndexError>({
      {"a row that is not there",
       {a},
       [](In x) { x[0][2]; },
       "select: index 2 is out of range for dimension 0 of size 2"},
      {"an element of a number",
       {tensor(1.5)},
       [](In x) { x[0][0]; },
       "select: a 0-d tensor has no dimension to select from"},
      {"a column that is not there",
       {a},
       [](In x) {
         x[0].index({0, 3});
       },
       "index: index 3 is out of range for dimension 1 of size 3"},
      {"more indices than dimensions",
       {a},
       [](In x) {
         x[0].index({0, 1, 2});
       },
       "index: too many indices (3) for a tensor of shape [2, 3]"},
      {"a mask of another shape",
       {a, tensor({true, false, true})},
       [](In x) { x[0].index({x[1]}); },
       "index: a mask of shape [3] does not fit [2, 3] from dimension 0 on"},
      {"indexing with floating-point numbers",
       {a, real},
       [](In x) { x[0].index({x[1]}); },
       "index: a tensor that indexes must be int64 or bool, got float32"},
      {"picking rows that are not there",
       {a, far},
       [](In x) { x[0].index_select(0, x[1]); },
       "index_select: index 3 is out of range for dimension 0 of size 2"},
      {"gathering a class that is not there",
       {a, tensor({{0}, {3}})},
       [](In x) { x[0].gather(1, x[1]); },
       "gather: index 3 is out of range for dimension 1 of size 3"},
      {"a window past the end",
       {a},
       [](In x) { x[0].narrow(0, 1, 2); },
       "narrow: start 1 and length 2 do not fit dimension 0 of size 2"},
  });
  check_rows({
      {"a step backwards",
       {a},
       [](In x) { x[0].index({Slice(None, None, -1)}); },
       "index: the step of a slice must be at least 1, got -1"},
      {"gathering with floating-point numbers",
       {a, real},
       [](In x) { x[0].gather(1, x[1]); },
       "gather: indices must be int64, got float32"},
      {"gathering one class an example without unsqueeze",
       {a, tensor({0, 2})},
       [](In x) { x[0].gather(1, x[1]); },
       "gather: an index of shape [2] does not have as many dimensions as [2, 3]"},
  });
}

TEST_CASE("writing in place what does not fit") {
  const Tensor a = randn({2, 3}), n = tensor({1, 2, 3}), w = randn({3}, requires_grad());
  check_rows({
      {"in place into a smaller tensor",
       {randn({3}), a},
       [](In x) { x[0].add_(x[1]); },
       "add_: the result has shape [2, 3], which does not fit into the tensor of shape [3] in "
       "place"},
      {"dividing integers in place",
       {n},
       [](In x) { x[0].div_(2); },
       "div_: the result is float32, which does not fit into the int64 tensor in place"},
      {"adding a fraction to integers in place",
       {n},
       [](In x) { x[0] += 0.5; },
       "add_: the result is float32, which does not fit into the int64 tensor in place"},
      {"in place on expanded memory",
       {randn({1, 3}).expand({2, 3})},
       [](In x) { x[0].mul_(2); },
       "mul_: several elements of this tensor of shape [2, 3] are one place in memory (it was "
       "expanded); clone() it before writing"},
      {"changing a parameter while operations are recorded",
       {w},
       [](In x) { x[0].sub_(0.1); },
       "sub_: a leaf that requires a gradient cannot be changed in place while operations are "
       "recorded; use a NoGradGuard"},
      {"new random values for a parameter while operations are recorded",
       {w},
       [](In x) { x[0].normal_(); },
       "normal_: a leaf that requires a gradient cannot be changed in place while operations are "
       "recorded; use a NoGradGuard"},
      {"writing what requires a gradient into a part of a tensor",
       {a, w},
       [](In x) { x[0][0] = x[1]; },
       "copy_: writing in place into a view (shape [3]) cannot be recorded; write into the whole "
       "tensor or build the result with where, cat or index"},
      {"assigning a row of another length",
       {a, randn({2})},
       [](In x) { x[0][0] = x[1]; },
       "copy_: shapes [3] and [2] do not broadcast (dimension -1: 3 and 2)"},
      {"copying a matrix into a row",
       {randn({3}), a},
       [](In x) { x[0].copy_(x[1]); },
       "copy_: a source of shape [2, 3] does not fit into shape [3]"},
      {"filling with a value that the dtype does not hold",
       {tensor({1, 2}, kUInt8)},
       [](In x) { x[0].fill_(300); },
       "fill_: uint8 cannot hold 300"},
      {"assigning a value that the dtype does not hold",
       {tensor({1, 2}, kUInt8)},
       [](In x) { x[0].index_put_({0}, -1); },
       "index_put_: uint8 cannot hold -1"},
      {"assigning too many values to a mask",
       {n, tensor({true, false, true}), n},
       [](In x) { x[0].index_put_({x[1]}, x[2]); },
       "index_put_: values of shape [3] do not fit into shape [2]"},
      {"clamping between nothing and nothing",
       {a},
       [](In x) { x[0].clamp(); },
       "clamp: at least one of the two bounds must be given"},
      {"a range whose step leads away",
       {},
       [](In) { arange(0, 5, -1); },
       "arange: a step of -1 leads away from the end (0 to 5)"},
  });
}

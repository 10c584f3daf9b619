// Mistakes with tensors: shapes, dimensions, dtypes, no value at all.
#include "mistakes/mistakes.h"

using namespace downhill;
using namespace mistakes;

TEST_CASE("shapes that do not fit") {
  const Tensor a = randn({2, 3}), b = randn({2, 4}), v = randn({3}), number = randn({});
  check_rows({
      {"adding shapes that do not broadcast",
       {a, b},
       [](In x) { add(x[0], x[1]); },
       "add: shapes [2, 3] and [2, 4] do not broadcast (dimension -1: 3 and 4)"},
      {"adding a row a feature too short",
       {randn({4, 3}), randn({2})},
       [](In x) { x[0] + x[1]; },
       "add: shapes [4, 3] and [2] do not broadcast (dimension -1: 3 and 2)"},
      {"comparing predictions with targets of another number",
       {tensor({1, 2, 3}), tensor({1, 2})},
       [](In x) { eq(x[0], x[1]); },
       "eq: shapes [3] and [2] do not broadcast (dimension -1: 3 and 2)"},
      {"a product without the transpose",
       {a, b},
       [](In x) { matmul(x[0], x[1]); },
       "matmul: inner sizes differ: [2, 3] x [2, 4] (3 and 2)"},
      {"a vector times a matrix that does not fit",
       {v, b},
       [](In x) { matmul(x[0], x[1]); },
       "matmul: inner sizes differ: [3] x [2, 4] (3 and 2)"},
      {"a matrix times a vector that does not fit",
       {b, v},
       [](In x) { x[0].matmul(x[1]); },
       "matmul: inner sizes differ: [2, 4] x [3] (4 and 3)"},
      {"a product with a number, which is *",
       {a, number},
       [](In x) { matmul(x[0], x[1]); },
       "matmul: the operands need at least one dimension, got [2, 3] and []"},
      {"batches of matrices whose numbers differ",
       {randn({2, 3, 4}), randn({5, 4, 6})},
       [](In x) { matmul(x[0], x[1]); },
       "matmul: shapes [2] and [5] do not broadcast (dimension -1: 2 and 5)"},
      {"joining rows of different lengths",
       {a, b},
       [](In x) {
         cat({x[0], x[1]});
       },
       "cat: shapes [2, 3] and [2, 4] differ in more than dimension 0"},
      {"joining numbers",
       {number, number},
       [](In x) {
         cat({x[0], x[1]});
       },
       "cat: 0-d tensors cannot be joined; stack() gives them a dimension"},
      {"joining nothing", {}, [](In) { cat({}); }, "cat: needs at least one tensor"},
      {"stacking different shapes",
       {a, b},
       [](In x) {
         stack({x[0], x[1]});
       },
       "stack: shapes [2, 3] and [2, 4] differ"},
      {"a reshape that loses elements",
       {a},
       [](In x) {
         x[0].reshape({4, 2});
       },
       "reshape: cannot make [4, 2] from [2, 3] (8 and 6 elements)"},
      {"a reshape whose -1 does not come out even",
       {a},
       [](In x) {
         x[0].reshape({-1, 4});
       },
       "reshape: cannot make [-1, 4] from [2, 3] (6 elements do not divide by 4)"},
      {"two unknown sizes",
       {a},
       [](In x) {
         x[0].reshape({-1, -1});
       },
       "reshape: only one size may be -1, got [-1, -1]"},
      {"an unknown size beside no elements",
       {randn({0, 3})},
       [](In x) {
         x[0].reshape({0, -1});
       },
       "reshape: the -1 in [0, -1] could be anything, since [0, 3] has no elements"},
      {"a view of a transposed matrix",
       {a.t()},
       [](In x) { x[0].view({6}); },
       "view: the elements of [3, 2] with strides [1, 3] cannot be shown as [6] without a copy; "
       "use reshape"},
      {"expanding a size that is not 1",
       {a},
       [](In x) {
         x[0].expand({4, 3});
       },
       "expand: cannot expand [2, 3] to [4, 3] (dimension 0: 2 is not 1)"},
      {"expanding to fewer dimensions",
       {a},
       [](In x) { x[0].expand({3}); },
       "expand: [3] has fewer dimensions than [2, 3]"},
      {"a permutation that names a dimension twice",
       {a},
       [](In x) {
         x[0].permute({0, 0});
       },
       "permute: [0, 0] does not name every dimension of [2, 3] once"},
      {"transposing a batch with t()",
       {randn({2, 3, 4})},
       [](In x) { x[0].t(); },
       "t: needs at most 2 dimensions, got [2, 3, 4]"},
      {"a list whose rows differ in length",
       {},
       [](In) {
         tensor({{1, 2}, {3}});
       },
       "tensor: ragged list: expected a list of 2 at the list[1], got a list of 1"},
      {"summing over a dimension twice",
       {a},
       [](In x) {
         x[0].sum({1, -1});
       },
       "sum: dimension -1 is named twice in [1, -1]"},
      {"the largest of nothing",
       {randn({0, 3})},
       [](In x) { x[0].max(); },
       "max: cannot reduce the empty dimension 0 of [0, 3]"},
      {"a negative size",
       {},
       [](In) {
         zeros({2, -3});
       },
       "zeros: negative size in [2, -3]"},
      {"more elements than an address has bits",
       {},
       [](In) {
         zeros({1 << 30, 1 << 30, 8});
       },
       "zeros: [1073741824, 1073741824, 8] has too many elements"},
      {"broadcasting to more elements than an address has bits",
       {},
       [](In) {
         ones({1 << 20, 1, 1}).expand({1 << 20, 1 << 20, 1}) + ones({1 << 25});
       },
       "tensor: [1048576, 1048576, 33554432] has too many elements"},
      {"more memory than there is",
       {},
       [](In) { zeros({std::int64_t(1) << 50}); },
       "memory: the system has no 5629499534213120 bytes left"},
      {"nine dimensions",
       {},
       [](In) {
         zeros({1, 1, 1, 1, 1, 1, 1, 1, 1});
       },
       "shape: 9 dimensions, at most 8 are supported"},
  });
}

TEST_CASE("dimensions that are not there") {
  const Tensor a = randn({2, 3});
  check_rows<IndexError>({
      {"summing over a dimension that is not there",
       {a},
       [](In x) { x[0].sum({2}); },
       "sum: dimension 2 is out of range for a tensor of 2 dimensions"},
      {"softmax over a dimension that is not there",
       {a},
       [](In x) { softmax(x[0], 2); },
       "softmax: dimension 2 is out of range for a tensor of 2 dimensions"},
      {"joining along a dimension that is not there",
       {a, a},
       [](In x) {
         cat({x[0], x[1]}, 2);
       },
       "cat: dimension 2 is out of range for a tensor of 2 dimensions"},
      {"squeezing a dimension that is not there",
       {a},
       [](In x) { x[0].squeeze(-3); },
       "squeeze: dimension -3 is out of range for a tensor of 2 dimensions"},
      {"unsqueezing too far",
       {a},
       [](In x) { x[0].unsqueeze(3); },
       "unsqueeze: dimension 3 is out of range for a result of 3 dimensions"},
      {"transposing a vector",
       {randn({3})},
       [](In x) { x[0].transpose(0, 1); },
       "transpose: dimension 1 is out of range for a tensor of 1 dimension"},
      {"asking for a size that is not there",
       {a},
       [](In x) { x[0].size(2); },
       "size: dimension 2 is out of range for shape [2, 3]"},
  });
}

TEST_CASE("dtypes that do not suit") {
  const Tensor a = randn({2, 3}), n = tensor({1, 2, 3}), yes = tensor({true, false});
  check_rows({
      {"a product of float32 and float64",
       {a, randn({3, 2}, kFloat64)},
       [](In x) { matmul(x[0], x[1]); },
       "matmul: the operands must have one dtype, got float32 and float64; convert one with to()"},
      {"a product of integers",
       {n, n},
       [](In x) { matmul(x[0], x[1]); },
       "matmul: needs floating-point tensors, got int64"},
      {"the mean of integers",
       {n},
       [](In x) { x[0].mean(); },
       "mean: needs a floating-point tensor, got int64; convert it with to()"},
      {"softmax of integers",
       {n},
       [](In x) { softmax(x[0], 0); },
       "softmax: needs a floating-point tensor, got int64"},
      {"subtracting bools",
       {yes, yes},
       [](In x) { sub(x[0], x[1]); },
       "sub: bool tensors are not supported; convert them with to()"},
      {"negating bools",
       {yes},
       [](In x) { neg(x[0]); },
       "neg: bool tensors are not supported; convert them with to()"},
      {"and of integers",
       {n, n},
       [](In x) { x[0] & x[1]; },
       "operator&: needs a bool tensor, got int64"},
      {"a condition of integers",
       {n, randn({3}), randn({3})},
       [](In x) { where(x[0], x[1], x[2]); },
       "where: the condition must be a bool tensor, got int64"},
      {"a mask of integers",
       {randn({3}), n},
       [](In x) { x[0].masked_fill(x[1], 0); },
       "masked_fill: needs a bool tensor, got int64"},
      {"a mask of another shape",
       {a, yes},
       [](In x) { x[0].masked_fill(x[1], 0); },
       "masked_fill: shapes [2, 3] and [2] do not broadcast (dimension -1: 3 and 2)"},
      {"random numbers of an integer dtype",
       {},
       [](In) { rand({2}, kInt64); },
       "rand: needs a floating-point tensor, got int64"},
      {"an integer tensor to a negative power",
       {n},
       [](In x) { pow(x[0], -1); },
       "pow: an integer tensor cannot be raised to the negative integer power -1"},
      {"a value that the dtype does not hold",
       {},
       [](In) { full({2}, 300, kUInt8); },
       "full: uint8 cannot hold 300"},
      {"reading elements as another dtype",
       {a},
       [](In x) { x[0].data_ptr<double>(); },
       "data_ptr: asked for float64, but the tensor is float32"},
      {"an accessor of another dtype",
       {n},
       [](In x) { x[0].accessor<float, 1>(); },
       "accessor: asked for float32, but the tensor is int64"},
      {"an accessor of another number of dimensions",
       {a},
       [](In x) { x[0].accessor<float, 1>(); },
       "accessor: asked for 1 dimensions, but the tensor has shape [2, 3]"},
      {"the number of many elements",
       {a},
       [](In x) { x[0].item(); },
       "item: needs exactly one element, got shape [2, 3]"},
      {"gradients of integers",
       {n},
       [](In x) { x[0].requires_grad_(); },
       "requires_grad_: only floating-point tensors have gradients, got int64"},
  });
}

TEST_CASE("tensors that were never given a value") {
  const Tensor a = randn({2}), none;
  check_rows({
      {"adding one", {a, none}, [](In x) { x[0] + x[1]; }, "add: got an undefined tensor"},
      {"in place on one", {none}, [](In x) { x[0].add_(1); }, "add: got an undefined tensor"},
      {"into one", {none, a}, [](In x) { x[0].copy_(x[1]); }, "copy_: got an undefined tensor"},
      {"filling one", {none}, [](In x) { x[0].zero_(); }, "fill_: got an undefined tensor"},
      {"random ones", {none}, [](In x) { x[0].uniform_(); }, "uniform_: got an undefined tensor"},
      {"summing one", {none}, [](In x) { x[0].sum(); }, "sum: got an undefined tensor"},
      {"its mean", {none}, [](In x) { x[0].mean({0}); }, "mean: got an undefined tensor"},
      {"its largest", {none}, [](In x) { max(x[0], 0); }, "max: got an undefined tensor"},
      {"which is largest", {none}, [](In x) { x[0].argmax(); }, "argmax: got an undefined tensor"},
      {"softmax", {none}, [](In x) { softmax(x[0], 0); }, "softmax: got an undefined tensor"},
      {"logsumexp",
       {none},
       [](In x) { x[0].logsumexp({0}); },
       "logsumexp: got an undefined tensor"},
      {"a product", {a, none}, [](In x) { matmul(x[0], x[1]); }, "matmul: got an undefined tensor"},
      {"joining one",
       {a, none},
       [](In x) {
         cat({x[0], x[1]});
       },
       "cat: got an undefined tensor"},
      {"a copy", {none}, [](In x) { x[0].clone(); }, "clone: got an undefined tensor"},
      {"another dtype", {none}, [](In x) { x[0].to(kFloat64); }, "to: got an undefined tensor"},
      {"zeros like one",
       {none},
       [](In x) { zeros_like(x[0]); },
       "zeros_like: got an undefined tensor"},
      {"its shape",
       {none},
       [](In x) { x[0].sizes(); },
       "tensor: this tensor is undefined (it was never given a value)"},
  });
}

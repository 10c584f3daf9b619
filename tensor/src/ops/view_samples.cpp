// What the sweep calls the views with.
#include "ops/sample.h"
#include "ops/view_ops.h"

namespace downhill::detail {

template <> std::vector<OpEntry> entries<ViewOps>() { return entries_of(ViewOps{}); }

std::vector<Sample> Permute::samples() {
  return {
      sample(
          "3-d, negative dims",
          [](const Tensor& x) {
            return permute(x, {-1, 0, 1});
          },
          sample_tensor({2, 3, 4})),
      sample(
          "transpose", [](const Tensor& x) { return transpose(x, 0, -1); },
          sample_tensor({2, 3, 4})),
      sample(
          "t of a vector", [](const Tensor& x) { return t(x); }, sample_tensor({3})),
      sample(
          "0-d", [](const Tensor& x) { return permute(x, {}); }, sample_tensor({})),
      sample(
          "empty", [](const Tensor& x) { return transpose(x, 0, 1); }, sample_tensor({0, 3})),
  };
}
std::vector<BadSample> Permute::bad_samples() {
  return {
      {[] {
         permute(sample_tensor({2, 3}), {0, 0});
       },
       "permute: [0, 0] does not name every"},
      {[] {
         permute(sample_tensor({2, 3}), {0});
       },
       "permute: [0] does not name every"},
      {[] {
         permute(sample_tensor({2, 3}), {0, 2});
       },
       "permute: dimension 2 is out of range"},
      {[] {
         transpose(sample_tensor({2, 3}), 0, -3);
       },
       "transpose: dimension -3 is out of"},
      {[] {
         t(sample_tensor({2, 3, 4}));
       },
       "t: needs at most 2 dimensions, got [2, 3, 4]"},
      {[] { permute(Tensor(), {}); }, "permute: got an undefined tensor"},
  };
}

std::vector<Sample> Reshape::samples() {
  return {
      sample(
          "-1",
          [](const Tensor& x) {
            return reshape(x, {3, -1});
          },
          sample_tensor({2, 6})),
      sample(
          "copies", [](const Tensor& x) { return reshape(t(x), {-1}); }, sample_tensor({2, 3})),
      sample(
          "view of a transposed block",
          [](const Tensor& x) {
            return view(transpose(x, 0, 1), {3, 2, 2, 2});
          },
          sample_tensor({2, 3, 4})),
      sample(
          "to 0-d", [](const Tensor& x) { return view(x, {}); }, sample_tensor({1, 1})),
      sample(
          "flatten of 0-d", [](const Tensor& x) { return flatten(x); }, sample_tensor({})),
      sample(
          "flatten", [](const Tensor& x) { return flatten(x, 1, -2); },
          sample_tensor({2, 3, 2, 2})),
      sample(
          "squeeze", [](const Tensor& x) { return squeeze(x); }, sample_tensor({1, 3, 1})),
      sample(
          "squeeze one", [](const Tensor& x) { return squeeze(x, -3); }, sample_tensor({1, 3, 1})),
      sample(
          "unsqueeze", [](const Tensor& x) { return unsqueeze(x, -2); }, sample_tensor({2, 3})),
      sample(
          "empty",
          [](const Tensor& x) {
            return reshape(x, {-1, 2});
          },
          sample_tensor({3, 0})),
  };
}
std::vector<BadSample> Reshape::bad_samples() {
  return {
      {[] {
         reshape(sample_tensor({4, 2}), {2, 3});
       },
       "reshape: cannot make [2, 3] from [4, 2] (6 and 8 elements)"},
      {[] {
         reshape(sample_tensor({4, 2}), {-1, 3});
       },
       "(8 elements do not divide by 3)"},
      {[] {
         reshape(sample_tensor({4}), {-1, -1});
       },
       "reshape: only one size may be -1"},
      {[] {
         reshape(sample_tensor({4}), {-2, 2});
       },
       "reshape: negative size in [-2, 2]"},
      {[] {
         reshape(sample_tensor({0, 3}), {-1, 0});
       },
       "reshape: the -1 in [-1, 0] could be"},
      {[] {
         view(t(sample_tensor({2, 3})), {6});
       },
       "view: the elements of [3, 2] with strides"},
      {[] {
         flatten(sample_tensor({2, 3}), 1, 0);
       },
       "flatten: start_dim 1 comes after end_dim 0"},
      {[] { squeeze(sample_tensor({2}), 1); }, "squeeze: dimension 1 is out of range"},
      {[] { unsqueeze(sample_tensor({2}), 2); }, "unsqueeze: dimension 2 is out of range"},
      {[] { reshape(Tensor(), {1}); }, "reshape: got an undefined tensor"},
  };
}

std::vector<Sample> Expand::samples() {
  return {
      sample(
          "rows",
          [](const Tensor& x) {
            return expand(x, {4, 3});
          },
          sample_tensor({3})),
      sample(
          "-1",
          [](const Tensor& x) {
            return expand(x, {2, -1, 3});
          },
          sample_tensor({2, 1})),
      sample(
          "0-d",
          [](const Tensor& x) {
            return expand(x, {2, 2});
          },
          sample_tensor({})),
      sample(
          "transposed",
          [](const Tensor& x) {
            return expand(t(x), {2, 3, 2});
          },
          sample_tensor({2, 3})),
      sample(
          "to nothing",
          [](const Tensor& x) {
            return expand(x, {0, 2});
          },
          sample_tensor({1, 2})),
  };
}
std::vector<BadSample> Expand::bad_samples() {
  return {
      {[] { expand(sample_tensor({3}), {2}); }, "expand: cannot expand [3] to [2] (dimension 0"},
      {[] {
         expand(sample_tensor({1, 3}), {3});
       },
       "expand: [3] has fewer dimensions than [1, 3]"},
      {[] {
         expand(sample_tensor({3}), {-1, 3});
       },
       "expand: negative size in [-1, 3]"},
      {[] { expand(Tensor(), {3}); }, "expand: got an undefined tensor"},
  };
}

std::vector<Sample> SliceView::samples() {
  return {
      sample(
          "select", [](const Tensor& x) { return select(x, -2, -1); }, sample_tensor({2, 3, 2})),
      sample(
          "select to 0-d", [](const Tensor& x) { return x[2]; }, sample_tensor({4})),
      sample(
          "slice with a step", [](const Tensor& x) { return slice(x, 1, 1, {}, 2); },
          sample_tensor({2, 6})),
      sample(
          "slice from the back", [](const Tensor& x) { return slice(x, 0, -3, -1); },
          sample_tensor({5, 2})),
      sample(
          "slice of nothing", [](const Tensor& x) { return slice(x, 0, 3, 1); },
          sample_tensor({4, 2})),
      sample(
          "narrow of a transposed", [](const Tensor& x) { return narrow(t(x), 0, 1, 2); },
          sample_tensor({2, 4})),
      sample(
          "empty", [](const Tensor& x) { return narrow(x, 0, -2, 1); }, sample_tensor({3, 0})),
  };
}
std::vector<BadSample> SliceView::bad_samples() {
  return {
      {[] { select(sample_tensor({3}), 0, 5); },
       "select: index 5 is out of range for dimension 0 of size 3"},
      {[] { select(sample_tensor({}), 0, 0); }, "select: a 0-d tensor has no dimension"},
      {[] { slice(sample_tensor({3}), 0, 0, 3, 0); }, "slice: the step must be at least 1, got 0"},
      {[] { slice(sample_tensor({3}), 1); }, "slice: dimension 1 is out of range"},
      {[] { narrow(sample_tensor({3}), 0, 2, 2); },
       "narrow: start 2 and length 2 do not fit dimension 0 of size 3"},
      {[] { narrow(sample_tensor({3}), 0, 0, -1); }, "narrow: negative length -1"},
      {[] { select(Tensor(), 0, 0); }, "select: got an undefined tensor"},
  };
}

std::vector<Sample> SliceScatter::samples() {
  return {
      sample(
          "every second column",
          [](const Tensor& g) {
            return place(g, {2, 6}, {1, 1, 3, 2, false});
          },
          sample_tensor({2, 3})),
      sample(
          "one row",
          [](const Tensor& g) {
            return place(g, {3, 2}, {0, 1, 1, 1, true});
          },
          sample_tensor({2})),
      sample(
          "0-d",
          [](const Tensor& g) {
            return place(g, {3}, {0, 2, 1, 1, true});
          },
          sample_tensor({})),
      sample(
          "nothing",
          [](const Tensor& g) {
            return place(g, {3}, {0, 3, 0, 1, false});
          },
          sample_tensor({0})),
      sample(
          "transposed",
          [](const Tensor& g) {
            return place(t(g), {2, 4}, {1, 1, 3, 1, false});
          },
          sample_tensor({3, 2})),
  };
}

}  // namespace downhill::detail

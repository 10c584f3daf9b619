// What the sweep calls the indexing ops with.
#include <downhill/tensor/factory.h>

#include "ops/index_ops.h"
#include "ops/sample.h"

namespace downhill::detail {

template <> std::vector<OpEntry> entries<IndexOps>() { return entries_of(IndexOps{}); }

using In = const Tensor&;

std::vector<Sample> Index::samples() {
  const Tensor m = sample_tensor({3, 4}), c = sample_tensor({2, 3, 4});
  const Tensor i = tensor({2, 0, -1}), j = tensor({{1}, {-2}}), mask = tensor({true, false, true});
  const Tensor all =
      tensor({{true, false, true, true}, {false, false, false, false}, {true, false, false, true}});
  return {
      sample(
          "rows, one twice", [](In x, In k) { return x.index({k}); }, m, i),
      sample(
          "columns of a transposed",
          [](In x, In k) {
            return t(x).index({"...", k});
          },
          m, i),
      sample(
          "two that broadcast",
          [](In x, In k, In l) {
            return x.index({Slice(), k, l});
          },
          c, i, j),
      sample(
          "two apart",
          [](In x, In k) {
            return x.index({k, Slice(), k});
          },
          sample_tensor({3, 2, 3}), i),
      sample(
          "with the rest",
          [](In x, In k) {
            return x.index({1, Slice(0, 4, 2), None, k});
          },
          sample_tensor({2, 4, 3, 2}), i),
      sample(
          "mask", [](In x, In k) { return x.index({k}); }, m, all),
      sample(
          "mask of rows",
          [](In x, In k) {
            return x.index({k, Slice(1)});
          },
          m, mask),
      sample(
          "true",
          [](In x) {
            return x.index({true, "...", 0});
          },
          m),
      sample(
          "index_select", [](In x, In k) { return index_select(x, -1, k); }, c, tensor({3, 3, 0})),
      sample(
          "index_select with 0-d", [](In x, In k) { return index_select(x, 1, k); }, c, tensor(2)),
      sample(
          "no positions", [](In x, In k) { return x.index({k}); }, m, empty({0}, kInt64)),
      sample(
          "vector", [](In x, In k) { return x.index({k}); }, sample_tensor({3}), j),
  };
}

std::vector<BadSample> Index::bad_samples() {
  const Tensor x = sample_tensor({2, 3}), two = tensor({0, 1}), three = tensor({0, 1, 0});
  return {
      {[=] {
         x.index({0, tensor({0, 5})});
       },
       "index: index 5 is out of range for dimension 1 of size 3"},
      {[=] {
         x.index({tensor({0, -3})});
       },
       "index: index -3 is out of range for dimension 0 of size 2"},
      {[=] {
         x.index({0, 3});
       },
       "index: index 3 is out of range for dimension 1 of size 3"},
      {[=] {
         x.index({0, 0, 0});
       },
       "index: too many indices (3) for a tensor of shape [2, 3]"},
      {[=] {
         x.index({"...", "..."});
       },
       "index: an ellipsis (\"...\") can stand only once"},
      {[=] { x.index({"rows"}); },
       "index: the only string that can index is \"...\", got \"rows\""},
      {[=] {
         x.index({tensor({true, false, true})});
       },
       "index: a mask of shape [3] does not fit [2, 3] from dimension 0"},
      {[=] {
         x.index({two, three});
       },
       "index: shapes [2] and [3] do not broadcast"},
      {[=] { x.index({zeros({2})}); },
       "index: a tensor that indexes must be int64 or bool, got float32"},
      {[=] { x.index({Slice(0, 2, 0)}); }, "index: the step of a slice must be at least 1, got 0"},
      {[=] { index_select(x, 0, tensor({-1})); },
       "index_select: index -1 is out of range for dimension 0 of size 2"},
      {[=] { index_select(x, 2, two); }, "index_select: dimension 2 is out of range"},
      {[=] { index_select(x, 0, zeros({2})); }, "index_select: indices must be int64, got float32"},
      {[=] {
         index_select(x, 0, zeros({1, 1}, kInt64));
       },
       "index_select: the index must be a vector, got shape [1, 1]"},
  };
}

std::vector<Sample> IndexAdd::samples() {
  auto rows = [](In g, In k) { return add_at(g, {3, 2}, {0, 1}, k); };
  return {
      sample("rows, one twice", rows, sample_tensor({3, 2}), tensor({2, 0, 2})),
      sample(
          "transposed",
          [](In g, In k) {
            return add_at(t(g), {3, 2}, {0, 1}, k);
          },
          sample_tensor({2, 2}), tensor({1, 0})),
      sample(
          "over two dimensions",
          [](In g, In k) {
            return add_at(g, {2, 2, 3}, {1, 2}, k);
          },
          sample_tensor({2, 3}), tensor({5, 0, 5})),
      sample("no positions", rows, sample_tensor({0, 2}), empty({0}, kInt64)),
      sample("0-d positions", rows, sample_tensor({2}), tensor(1)),
  };
}

std::vector<Sample> IndexPut::samples() {
  const Tensor m = sample_tensor({3, 4}), i = tensor({2, 0, -1}), row = sample_tensor({4}, 2);
  auto rows = [](In x, In k, In v) { return (x * 1).index_put_({k}, v); };
  return {
      sample("rows, one twice", rows, m, i, row),
      sample("distinct rows", rows, m, tensor({1, 0}), sample_tensor({2, 4}, 3)),
      sample(
          "a slice",
          [](In x, In v) {
            return (x * 1).index_put_({"...", Slice(1, None, 2)}, v);
          },
          m, sample_tensor({3, 1}, 4)),
      sample(
          "mask", [](In x, In v) { return (x * 1).index_put_({x > 0}, v); }, m,
          sample_tensor({}, 5)),
      sample(
          "a constant",
          [](In v) {
            return zeros({2, 2}, kFloat64).index_put_({1}, v);
          },
          sample_tensor({2}, 6)),
      sample(
          "a number",
          [](In x) {
            return (x * 1).index_put_({0, Slice(0, 2)}, 3);
          },
          m),
      sample(
          "transposed", [](In x, In v) { return t(x).contiguous().index_put_({1}, v); }, m,
          sample_tensor({3}, 7)),
      sample(
          "0-d", [](In x, In v) { return (x * 1).index_put_({"..."}, v); }, sample_tensor({}, 8),
          sample_tensor({}, 9)),
  };
}

std::vector<BadSample> IndexPut::bad_samples() {
  const Tensor x = sample_tensor({2, 3}), i = tensor({0, 1});
  auto leaf = [] { return zeros({2}, TensorOptions().requires_grad()); };
  return {
      {[=] { x.clone().index_put_({i}, zeros({4})); },
       "index_put_: values of shape [4] do not fit into shape [2, 3]"},
      {[=] { x.clone().index_put_({5}, 0); },
       "index_put_: index 5 is out of range for dimension 0 of size 2"},
      {[=] { leaf().index_put_({0}, 1); },
       "index_put_: a leaf that requires a gradient cannot be changed in place"},
      {[=] { expand(zeros({1}), {3}).index_put_({0}, 1); },
       "index_put_: several elements of this tensor of shape [3]"},
      {[=] { (leaf() * 1)[0].index_put_({"..."}, 1); }, "index_put_: writing in place into a view"},
      {[=] { x.clone().index_put_({0}, Tensor()); }, "index_put_: got an undefined tensor"},
  };
}

std::vector<Sample> Gather::samples() {
  const Tensor m = sample_tensor({3, 4}), i = tensor({{3, 0}, {0, 0}});
  return {
      sample(
          "along the last", [](In x, In k) { return gather(x, 1, k); }, m, i),
      sample(
          "along the first", [](In x, In k) { return gather(x, -2, k); }, m,
          tensor({{2, 0, 0}, {2, 1, 0}})),
      sample(
          "in the middle",
          [](In x, In k) {
            return gather(x, 1, expand(k, {2, 3, 2}));
          },
          sample_tensor({2, 4, 2}), tensor({{1}, {3}, {1}})),
      sample(
          "transposed", [](In x, In k) { return gather(t(x), 0, t(k)); }, m, i),
      sample(
          "0-d", [](In x, In k) { return gather(x, 0, k); }, sample_tensor({}), tensor(0)),
      sample(
          "vector", [](In x, In k) { return gather(x, 0, k); }, sample_tensor({3}),
          tensor({2, 2, 1, 0})),
      sample(
          "empty", [](In x, In k) { return gather(x, 0, k); }, m, empty({0, 4}, kInt64)),
  };
}

std::vector<BadSample> Gather::bad_samples() {
  const Tensor x = sample_tensor({2, 3});
  return {
      {[=] {
         gather(x, 1, tensor({{0, 3}}));
       },
       "gather: index 3 is out of range for dimension 1 of size 3"},
      {[=] { gather(x, 0, tensor({{-1}})); },
       "gather: index -1 is out of range for dimension 0 of size 2"},
      {[=] { gather(x, 0, tensor({0})); },
       "gather: an index of shape [1] does not have as many dimensions as [2, 3]"},
      {[=] {
         gather(x, 0, zeros({1, 4}, kInt64));
       },
       "gather: an index of shape [1, 4] is larger than [2, 3] in dimension 1"},
      {[=] { gather(x, 0, x); }, "gather: indices must be int64, got float64"},
      {[=] {
         gather(x, 2, zeros({1, 1}, kInt64));
       },
       "gather: dimension 2 is out of range"},
      {[=] { gather(x, 0, Tensor()); }, "gather: got an undefined tensor"},
  };
}

std::vector<Sample> ScatterAdd::samples() {
  const Tensor m = sample_tensor({3, 4}), i = tensor({{3, 0}, {0, 0}}),
               s = sample_tensor({2, 2}, 2);
  auto columns = [](In x, In k, In v) { return scatter_add(x, 1, k, v); };
  return {
      sample("columns, one twice", columns, m, i, s),
      sample("src larger than the index", columns, m, i, sample_tensor({3, 5}, 3)),
      sample(
          "rows", [](In x, In k, In v) { return scatter_add(x, 0, k, v); }, m, i.clamp_max(2), s),
      sample(
          "transposed", [](In x, In k, In v) { return scatter_add(t(x), 0, k, t(v)); }, m, i, s),
      sample(
          "0-d", [](In x, In k, In v) { return scatter_add(x, 0, k, v); }, sample_tensor({}),
          tensor(0), sample_tensor({}, 4)),
      sample("empty", columns, m, empty({3, 0}, kInt64), sample_tensor({3, 0})),
  };
}

std::vector<BadSample> ScatterAdd::bad_samples() {
  const Tensor x = sample_tensor({2, 3}), i = tensor({{0, 1}});
  return {
      {[=] { scatter_add(x, 1, tensor({{3}}), x); },
       "scatter_add: index 3 is out of range for dimension 1 of size 3"},
      {[=] {
         scatter_add(x, 1, i, zeros({1, 2}));
       },
       "scatter_add: x is float64, but src is float32"},
      {[=] {
         scatter_add(x, 1, i, sample_tensor({1, 1}));
       },
       "scatter_add: an index of shape [1, 2] is larger than src [1, 1]"},
      {[=] { scatter_add(x, 1, i, sample_tensor({2})); },
       "scatter_add: src of shape [2] does not have as many dimensions"},
      {[=] { scatter_add(x, 0, Tensor(), x); }, "scatter_add: got an undefined tensor"},
  };
}

}  // namespace downhill::detail

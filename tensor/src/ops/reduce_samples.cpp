// What the sweep calls the reductions with.
#include <downhill/tensor/factory.h>
#include <downhill/tensor/ops.h>

#include "ops/reduce_ops.h"

namespace downhill::detail {

template <> std::vector<OpEntry> entries<ReduceOps>() { return entries_of(ReduceOps{}); }

namespace {

using OverDims = Tensor (*)(const Tensor&, const Shape&, bool);

Sample over(OverDims f, std::string label, const Shape& size, const Shape& dims, bool keepdim) {
  const auto call = [=](const Tensor& x) { return f(x, dims, keepdim); };
  return sample(std::move(label), call, sample_tensor(size));
}
Sample over_transposed(OverDims f, const Shape& size, const Shape& dims) {
  const auto call = [=](const Tensor& x) { return f(x.transpose(0, -1), dims, false); };
  return sample("transposed", call, sample_tensor(size));
}

std::vector<Sample> dims_samples(OverDims f) {
  return {
      over(f, "all", {2, 3}, {}, false),
      over(f, "all, keepdim", {2, 3, 2}, {}, true),
      over(f, "0-d", {}, {}, false),
      over(f, "0-d, dim 0", {}, {0}, false),
      over(f, "first dim", {4, 3}, {0}, false),
      over(f, "last dim, keepdim", {3, 4}, {-1}, true),
      over(f, "dims {0, 2}", {2, 3, 4}, {0, 2}, false),
      over(f, "dims {-1, 0}, keepdim", {2, 3, 4}, {-1, 0}, true),
      over(f, "middle dim", {2, 3, 4}, {1}, false),
      over(f, "no results", {0, 3}, {1}, false),
      over_transposed(f, {2, 3, 4}, {2}),
      over_transposed(f, {2, 3, 4}, {0, 1}),
  };
}

std::vector<BadSample> dims_bad_samples(OverDims f, const std::string& op) {
  return {
      {[=] {
         f(sample_tensor({2, 3}), {2}, false);
       },
       op + ": dimension 2 is out of range"},
      {[=] {
         f(sample_tensor({2, 3}), {1, -1}, false);
       },
       op + ": dimension -1 is named twice in [1, -1]"},
      {[=] { f(Tensor(), {0}, false); }, "undefined"},
  };
}

BadSample empty_sample(OverDims f, const std::string& op) {
  return {[=] {
            f(sample_tensor({3, 0}), {1}, false);
          },
          op + ": cannot reduce the empty dimension 1 of [3, 0]"};
}

std::vector<Sample> along_samples(OverDims f) {
  return {
      over(f, "last dim", {3, 4}, {-1}, false),
      over(f, "first dim, keepdim", {3, 4}, {0}, true),
      over(f, "middle dim", {2, 3, 4}, {1}, false),
      over(f, "0-d", {}, {0}, false),
      over(f, "no results", {0, 3}, {1}, false),
      over_transposed(f, {2, 3, 4}, {1}),
  };
}
std::vector<BadSample> along_bad_samples(OverDims f, const std::string& op) {
  return {
      {[=] {
         f(sample_tensor({2, 3}), {2}, false);
       },
       op + ": dimension 2 is out of range"},
      empty_sample(f, op),
  };
}

Tensor max_along(const Tensor& x, const Shape& dims, bool keepdim) {
  return max(x, dims[0], keepdim).values;
}
Tensor min_along(const Tensor& x, const Shape& dims, bool keepdim) {
  return min(x, dims[0], keepdim).values;
}
Tensor argmax_along(const Tensor& x, const Shape& dims, bool keepdim) {
  return argmax(x, dims[0], keepdim);
}

Sample aminmax_sample(std::string label, const Shape& size, std::optional<std::int64_t> dim,
                      bool keepdim) {
  return {std::move(label), {sample_tensor(size)}, [=](const std::vector<Tensor>& in) {
            const MinMax r = aminmax(in[0], dim, keepdim);
            return std::vector<Tensor>{r.min, r.max};
          }};
}

}  // namespace

std::vector<Sample> Sum::samples() {
  auto all = dims_samples(&sum);
  all.push_back(over(&sum, "empty", {3, 0}, {1}, false));
  all.push_back(over(&sum, "empty, all", {0}, {}, false));
  all.push_back(over(&sum, "in lanes", {3, 70}, {1}, false));
  return all;
}
std::vector<BadSample> Sum::bad_samples() { return dims_bad_samples(&sum, "sum"); }

std::vector<Sample> Mean::samples() { return dims_samples(&mean); }
std::vector<BadSample> Mean::bad_samples() {
  auto all = dims_bad_samples(&mean, "mean");
  all.push_back(
      {[] { mean(ones({2}, kInt64)); }, "mean: needs a floating-point tensor, got int64"});
  return all;
}

std::vector<Sample> SumTo::samples() {
  const auto to_shape = [](std::string label, const Shape& from, const Shape& to) {
    return sample(
        std::move(label), [=](const Tensor& x) { return sum_to(x, to); }, sample_tensor(from));
  };
  const auto transposed = [](const Tensor& x) { return sum_to(x.t(), {2}); };
  return {
      to_shape("leading", {4, 3}, {3}),    to_shape("ones", {2, 3, 4}, {2, 1, 4}),
      to_shape("both", {2, 3, 4}, {3, 1}), to_shape("0-d", {2, 3}, {}),
      to_shape("empty", {0, 3}, {3}),      sample("transposed", transposed, sample_tensor({2, 3})),
  };
}
std::vector<BadSample> SumTo::bad_samples() {
  return {
      {[] {
         sum_to(sample_tensor({2, 4}), {3});
       },
       "sum_to: [3] does not broadcast to [2, 4]"},
      {[] {
         sum_to(sample_tensor({4}), {2, 4});
       },
       "sum_to: [2, 4] does not broadcast to [4]"},
  };
}

std::vector<Sample> Amax::samples() {
  auto all = dims_samples(&amax);
  const auto tied = [](const Tensor& x) { return amax(cat({x, x}), {0}); };
  all.push_back(sample("ties of one value", tied, sample_tensor({2, 3})));
  return all;
}
std::vector<BadSample> Amax::bad_samples() {
  auto all = dims_bad_samples(&amax, "amax");
  all.push_back(empty_sample(&amax, "amax"));
  return all;
}
std::vector<Sample> Amin::samples() { return dims_samples(&amin); }
std::vector<BadSample> Amin::bad_samples() {
  auto all = dims_bad_samples(&amin, "amin");
  all.push_back(empty_sample(&amin, "amin"));
  return all;
}

std::vector<Sample> MaxAlong::samples() { return along_samples(&max_along); }
std::vector<BadSample> MaxAlong::bad_samples() { return along_bad_samples(&max_along, "max"); }
std::vector<Sample> MinAlong::samples() { return along_samples(&min_along); }
std::vector<BadSample> MinAlong::bad_samples() { return along_bad_samples(&min_along, "min"); }

std::vector<Sample> Aminmax::samples() {
  const auto minimum_only = [](const Tensor& x) { return aminmax(x).min; };
  const auto maximum_only = [](const Tensor& x) { return aminmax(x, 0).max; };
  return {
      aminmax_sample("all", {2, 3}, {}, false),
      aminmax_sample("last dim", {2, 3}, 1, false),
      aminmax_sample("first dim, keepdim", {3, 2}, 0, true),
      aminmax_sample("0-d", {}, {}, false),
      sample("only the minimum is used", minimum_only, sample_tensor({2, 3})),
      sample("only the maximum is used", maximum_only, sample_tensor({3, 2})),
  };
}
std::vector<BadSample> Aminmax::bad_samples() {
  return {
      {[] {
         aminmax(sample_tensor({2, 3}), 2);
       },
       "aminmax: dimension 2 is out of range"},
      {[] {
         aminmax(sample_tensor({3, 0}));
       },
       "aminmax: cannot reduce the empty dimension 1 of [3, 0]"},
  };
}

std::vector<Sample> Argmax::samples() {
  const auto flat = [](const Tensor& x) { return argmax(x.t()); };
  auto all = along_samples(&argmax_along);
  all.push_back(sample("flat, transposed", flat, sample_tensor({3, 4})));
  return all;
}
std::vector<BadSample> Argmax::bad_samples() { return along_bad_samples(&argmax_along, "argmax"); }

}  // namespace downhill::detail

#include <cmath>

#include <downhill/tensor/factory.h>
#include <downhill/tensor/ops.h>

#include "pointwise_table.h"

namespace downhill::detail {
namespace {

// A small sequence that never repeats a value within a sample: multiples of the golden ratio,
// modulo 1.
double unit(std::uint64_t i) {
  return std::fmod(static_cast<double>(i) * 0.61803398874989484820 + 0.137, 1.0);
}

Tensor values(const Shape& size, const Domain& d, std::uint64_t& counter) {
  Tensor t = empty(size, kFloat64);
  auto* p = t.data_ptr<double>();
  for (std::int64_t i = 0; i < t.numel(); ++i) do
      p[i] = d.lo + (d.hi - d.lo) * unit(++counter);
    while (std::abs(p[i] - d.kink) < 0.05);
  return t;
}

Tensor mask(const Shape& size) {
  Tensor t = empty(size, kBool);
  for (std::int64_t i = 0; i < t.numel(); ++i) t.data_ptr<bool>()[i] = i % 3 != 1;
  return t;
}

Tensor call(const PointwiseOp& op, const void* state, const std::vector<Tensor>& in) {
  const Tensor* p[max_inputs];
  for (std::size_t i = 0; i < in.size(); ++i) p[i] = &in[i];
  return call_pointwise(op, state, {p, in.size()});
}

}  // namespace

Tensor sample_tensor(const Shape& size, std::uint64_t seed) {
  std::uint64_t counter = seed * 1000;
  return values(size, {}, counter);
}

std::vector<Sample> pointwise_samples(const PointwiseOp& op, const void* state,
                                      const Domain& domain) {
  struct Case {
    const char* label;
    Shape shape[max_inputs];
  };
  static const Case cases[] = {{"0-d", {{}, {}, {}}},
                               {"vector", {{5}, {5}, {5}}},
                               {"matrix", {{2, 3}, {2, 3}, {2, 3}}},
                               {"rows", {{2, 3}, {3}, {2, 3}}},
                               {"outer", {{2, 1}, {1, 3}, {2, 3}}},
                               {"0-d first", {{}, {2, 3}, {}}},
                               {"0-d last", {{2, 3}, {}, {3}}},
                               {"empty", {{0, 3}, {1, 3}, {3}}}};
  std::vector<Sample> r;
  std::uint64_t counter = 0;
  for (const Case& c : cases) {
    if (op.inputs == 1 && (c.shape[0].size() == 2) && !(c.shape[1] == c.shape[0]) &&
        c.shape[0][0] != 0)
      continue;
    Sample s{
        c.label, {}, [&op, state](const auto& in) { return std::vector{call(op, state, in)}; }};
    for (int i = 0; i < op.inputs; ++i)
      s.inputs.push_back(op.masks >> i & 1 ? mask(c.shape[i])
                                           : values(c.shape[i], domain, counter));
    r.push_back(std::move(s));
  }
  return r;
}

std::vector<BadSample> pointwise_bad_samples(const PointwiseOp& op, const void* state) {
  const std::string name(op.name);
  std::vector<BadSample> r;
  auto with = [&op, state](const std::vector<Tensor>& in) {
    return [&op, state, in] { call(op, state, in); };
  };
  std::vector<Tensor> undefined(static_cast<std::size_t>(op.inputs));
  r.push_back({with(undefined), name + ": got an undefined tensor"});
  if (op.inputs == 1) return r;
  std::vector<Tensor> in;
  in.reserve(undefined.size());
  for (int i = 0; i < op.inputs; ++i)
    in.push_back(op.masks >> i & 1 ? mask({4}) : zeros(i == 1 ? Shape{2, 3} : Shape{4}, kFloat64));
  r.push_back({with(in), name + ": shapes [4] and [2, 3] do not broadcast"});
  if (op.masks & 1) {
    in[0] = zeros({4}, kFloat64);
    r.push_back({with(in), name + ": the condition must be a bool tensor, got float64"});
  }
  return r;
}

}  // namespace downhill::detail

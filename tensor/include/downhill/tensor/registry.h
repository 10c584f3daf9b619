// The list of all ops, with samples that exercise them: what the sweep in the tests walks.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <downhill/tensor/pointwise.h>

#pragma GCC visibility push(default)
namespace downhill {

/// One call of an op. Inputs are float64 (int64 or bool for indices and masks); the floating ones
/// are differentiated.
struct Sample {
  using Fn = std::function<std::vector<Tensor>(const std::vector<Tensor>&)>;
  std::string label;  ///< what is special about it: "broadcast", "empty", "dims {0, 2}"
  std::vector<Tensor> inputs;
  Fn fn;              ///< the outputs; the op under test is recorded somewhere in them
  bool twice = true;  ///< false: the second derivative does not exist here
};

/// A call that must throw an Error whose text contains `message`.
struct BadSample {
  std::function<void()> call;
  std::string message;
};

struct OpEntry {
  std::string_view name;
  bool differentiable;
  std::vector<Sample> (*samples)();
  std::vector<BadSample> (*bad_samples)();
  const detail::PointwiseOp& (*pointwise)();  ///< null for a structural op
  const void* state;                          ///< of the pointwise op's samples
  Domain domain;
};

/// Every op that can be recorded, and every one that cuts the graph.
std::span<const OpEntry> all_ops();

namespace detail {
/// Entries of one file's ops; each file defines the one of its family (see op.h), registry.cpp
/// joins them.
template <class List> std::vector<OpEntry> entries();

template <class Op> OpEntry entry_of() {
  OpEntry e{Op::name, true, Op::samples, nullptr, nullptr, nullptr, {}};
  if constexpr (requires { Op::bad_samples; }) e.bad_samples = Op::bad_samples;
  if constexpr (requires { Op::differentiable; }) e.differentiable = Op::differentiable;
  return e;
}
/// Deterministic test values in [-2, 2], float64.
Tensor sample_tensor(const Shape& size, std::uint64_t seed = 1);
}  // namespace detail

}  // namespace downhill
#pragma GCC visibility pop

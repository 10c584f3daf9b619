// Pointwise ops at run time: the table an op becomes, the driver that runs a kernel over any
// tensors, the node it records.
#pragma once
#include <span>

#include <downhill/tensor/graph.h>
#include <downhill/tensor/kernels.h>

#pragma GCC visibility push(default)
namespace downhill::detail {

inline constexpr int max_inputs = 3;        // of a listed pointwise op
inline constexpr int max_operands = 8;      // of a kernel, outputs apart
inline constexpr int max_state_bytes = 64;  // of an op's parameters

/// An op's rule read at Tensor: args are the inputs, then the output; undefined where `uses` has no
/// bit.
using TensorRule = Tensor (*)(const void* state, const Tensor& g, const Tensor* args);

struct PointwiseOp {
  std::string_view name;
  const char* in_place_name;  ///< "add_"
  int inputs;
  Types types;
  bool takes_bool;
  unsigned masks;  ///< which inputs are masks
  unsigned state_bytes;
  unsigned uses;  ///< bit i: some rule uses input i; bit `inputs`: the output
  bool differentiable;
  DType (*with_numbers)(
      const void* state,
      DType t);  ///< the inputs' dtype promoted with the op's numbers; may be null
  const PointwiseKernel*
      forward[3];  ///< float, double, int64_t (null where integers make no sense)
  struct Rule {
    unsigned uses = 0;
    unsigned masks = 0;  ///< which operands of the backward kernel are masks
    bool exists = false;
    bool passes = false;                      ///< hands g on as it is
    const PointwiseKernel* backward[2] = {};  ///< float, double
    TensorRule tensor = nullptr;
  } rules[max_inputs];
};

/// The table of a listed op (op::Tanh, op::Mul ...); defined beside the family that lists it.
template <class Op> const PointwiseOp& op_table();

/// What a kernel is run on. Every operand that is no mask is converted to `compute` on the way,
/// masks to bytes.
struct PointwiseRun {
  const PointwiseKernel* kernel;
  const void* state;
  DType compute;  ///< float32, float64 or int64
  unsigned in_masks = 0;
  bool out_is_mask = false;
  bool fresh = false;  ///< the outputs were just made by new_tensor or new_like
};
/// Runs a kernel over tensors that broadcast to the (equal) shapes of the outputs; any strides, any
/// dtypes.
void run_pointwise(const PointwiseRun& r, std::span<TensorImpl* const> out,
                   std::span<TensorImpl* const> in);

/// The dtype in which ints, bools and floats are computed.
constexpr DType compute_dtype(DType t) { return is_floating(t) ? t : kInt64; }
constexpr int kernel_index(DType compute) {
  return compute == kFloat32 ? 0 : compute == kFloat64 ? 1 : 2;
}

/// Runs and records the op. `state` is copied into the node.
Tensor call_pointwise(const PointwiseOp& op, const void* state, std::span<const Tensor* const> in);
/// The same written into `self`, which is also the first input.
const Tensor& call_pointwise_(const PointwiseOp& op, const void* state, const Tensor& self,
                              std::span<const Tensor* const> in);

/// The dtype and shape of an op's result, with all the checks; used by every way of calling it.
struct PointwiseResult {
  DType dtype, compute;
  Shape size;
};
PointwiseResult infer_pointwise(const PointwiseOp& op, const void* state,
                                std::span<const Tensor* const> in);

}  // namespace downhill::detail
#pragma GCC visibility pop

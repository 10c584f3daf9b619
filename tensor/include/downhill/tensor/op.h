// Structural ops: how an op that is not pointwise is written, recorded and listed. For code inside
// the library.
//
//   using ContractOps = OpList<struct Matmul, struct Linear>;     // the file's ops: only these can
//   be recorded struct Matmul {
//     static constexpr std::string_view name = "matmul";
//     using Family = ContractOps;
//     static constexpr int inputs = 2;                            // kAnyInputs for a list of
//     tensors struct Values { Saved a, b; };                              // what backward needs;
//     nothing it does not static void vjp(Backward& b, const Values& v) {             // made of
//     differentiable ops
//       if (b.needs(0)) b.set(0, matmul(b.grad(), v.b.input(b, 1).mT()));
//       if (b.needs(1)) b.set(1, matmul(v.a.input(b, 0).mT(), b.grad()));
//     }
//     static std::vector<Sample> samples();                       // registry.h
//   };
//   Tensor matmul(const Tensor& a, const Tensor& b) {
//     ... checks, kernel, out ...
//     return record<Matmul>(std::move(out), {&a, &b}, [&] { return Matmul::Values{save_if(b, a),
//     save_if(a, b)}; });
//   }
#pragma once
#include <array>
#include <span>

#include <downhill/tensor/check.h>
#include <downhill/tensor/graph.h>

#pragma GCC visibility push(default)
namespace downhill::detail {

template <class... Op> struct OpList {};
template <class Op, class List> inline constexpr bool is_listed = false;
template <class Op, class... O>
inline constexpr bool is_listed<Op, OpList<O...>> = (std::is_same_v<Op, O> || ...);

inline constexpr int kAnyInputs = -1;
template <class Op> inline constexpr int outputs_of = 1;
template <class Op>
requires requires { Op::outputs; }
inline constexpr int outputs_of<Op> = Op::outputs;

/// Whether an op on these inputs is to be recorded. Undefined tensors count as constants.
inline bool needs_record(std::span<const Tensor* const> in) {
  if (!grad_mode()) return false;
  for (const Tensor* t : in)
    if (t->defined() && t->requires_grad()) return true;
  return false;
}

template <class Op> class OpNode final : public Node {
  static constexpr int in = Op::inputs, out = outputs_of<Op>;

 public:
  OpNode(std::span<const Tensor* const> inputs, typename Op::Values&& values)
      : Node(nullptr, 0, nullptr, out), values_(std::move(values)) {
    point_outputs_at(outputs_.data());
    if constexpr (in == kAnyInputs) edges_.resize(inputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (inputs[i]->defined()) edges_[i] = edge_to(inputs[i]->impl());
    point_edges_at(edges_.data(), static_cast<int>(edges_.size()));
    finish_recording(*this);
  }
  std::string_view name() const override { return Op::name; }
  void backward(Backward& b) override { Op::vjp(b, values_); }
  bool release() override {
    if constexpr (std::is_trivially_destructible_v<typename Op::Values>) return false;
    values_ = typename Op::Values{};
    return true;
  }

 private:
  std::conditional_t<in == kAnyInputs, std::vector<Edge>,
                     std::array<Edge, in == kAnyInputs ? 1 : in>>
      edges_;
  std::array<NodeOutput, out> outputs_;
  typename Op::Values values_;
};

/// Hangs `node` on its outputs: each becomes the history of one tensor.
void attach(const Ref<Node>& node, std::span<Tensor* const> outputs);

/// Records Op on `outs` where an input requires a gradient. `make_values` is called only then.
template <class Op, class MakeValues>
void record_outputs(std::span<Tensor* const> outs, std::span<const Tensor* const> in,
                    MakeValues&& make_values) {
  static_assert(is_listed<Op, typename Op::Family>,
                "an op must be in its file's OpList, so that the sweep checks it");
  if (!needs_record(in)) return;
  for (const Tensor* t : in)
    if (t->defined()) check_view_is_current(Op::name.data(), t->impl());
  attach(make_node<OpNode<Op>>(thread_state(), in, make_values()), outs);
}
template <class Op, class MakeValues>
Tensor record(Tensor out, std::span<const Tensor* const> in, MakeValues&& make_values) {
  Tensor* outs[] = {&out};
  record_outputs<Op>(outs, in, make_values);
  return out;
}
template <class Op, class MakeValues>
Tensor record(Tensor out, std::initializer_list<const Tensor*> in, MakeValues&& make_values) {
  return record<Op>(std::move(out), std::span<const Tensor* const>(in.begin(), in.size()),
                    make_values);
}

/// `value` saved if `for_input` requires a gradient (whose rule needs the value), else nothing.
inline Saved save_if(const Tensor& for_input, const Tensor& value) {
  return for_input.defined() && for_input.requires_grad() ? Saved(value) : Saved();
}

/// Calls f with a float or a double, by dtype; other dtypes are an error that names op.
template <class F> decltype(auto) dispatch_floating(const char* op, DType t, F&& f) {
  if (t == kFloat32) return f(float{});
  if (t == kFloat64) return f(double{});
  fail("{}: needs a floating-point tensor, got {}", op, name_of(t));
}
/// The same for every dtype that has kernels of its own.
template <class F> decltype(auto) dispatch_all(DType t, F&& f) {
  switch (t) {
    case DType::boolean:
      return f(bool{});
    case DType::uint8:
      return f(std::uint8_t{});
    case DType::int32:
      return f(std::int32_t{});
    case DType::int64:
      return f(std::int64_t{});
    case DType::float32:
      return f(float{});
    default:
      return f(double{});
  }
}

/// Throws Error "op: expected ..., got an undefined tensor" and the like.
void check_defined(const char* op, const Tensor& t);
/// Throws unless t is int64.
void check_index_dtype(const char* op, const Tensor& t);

}  // namespace downhill::detail
#pragma GCC visibility pop

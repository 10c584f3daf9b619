// A pointwise op's struct turned into the table that the driver, the nodes and the sweep read.
#pragma once
#include <algorithm>
#include <array>

#include <downhill/tensor/formulas.h>
#include <downhill/tensor/op.h>
#include <downhill/tensor/ops.h>
#include <downhill/tensor/registry.h>

namespace downhill::detail {

template <class Op, int K, int... I>
Tensor read_rule(const void* state, const Tensor& g, const Tensor* args, Seq<I...>) {
  return call_rule<K>(*static_cast<const Op*>(state), g, args[I]..., args[arity_of<Op>]);
}
template <class Op, int K>
Tensor tensor_rule(const void* state, const Tensor& g, const Tensor* args) {
  return read_rule<Op, K>(state, g, args, MakeSeq<arity_of<Op>>{});
}

template <class Op, int K> constexpr PointwiseOp::Rule make_rule() {
  if constexpr (!has_rule<Op, K>) return {};
  else
    return {uses_of<Op, K>,
            Backward1<Op, K>::masks,
            true,
            passes_of<Op, K>,
            {&kernel<Loop<Backward1<Op, K>, float>>, &kernel<Loop<Backward1<Op, K>, double>>},
            &tensor_rule<Op, K>};
}

template <class Op> inline constexpr bool takes_bool_of = true;
template <class Op>
requires requires { Op::takes_bool; }
inline constexpr bool takes_bool_of<Op> = Op::takes_bool;

template <class Op> DType promote_numbers(const void* state, DType t) {
  const Op& op = *static_cast<const Op*>(state);
  if constexpr (requires { op.number; }) return promote(t, op.number);
  else return promote(promote(t, op.lo), op.hi);
}
template <class Op> inline constexpr bool has_numbers = requires(const Op& op) { op.number; }
|| requires(const Op& op) { op.lo, op.hi; };

template <class Op>
inline constexpr auto in_place_name = [] {
  std::array<char, Op::name.size() + 2> name{};
  std::copy(Op::name.begin(), Op::name.end(), name.begin());
  name[Op::name.size()] = '_';
  return name;
}();

template <class Op> constexpr PointwiseOp make_pointwise() {
  constexpr int n = arity_of<Op>;
  PointwiseOp t{};
  t.name = Op::name;
  t.in_place_name = in_place_name<Op>.data();
  t.inputs = n;
  t.types = Op::types;
  t.takes_bool = takes_bool_of<Op>;
  t.masks = masks_of<Op>;
  t.state_bytes = std::is_empty_v<Op> ? 0 : sizeof(Op);
  t.uses = uses_of_any<Op>;
  if constexpr (has_numbers<Op>) t.with_numbers = &promote_numbers<Op>;
  t.forward[0] = &kernel<Loop<Forward<Op>, float>>;
  t.forward[1] = &kernel<Loop<Forward<Op>, double>>;
  if constexpr (Op::types != Types::floating)
    t.forward[2] = &kernel<Loop<Forward<Op>, std::int64_t>>;
  t.rules[0] = make_rule<Op, 0>();
  if constexpr (n > 1) t.rules[1] = make_rule<Op, 1>();
  if constexpr (n > 2) t.rules[2] = make_rule<Op, 2>();
  for (const auto& r : t.rules) t.differentiable |= r.exists;
  static_assert(sizeof(Op) <= max_state_bytes && (n == 1 || std::is_empty_v<Op>));
  return t;
}
template <class Op> inline constexpr PointwiseOp pointwise_op = make_pointwise<Op>();
#pragma GCC visibility push(default)
template <class Op> const PointwiseOp& op_table() { return pointwise_op<Op>; }
#pragma GCC visibility pop

/// The op on tensors, recorded. Only ops of a file's OpList may be called.
template <class Family, class Op, class... T> Tensor call(const Op& op, const T&... in) {
  static_assert(is_listed<Op, Family>,
                "an op must be in its file's OpList, so that the sweep checks it");
  const Tensor* p[] = {&in...};
  return call_pointwise(pointwise_op<Op>, &op, p);
}
template <class Family, class Op, class... T>
const Tensor& call_(const Op& op, const Tensor& self, const T&... in) {
  static_assert(is_listed<Op, Family>,
                "an op must be in its file's OpList, so that the sweep checks it");
  const Tensor* p[] = {&self, &in...};
  return call_pointwise_(pointwise_op<Op>, &op, self, p);
}

/// Samples of a pointwise op: its domain over shapes that agree, broadcast, have no dimensions or
/// no elements.
std::vector<Sample> pointwise_samples(const PointwiseOp& op, const void* state,
                                      const Domain& domain);
/// Shapes that do not broadcast, undefined inputs, a condition that is no mask.
std::vector<BadSample> pointwise_bad_samples(const PointwiseOp& op, const void* state);

template <class Op> inline constexpr Op sample_state{};
template <class Op> OpEntry pointwise_entry() {
  return {Op::name,
          pointwise_op<Op>.differentiable,
          [] { return pointwise_samples(pointwise_op<Op>, &sample_state<Op>, Op::domain); },
          [] { return pointwise_bad_samples(pointwise_op<Op>, &sample_state<Op>); },
          &op_table<Op>,
          &sample_state<Op>,
          Op::domain};
}
template <class... Op> std::vector<OpEntry> pointwise_entries(OpList<Op...>) {
  return {pointwise_entry<Op>()...};
}

}  // namespace downhill::detail

// Calling and recording pointwise ops.
#include <downhill/tensor/pointwise.h>

#include <algorithm>
#include <cstring>
#include <string>

#include <downhill/tensor/ops.h>

#include "inplace.h"

namespace downhill::detail {
namespace {

using Inputs = std::span<const Tensor* const>;

bool same_kind(DType a, DType b) {
  return is_floating(a) == is_floating(b) && (a == kBool) == (b == kBool);
}

// PyTorch's rule: tensors with dimensions decide; 0-d ones, and after them numbers, count only
// where their kind (bool, integer, floating point) is higher.
DType promoted(const PointwiseOp& op, Inputs in) {
  DType of[3] = {kBool, kBool, kBool};
  bool any[3] = {};
  for (int i = 0; i < op.inputs; ++i) {
    if (op.masks >> i & 1) continue;
    const TensorImpl& t = in[static_cast<std::size_t>(i)]->impl();
    const int rank = t.number ? 2 : t.size.empty() ? 1 : 0;
    of[rank] = promote(of[rank], t.dtype);
    any[rank] = true;
  }
  DType r = kBool;
  bool found = false;
  for (int rank = 0; rank < 3; ++rank) {
    if (!any[rank]) continue;
    const DType own = rank == 2 && is_floating(of[2]) ? default_dtype() : of[rank];
    r = !found ? own : same_kind(r, own) || r > own ? r : own;
    found = true;
  }
  return r;
}

DType result_dtype(const PointwiseOp& op, const void* state, DType t) {
  if (op.with_numbers) t = op.with_numbers(state, t);
  check(t != kBool || op.takes_bool, "{}: bool tensors are not supported; convert them with to()",
        op.name);
  return op.types == Types::floating && !is_floating(t) ? default_dtype() : t;
}

void check_masks(const PointwiseOp& op, Inputs in) {
  for (int i = 0; i < op.inputs; ++i)
    if (op.masks >> i & 1) {
      const DType t = in[static_cast<std::size_t>(i)]->dtype();
      check(t == kBool, "{}: the condition must be a bool tensor, got {}", op.name, name_of(t));
    }
}

template <int N, int StateBytes> class PointwiseNode final : public Node {
 public:
  PointwiseNode(const PointwiseOp& op, const void* state, Inputs in)
      : Node(edges_, N, &output_, 1), op_(op) {
    if constexpr (StateBytes > 0) std::memcpy(state_, state, op.state_bytes);
    for (int i = 0; i < N; ++i) edges_[i] = edge_to(in[static_cast<std::size_t>(i)]->impl());
    unsigned uses = 0;
    for (int i = 0; i < N; ++i)
      if (edges_[i].node) uses |= op.rules[i].uses;
    for (int i = 0; i < N; ++i)
      if (uses >> i & 1) saved_[i] = Saved(*in[static_cast<std::size_t>(i)]);
    saves_output_ = uses >> N & 1;
    finish_recording(*this);
  }
  // In place: the inputs that lie in self's memory are about to be overwritten, so copies of them
  // are saved.
  void save_copies(const Tensor& self, Inputs in) {
    NoGradGuard guard;
    for (int i = 0; i < N; ++i) {
      const Tensor& x = *in[static_cast<std::size_t>(i)];
      if (saved_[i] && x.impl().storage.get() == self.impl().storage.get())
        saved_[i] = Saved(x.clone());
    }
  }
  void save_output(const Tensor& out) {
    if (saves_output_) saved_[N] = Saved(out);
  }
  NodeOutput& output() { return output_; }

  std::string_view name() const override { return op_.name; }
  bool release() override { return release_all(saved_); }
  void backward(Backward& b) override {
    if (b.create_graph()) return differentiable(b);
    for (int k = 0; k < N; ++k)
      if (b.needs(k)) fused(b, k);
  }

 private:
  void fused(Backward& b, int k) {
    const PointwiseOp::Rule& rule = op_.rules[k];
    if (rule.passes) return b.set(k, b.grad());
    TensorImpl& g = b.grad().impl();
    TensorImpl* in[N + 2] = {&g};
    std::size_t n = 1;
    for (int i = 0; i <= N; ++i)
      if (rule.uses >> i & 1) in[n++] = &saved_[i].value(*this);
    Tensor r = new_like(thread_state(), g, g.dtype);
    TensorImpl* out[] = {&r.impl()};
    run_pointwise({rule.backward[kernel_index(g.dtype)], state_, g.dtype, rule.masks, false, true},
                  out, {in, n});
    b.set(k, std::move(r));
  }
  void differentiable(Backward& b) {
    Tensor args[N + 1];
    for (int i = 0; i <= N; ++i) {
      bool used = false;
      for (int k = 0; k < N; ++k) used |= b.needs(k) && (op_.rules[k].uses >> i & 1);
      if (used) args[i] = i < N ? saved_[i].input(b, i) : saved_[N].output(b);
    }
    for (int k = 0; k < N; ++k)
      if (b.needs(k))
        b.set(k, op_.rules[k].passes ? b.grad() : op_.rules[k].tensor(state_, b.grad(), args));
  }

  const PointwiseOp& op_;
  bool saves_output_ = false;
  Edge edges_[N];
  Saved saved_[N + 1];
  alignas(8) unsigned char state_[StateBytes > 0 ? StateBytes : 1];
  NodeOutput output_;
};

template <class Use>
void with_node(ThreadState& t, const PointwiseOp& op, const void* state, Inputs in, Use&& use) {
  for (const Tensor* x : in) check_view_is_current(op.name.data(), x->impl());
  if (op.inputs == 1 && op.state_bytes <= 1)
    return use(make_node<PointwiseNode<1, 0>>(t, op, state, in));
  if (op.inputs == 1 && op.state_bytes <= 24)
    return use(make_node<PointwiseNode<1, 24>>(t, op, state, in));
  if (op.inputs == 1) return use(make_node<PointwiseNode<1, max_state_bytes>>(t, op, state, in));
  if (op.inputs == 2) return use(make_node<PointwiseNode<2, 0>>(t, op, state, in));
  return use(make_node<PointwiseNode<3, 0>>(t, op, state, in));
}

bool needs_record(const PointwiseOp& op, Inputs in) {
  if (!op.differentiable || !grad_mode()) return false;
  for (int i = 0; i < op.inputs; ++i)
    if (op.rules[i].exists && in[static_cast<std::size_t>(i)]->requires_grad()) return true;
  return false;
}

PointwiseRun run_of(const PointwiseOp& op, const void* state, DType compute, bool fresh) {
  const PointwiseKernel* kernel = op.forward[kernel_index(compute)];
  check(kernel, "{}: not implemented for integer tensors", op.name);
  return {kernel, state, compute, op.masks, op.types == Types::predicate, fresh};
}

}  // namespace

PointwiseResult infer_pointwise(const PointwiseOp& op, const void* state, Inputs in) {
  for (const Tensor* t : in)
    if (!t->defined()) [[unlikely]]
      check_defined(op.name.data(), *t);
  if (op.masks) check_masks(op, in);
  const TensorImpl& a = in[0]->impl();
  bool alike = !op.masks;
  for (int i = 1; i < op.inputs && alike; ++i) {
    const TensorImpl& b = in[static_cast<std::size_t>(i)]->impl();
    alike = b.dtype == a.dtype && b.size == a.size && b.number == a.number;
  }
  if (alike) {
    const DType t = result_dtype(op, state, a.dtype);
    return {op.types == Types::predicate ? kBool : t, compute_dtype(t), a.size};
  }
  Shape size = a.size;
  for (int i = 1; i < op.inputs; ++i) {
    const Shape& s = in[static_cast<std::size_t>(i)]->impl().size;
    if (!(s == size)) size = broadcast(op.name.data(), size, s);
  }
  const DType t = result_dtype(op, state, promoted(op, in));
  return {op.types == Types::predicate ? kBool : t, compute_dtype(t), size};
}

namespace {

// The result's layout follows an input of its shape that is dense, so that strides like
// channels-last survive.
Tensor make_output(ThreadState& t, const PointwiseResult& r, Inputs in) {
  for (const Tensor* x : in) {
    const TensorImpl& p = x->impl();
    if (p.dense && !p.contiguous && p.size == r.size) return new_like(t, p, r.dtype);
  }
  return new_tensor(t, r.size, r.dtype);
}

}  // namespace

Tensor call_pointwise(const PointwiseOp& op, const void* state, Inputs in) {
  ThreadState& t = thread_state();
  const PointwiseResult r = infer_pointwise(op, state, in);
  Tensor out = make_output(t, r, in);
  TensorImpl *p[max_inputs], *q[] = {&out.impl()};
  for (std::size_t i = 0; i < in.size(); ++i) p[i] = &in[i]->impl();
  run_pointwise(run_of(op, state, r.compute, r.dtype == r.compute || op.types == Types::predicate),
                q, {p, in.size()});
  if (needs_record(op, in))
    with_node(t, op, state, in, [&](auto node) {
      node->save_output(out);
      node->output().size = r.size;
      node->output().dtype = r.dtype;
      out.impl().history = std::move(node);
    });
  return out;
}

const Tensor& call_pointwise_(const PointwiseOp& op, const void* state, const Tensor& self,
                              Inputs in) {
  const PointwiseResult r = infer_pointwise(op, state, in);
  TensorImpl& s = self.impl();
  check(r.size == s.size,
        "{}: the result has shape {}, which does not fit into the tensor of shape {} in place",
        op.in_place_name, r.size, s.size);
  check(!(is_floating(r.dtype) && !is_floating(s.dtype)) && !(r.dtype != kBool && s.dtype == kBool),
        "{}: the result is {}, which does not fit into the {} tensor in place", op.in_place_name,
        name_of(r.dtype), name_of(s.dtype));
  const bool record = needs_record(op, in);
  check_writable(op.in_place_name, self, record || self.requires_grad());
  TensorImpl *p[max_inputs], *q[] = {&s};
  Tensor copies[max_inputs];
  for (std::size_t i = 0; i < in.size(); ++i) {
    p[i] = &in[i]->impl();
    if (overlaps_partly(s, *p[i])) {
      NoGradGuard guard;
      copies[i] = in[i]->clone();
      p[i] = &copies[i].impl();
    }
  }
  const PointwiseRun run = run_of(op, state, r.compute, false);
  if (!record) {
    run_pointwise(run, q, {p, in.size()});
    bump_version(self);
    return self;
  }
  with_node(thread_state(), op, state, in, [&](auto node) {
    node->save_copies(self, in);
    run_pointwise(run, q, {p, in.size()});
    bump_version(self);
    node->save_output(self);
    rebase_history(self, node);
  });
  return self;
}

}  // namespace downhill::detail

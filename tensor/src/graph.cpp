#include <downhill/tensor/graph.h>

#include <algorithm>

#include <downhill/tensor/check.h>
#include <downhill/tensor/factory.h>
#include <downhill/tensor/op.h>

namespace downhill {

Node::~Node() = default;

NodeHooks& Node::make_hooks() {
  if (!hooks_) hooks_ = std::make_unique<NodeHooks>();
  return *hooks_;
}

// A node's destruction releases its inputs, whose last reference that may be: those wait in a list,
// so that a graph of any depth is freed without recursion.
void Node::destroy(Node* n) {
  detail::ThreadState& t = detail::thread_state();
  n->run_.store(t.dying, std::memory_order_relaxed);
  t.dying = n;
  if (t.draining) return;
  t.draining = true;
  while (t.dying) {
    Node* next = static_cast<Node*>(t.dying);
    t.dying = next->run_.load(std::memory_order_relaxed);
    const std::size_t bytes = next->bytes_;
    next->~Node();
    t.live_nodes.add(-1);
    detail::pool_put(t, next, bytes);
  }
  t.draining = false;
}

Tensor Backward::grad_or_zeros(int i) const {
  if (grads_[i].defined()) return grads_[i];
  const NodeOutput& o = node_.outputs()[static_cast<std::size_t>(i)];
  return zeros(o.size, o.dtype);
}

namespace detail {

Tensor Saved::input(const Backward& b, int i) const {
  Tensor r = new_alias(thread_state(), value(b.node()));
  if (!b.create_graph()) return r;
  const Edge& e = b.node().edges()[static_cast<std::size_t>(i)];
  r.impl().history = e.node;
  r.impl().output = e.output;
  return r;
}

Tensor Saved::output(const Backward& b, int i) const {
  Tensor r = new_alias(thread_state(), value(b.node()));
  if (!b.create_graph()) return r;
  r.impl().history = Ref<Node>::share(&b.node());
  r.impl().output = static_cast<std::uint32_t>(i);
  return r;
}

void Saved::throw_changed(const Node& user) const {
  fail(
      "backward: a tensor of shape {} that {} needs was changed in place after it was saved "
      "(version {}, saved at {}); clone() it before changing it",
      p_->size, user.name(), p_->storage->version, version_);
}

void check_view_is_current(const char* op, const TensorImpl& t) {
  if (t.base && (t.history || t.base->history) && t.view_recorded != t.storage->recorded)
      [[unlikely]]
    fail(
        "{}: an input of shape {} is a view of a tensor that was changed in place after the view "
        "was made; make the "
        "view again",
        op, t.size);
}

void attach(const Ref<Node>& node, std::span<Tensor* const> outputs) {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    TensorImpl& p = outputs[i]->impl();
    p.history = node;
    p.output = static_cast<std::uint32_t>(i);
    node->outputs()[i].size = p.size;
    node->outputs()[i].dtype = p.dtype;
  }
}

void check_defined(const char* op, const Tensor& t) {
  check(t.defined(), "{}: got an undefined tensor", op);
}

void check_index_dtype(const char* op, const Tensor& t) {
  check(t.dtype() == kInt64, "{}: indices must be int64, got {}", op, name_of(t.dtype()));
}

}  // namespace detail

const Tensor& Tensor::requires_grad_(bool on) const {
  detail::TensorImpl& p = impl();
  check(is_leaf(),
        "requires_grad_: this tensor is an intermediate result (made by {}); detach() it first",
        p.history ? p.history->name() : "");
  check(!on || is_floating_point(),
        "requires_grad_: only floating-point tensors have gradients, got {}", name_of(p.dtype));
  if (on && !p.history) p.history = make_node<Leaf>(detail::thread_state(), p.size, p.dtype);
  if (!on) p.history = {};
  p.output = 0;
  return *this;
}

bool Tensor::is_leaf() const { return !impl().history || impl().history->is_leaf(); }

const Node* Tensor::grad_fn() const { return is_leaf() ? nullptr : impl().history.get(); }

namespace {

NodeHooks::Retained* retained(const detail::TensorImpl& p) {
  NodeHooks* hooks = p.history ? p.history->hooks() : nullptr;
  if (!hooks) return nullptr;
  for (auto& r : hooks->retained)
    if (r.output == p.output) return &r;
  return nullptr;
}

}  // namespace

Tensor Tensor::grad() const {
  const detail::TensorImpl& p = impl();
  if (!p.history) return {};
  if (p.history->is_leaf()) return static_cast<Leaf&>(*p.history).grad;
  auto* r = retained(p);
  return r ? r->grad : Tensor();
}

Tensor& Tensor::mutable_grad() const {
  const detail::TensorImpl& p = impl();
  if (p.history && p.history->is_leaf()) return static_cast<Leaf&>(*p.history).grad;
  auto* r = retained(p);
  check(r,
        "mutable_grad: this tensor collects no gradient; call requires_grad_() or, on an "
        "intermediate, retain_grad()");
  return r->grad;
}

void Tensor::retain_grad() const {
  const detail::TensorImpl& p = impl();
  check(bool(p.history), "retain_grad: this tensor does not require a gradient");
  if (!p.history->is_leaf() && !retained(p))
    p.history->make_hooks().retained.push_back({p.output, {}});
}

std::int64_t Tensor::register_hook(Hook fn) const {
  const detail::TensorImpl& p = impl();
  check(bool(p.history), "register_hook: this tensor does not require a gradient");
  check(bool(fn), "register_hook: got no function");
  NodeHooks& hooks = p.history->make_hooks();
  const std::int64_t id = hooks.next_id++;
  hooks.hooks.push_back({id, p.output, std::move(fn)});
  return id;
}

void Tensor::remove_hook(std::int64_t id) const {
  const detail::TensorImpl& p = impl();
  if (!p.history || !p.history->hooks()) return;
  std::erase_if(p.history->hooks()->hooks,
                [&](const auto& h) { return h.id == id && h.output == p.output; });
}

}  // namespace downhill

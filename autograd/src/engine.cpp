#include "engine.h"

#include <algorithm>
#include <mutex>

#include <downhill/tensor/check.h>
#include <downhill/tensor/ops.h>

namespace downhill::detail {
namespace {

constexpr int kInlineInputs = 8;
constexpr std::uint8_t kLeads = 1, kLeadsNowhere = 2;

// Their memory is used again by the next run.
thread_local std::vector<BackwardRun::Waiting> spare_heap;
thread_local std::vector<Ref<Node>> spare_roots;

// Nobody else can see or change these elements.
bool is_exclusive(const Tensor& t) {
  const TensorImpl& p = t.impl();
  return p.refs.unique() && p.values.unique() && p.storage->refs.unique() &&
         p.storage->block != 0 && p.dense;
}

// A gradient as its output needs it: what was broadcast is summed back, what was promoted is cast
// back.
Tensor fit(const NodeOutput& o, Tensor g, const Node& n) {
  const TensorImpl& p = g.impl();
  if (p.size == o.size && p.dtype == o.dtype) return g;
  check(p.size.size() >= o.size.size() && broadcast("backward", p.size, o.size) == p.size,
        "backward: a gradient of shape {} for {}, which has shape {}", p.size,
        n.is_leaf() ? "a parameter" : n.name(), o.size);
  if (!(p.size == o.size)) g = sum_to(g, o.size);
  return g.dtype() == o.dtype ? g : to(g, o.dtype);
}

std::mutex& leaf_mutex() {
  static std::mutex m;
  return m;
}

}  // namespace

void add_to_leaf(Leaf& leaf, Tensor grad, bool create_graph) {
  std::unique_lock lock(leaf_mutex(), std::defer_lock);
  if (!__libc_single_threaded) lock.lock();
  if (!leaf.grad.defined()) {
    leaf.grad = create_graph         ? grad.clone()
                : is_exclusive(grad) ? std::move(grad)
                                     : grad.detach().clone();
    return;
  }
  check(leaf.grad.sizes() == grad.sizes() && leaf.grad.dtype() == grad.dtype(),
        "backward: a parameter {} {} holds a gradient {} {} already; assign one that fits, or {{}}",
        name_of(grad.dtype()), grad.sizes(), name_of(leaf.grad.dtype()), leaf.grad.sizes());
  if (create_graph) leaf.grad = leaf.grad + grad;
  else leaf.grad.add_(grad);
}

BackwardRun::BackwardRun(bool retain_graph, bool create_graph)
    : retain_graph_(retain_graph), create_graph_(create_graph), mode_(create_graph),
      heap_(std::move(spare_heap)), roots_(std::move(spare_roots)) {}

BackwardRun::~BackwardRun() {
  for (const Waiting& w : heap_) {
    for (NodeOutput& o : w.node->outputs()) o.pending = {};
    w.node->queued_ = false;
    w.node->run_.store(nullptr, std::memory_order_release);
  }
  for (Node* n : marked_) {
    n->mark_ = 0;
    n->run_.store(nullptr, std::memory_order_release);
  }
  heap_.clear();
  spare_heap = std::move(heap_);
  roots_.clear();
  spare_roots = std::move(roots_);
}

void BackwardRun::claim(Node& n) {
  void* owner = n.run_.load(std::memory_order_relaxed);
  if (owner == this) return;
  if (__libc_single_threaded && !owner) return n.run_.store(this, std::memory_order_relaxed);
  owner = nullptr;
  check(n.run_.compare_exchange_strong(owner, this, std::memory_order_acquire),
        "backward: {} is being differentiated by another backward that has not finished; graphs "
        "that share nodes cannot be "
        "walked at the same time",
        n.name());
}

void BackwardRun::give(const Edge& e, Tensor grad) {
  Node& n = *e.node;
  NodeOutput& o = n.outputs()[e.output];
  grad = fit(o, std::move(grad), n);
  if (n.is_leaf() && !__libc_single_threaded) {
    auto at = std::find_if(overflow_.begin(), overflow_.end(),
                           [&](const LeafGrad& l) { return l.leaf == &n; });
    if (at != overflow_.end()) return accumulate(at->grad, std::move(grad));
    void* owner = nullptr;
    if (!n.run_.compare_exchange_strong(owner, this, std::memory_order_acquire) && owner != this)
      return void(overflow_.push_back({static_cast<Leaf*>(&n), std::move(grad)}));
  } else {
    claim(n);
  }
  if (!n.queued_) {  // before anything else can throw: what is in the heap is cleaned up
    n.queued_ = true;
    heap_.push_back({n.depth_, &n});
    std::push_heap(heap_.begin(), heap_.end());
  }
  accumulate(o.pending, std::move(grad));
}

void BackwardRun::accumulate(Tensor& into, Tensor grad) const {
  if (!into.defined()) into = std::move(grad);
  else if (!create_graph_ && is_exclusive(into)) into.add_(grad);
  else if (!create_graph_ && is_exclusive(grad)) into = grad.add_(into);
  else into = into + grad;
}

void BackwardRun::start(const Tensor& root, Tensor grad) {
  roots_.push_back(root.impl().history);
  give(edge_to(root.impl()), std::move(grad));
}

void BackwardRun::run() {
  while (!heap_.empty()) {
    std::pop_heap(heap_.begin(), heap_.end());
    Node& n = *heap_.back().node;
    heap_.pop_back();
    visit(n);
  }
  for (LeafGrad& l : overflow_) {
    Tensor grads[] = {std::move(l.grad)};
    if (l.leaf->hooks()) call_hooks(*l.leaf, grads);
    if (restricted_) capture(*l.leaf, grads);
    else add_to_leaf(*l.leaf, std::move(grads[0]), create_graph_);
  }
}

void BackwardRun::visit(Node& n) {
  Tensor inline_grads[kInlineInputs];
  std::vector<Tensor> more;
  const auto outputs = n.outputs();
  Tensor* grads = inline_grads;
  if (outputs.size() > kInlineInputs) {
    more.resize(outputs.size());
    grads = more.data();
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) grads[i] = std::exchange(outputs[i].pending, {});
  n.queued_ = false;
  if (n.mark_ == 0) n.run_.store(nullptr, std::memory_order_release);
  if (n.hooks()) call_hooks(n, grads);
  if (restricted_) capture(n, grads);
  if (!n.is_leaf()) return differentiate(n, grads);
  if (!restricted_) add_to_leaf(static_cast<Leaf&>(n), std::move(grads[0]), create_graph_);
}

void BackwardRun::call_hooks(Node& n, Tensor* grads) {
  const auto hooks = n.hooks()->hooks;  // a copy: a hook may add or remove hooks
  for (const auto& h : hooks) {
    if (!grads[h.output].defined()) continue;
    Tensor replaced = h.fn(grads[h.output]);
    if (!replaced.defined()) continue;
    check(replaced.sizes() == grads[h.output].sizes(),
          "hook: returned a gradient of shape {} for one of shape {}", replaced.sizes(),
          grads[h.output].sizes());
    check(replaced.is_floating_point(), "hook: returned a gradient of dtype {}",
          name_of(replaced.dtype()));
    grads[h.output] = to(replaced, n.outputs()[h.output].dtype);
  }
  for (auto& r : n.hooks()->retained)
    if (grads[r.output].defined())
      r.grad = r.grad.defined() ? r.grad + grads[r.output] : grads[r.output];
}

void BackwardRun::capture(Node& n, const Tensor* grads) {
  for (Wanted& w : wanted)
    if (w.node == &n) w.grad = grads[w.output];
}

std::uint64_t BackwardRun::needed_edges(const Node& n) const {
  const auto edges = n.edges();
  std::uint64_t needed = 0;
  for (std::size_t i = 0; i < edges.size() && i < 64; ++i)
    if (edges[i].node && (!restricted_ || leads(*edges[i].node) || is_wanted(*edges[i].node)))
      needed |= std::uint64_t(1) << i;
  return needed;
}

void BackwardRun::differentiate(Node& n, Tensor* grads) {
  if (restricted_ && !leads(n)) return;
  const auto edges = n.edges();
  Tensor inline_results[kInlineInputs];
  std::vector<Tensor> more;
  Tensor* results = inline_results;
  if (edges.size() > kInlineInputs) {
    more.resize(edges.size());
    results = more.data();
  }
  check(!n.released_,
        "backward: the values saved by {} were freed by an earlier backward; pass retain_graph = "
        "true to the first one",
        n.name());
  Backward b(n, grads, results, create_graph_, needed_edges(n));
  n.backward(b);
  if (!retain_graph_) n.released_ = n.release();
  for (std::size_t i = 0; i < edges.size(); ++i)
    if (results[i].defined() && edges[i].node && (i >= 64 || b.needs(static_cast<int>(i))))
      give(edges[i], std::move(results[i]));
}

// ------------------------------ walking only what leads to the wanted inputs
bool BackwardRun::is_wanted(const Node& n) const {
  auto at = std::lower_bound(wanted.begin(), wanted.end(), &n,
                             [](const Wanted& w, const Node* p) { return w.node < p; });
  return at != wanted.end() && at->node == &n;
}

bool BackwardRun::leads(const Node& n) const { return n.mark_ == kLeads; }

void BackwardRun::restrict_to(std::vector<Wanted> inputs, const std::vector<Tensor>& roots) {
  restricted_ = true;
  wanted = std::move(inputs);
  const auto key = [](const Wanted& w) { return std::pair(w.node, w.output); };
  std::ranges::sort(wanted, {}, key);
  const auto same = [&](const Wanted& a, const Wanted& b) { return key(a) == key(b); };
  wanted.erase(std::unique(wanted.begin(), wanted.end(), same), wanted.end());
  std::uint64_t least = ~std::uint64_t(0);
  for (const Wanted& w : wanted) least = std::min(least, w.node->depth_);
  for (const Tensor& r : roots) mark_paths(*r.impl().history, least);
}

void BackwardRun::mark_paths(Node& root, std::uint64_t least_depth) {
  struct Step {
    Node* node;
    std::size_t edge;
  };
  std::vector<Step> stack;
  auto enter = [&](Node& n) {
    if (n.is_leaf() || n.mark_ != 0 || n.depth_ <= least_depth) return;
    claim(n);
    marked_.push_back(&n);
    n.mark_ = kLeadsNowhere;
    stack.push_back({&n, 0});
  };
  enter(root);
  while (!stack.empty()) {
    Step& s = stack.back();
    Node& n = *s.node;
    if (s.edge > 0) {
      const Node* done = n.edges()[s.edge - 1].node.get();
      if (done && (leads(*done) || is_wanted(*done))) n.mark_ = kLeads;
    }
    if (s.edge == n.edges().size()) {
      stack.pop_back();
    } else if (Node* next = n.edges()[s.edge++].node.get()) {
      enter(*next);
    }
  }
}

}  // namespace downhill::detail

// The record of how a value was made: nodes, edges, leaves and the grad mode. Walking it is
// autograd's business.
#pragma once
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <downhill/tensor/tensor.h>

#pragma GCC visibility push(default)
namespace downhill {

/// Where a gradient goes: output `output` of `node`. A null node takes none.
struct Edge {
  detail::Ref<Node> node;
  std::uint32_t output = 0;
};

/// What is known of one output of a node, and the gradient collected for it while backward runs.
struct NodeOutput {
  Tensor pending;
  Shape size;
  DType dtype = kFloat32;
};

struct NodeHooks;  // hooks and retained gradients of a node's outputs; most nodes have none
namespace detail {
struct BackwardRun;
}

/// What a node's rule is given: the gradient of each output, and where to put the gradient of each
/// input.
class Backward {
 public:
  Backward(Node& node, const Tensor* grads, Tensor* results, bool create_graph,
           std::uint64_t needed)
      : node_(node), grads_(grads), results_(results), needed_(needed),
        create_graph_(create_graph) {}

  /// Whether the gradient of input i is wanted. Rules skip what is not.
  bool needs(int i) const { return i >= 64 || (needed_ >> i & 1); }
  /// The gradient of output i: always defined for the only output; of several, undefined where
  /// nothing used that output.
  const Tensor& grad(int i = 0) const { return grads_[i]; }
  /// The gradient of output i, zeros where nothing used it.
  Tensor grad_or_zeros(int i) const;
  void set(int i, Tensor g) { results_[i] = std::move(g); }
  /// True where the results must be differentiable, that is made of recorded ops.
  bool create_graph() const { return create_graph_; }
  Node& node() const { return node_; }

 private:
  Node& node_;
  const Tensor* grads_;
  Tensor* results_;
  std::uint64_t needed_;
  bool create_graph_;
};

/// One recorded op. Edges lead to nodes, never to tensors, so values that no rule needs are freed
/// at once.
class Node {
 public:
  Node(Edge* edges, int inputs, NodeOutput* outputs, int output_count)
      : edges_(edges), outputs_(outputs), input_count_(inputs), output_count_(output_count) {}
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  virtual ~Node();

  virtual std::string_view name() const = 0;
  /// Fills the gradients of the needed inputs from the gradients of the outputs, whatever their
  /// shapes: the engine sums what was broadcast and casts what was promoted.
  virtual void backward(Backward& b) = 0;
  /// Drops the saved values. Called after backward unless the graph is retained. Returns whether
  /// the rule cannot run again: the engine then refuses a second backward.
  virtual bool release() { return false; }
  virtual bool is_leaf() const { return false; }

  std::span<Edge> edges() { return {edges_, static_cast<std::size_t>(input_count_)}; }
  std::span<const Edge> edges() const { return {edges_, static_cast<std::size_t>(input_count_)}; }
  std::span<NodeOutput> outputs() { return {outputs_, static_cast<std::size_t>(output_count_)}; }
  std::span<const NodeOutput> outputs() const {
    return {outputs_, static_cast<std::size_t>(output_count_)};
  }
  /// 1 + the largest depth among the inputs: every node lies deeper than what it was made from,
  /// also in a graph that was built on several threads.
  std::uint64_t depth() const { return depth_; }
  NodeHooks* hooks() const { return hooks_.get(); }
  NodeHooks& make_hooks();

  detail::RefCount refs;
  static void destroy(Node* n);

 protected:
  void point_edges_at(Edge* edges, int n) { edges_ = edges, input_count_ = n; }
  void point_outputs_at(NodeOutput* outputs) { outputs_ = outputs; }

 private:
  friend struct detail::BackwardRun;
  friend void finish_recording(Node& n);
  template <class N, class... A>
  friend detail::Ref<N> make_node(detail::ThreadState& t, A&&... args);

  bool released_ = false;
  std::uint8_t mark_ = 0;    // engine scratch: whether it leads to a wanted input
  bool queued_ = false;      // engine scratch
  std::uint32_t bytes_ = 0;  // of its pool block
  std::uint64_t depth_ = 0;
  std::atomic<void*> run_{nullptr};  // the backward run that uses the scratch; also links nodes
                                     // that wait to be destroyed
  Edge* edges_;
  NodeOutput* outputs_;
  std::unique_ptr<NodeHooks> hooks_;
  int input_count_, output_count_;
};

struct NodeHooks {
  struct Hook {
    std::int64_t id;
    std::uint32_t output;
    Tensor::Hook fn;
  };
  struct Retained {
    std::uint32_t output;
    Tensor grad;
  };
  std::vector<Hook> hooks;
  std::int64_t next_id = 0;
  std::vector<Retained> retained;
};

/// A parameter's node: it collects the gradient.
class Leaf final : public Node {
 public:
  Leaf(const Shape& size, DType dtype) : Node(nullptr, 0, &output_, 1) {
    output_.size = size, output_.dtype = dtype;
  }
  std::string_view name() const override { return "leaf"; }
  void backward(Backward&) override {}
  bool is_leaf() const override { return true; }

  Tensor grad;

 private:
  NodeOutput output_;
};

/// A node from the pool, with one reference.
template <class N, class... A> detail::Ref<N> make_node(detail::ThreadState& t, A&&... args) {
  static_assert(sizeof(N) <= 4096 && alignof(N) <= 64);
  N* n = ::new (detail::pool_get(t, sizeof(N))) N(std::forward<A>(args)...);
  n->bytes_ = sizeof(N);
  t.live_nodes.add(1);
  return detail::Ref<N>::adopt(n);
}
/// Sets the depth once the edges are in place.
inline void finish_recording(Node& n) {
  std::uint64_t depth = 0;
  for (const Edge& e : n.edges())
    if (e.node && e.node->depth() > depth) depth = e.node->depth();
  n.depth_ = depth + 1;
}

/// Whether ops are recorded on this thread.
inline bool grad_mode() { return detail::thread_state().grad_mode; }

/// Switches recording on or off for a scope.
class AutoGradMode {
 public:
  explicit AutoGradMode(bool on) : before_(std::exchange(detail::thread_state().grad_mode, on)) {}
  ~AutoGradMode() { detail::thread_state().grad_mode = before_; }
  AutoGradMode(const AutoGradMode&) = delete;
  AutoGradMode& operator=(const AutoGradMode&) = delete;

 private:
  bool before_;
};
/// `NoGradGuard guard;` no op is recorded until the end of the scope.
class NoGradGuard : public AutoGradMode {
 public:
  NoGradGuard() : AutoGradMode(false) {}
};

namespace detail {

/// A value that a node keeps: the elements and the version they had. It holds no history (see
/// TensorImpl).
class Saved {
 public:
  Saved() = default;
  explicit Saved(const Tensor& t) : p_(&t.impl()), version_(p_->storage->version) {
    p_->values.retain();
  }
  Saved(Saved&& o) noexcept : p_(std::exchange(o.p_, nullptr)), version_(o.version_) {}
  Saved& operator=(Saved&& o) noexcept {
    std::swap(p_, o.p_);
    std::swap(version_, o.version_);
    return *this;
  }
  ~Saved() { reset(); }
  void reset() {
    if (TensorImpl* p = std::exchange(p_, nullptr); p && p->values.release())
      TensorImpl::destroy_value(p);
  }
  explicit operator bool() const { return p_ != nullptr; }

  /// The elements, after checking that they were neither freed nor changed since. `user` is named
  /// in the error.
  TensorImpl& value(const Node& user) const {
    if (p_->storage->version != version_) [[unlikely]]
      throw_changed(user);
    return *p_;
  }
  /// A tensor with these elements: attached to input i of the node where the rule must be
  /// differentiable.
  Tensor input(const Backward& b, int i) const;
  /// The same for an output of the node.
  Tensor output(const Backward& b, int i = 0) const;

 private:
  [[noreturn]] void throw_changed(const Node& user) const;

  TensorImpl* p_ = nullptr;
  std::uint32_t version_ = 0;
};

/// Drops all of them; true where there was one.
inline bool release_all(std::span<Saved> saved) {
  bool any = false;
  for (Saved& s : saved) {
    any |= bool(s);
    s.reset();
  }
  return any;
}

/// The edge that leads to a tensor's history.
inline Edge edge_to(const TensorImpl& p) { return {p.history, p.output}; }
/// Throws where `t` is a view whose base was changed in place after the view was made (its history
/// is out of date).
void check_view_is_current(const char* op, const TensorImpl& t);

}  // namespace detail
}  // namespace downhill
#pragma GCC visibility pop

// One walk over a graph, from the outputs back.
#pragma once
#include <downhill/tensor/graph.h>

namespace downhill::detail {

/// Adds to what the leaf has collected, with shapes and dtypes checked before anything changes;
/// recorded where create_graph.
void add_to_leaf(Leaf& leaf, Tensor grad, bool create_graph);

/// Nodes wait in a heap ordered by depth: a node lies deeper than everything it was made from, so
/// it is taken when all its gradients are in. The gradients wait in the nodes themselves; while one
/// waits, its node belongs to this run. Whatever happens, the destructor leaves no node with
/// anything in it.
struct BackwardRun {
  struct Waiting {
    std::uint64_t depth;
    Node* node;
    friend bool operator<(const Waiting& a, const Waiting& b) { return a.depth < b.depth; }
  };
  struct Wanted {  // an input of grad()
    Node* node;
    std::uint32_t output;
    Tensor grad;
  };
  struct LeafGrad {  // of a leaf whose own scratch another run is using
    Leaf* leaf;
    Tensor grad;
  };

  BackwardRun(bool retain_graph, bool create_graph);
  ~BackwardRun();
  BackwardRun(const BackwardRun&) = delete;
  BackwardRun& operator=(const BackwardRun&) = delete;

  /// Restricts the walk to what leads to these; their gradients are kept in `wanted`, where each
  /// stands once, and no leaf collects any.
  void restrict_to(std::vector<Wanted> inputs, const std::vector<Tensor>& roots);
  void start(const Tensor& root, Tensor grad);
  void run();

  std::vector<Wanted> wanted;

 private:
  void claim(Node& n);
  void give(const Edge& e, Tensor grad);
  void visit(Node& n);
  void call_hooks(Node& n, Tensor* grads);
  void capture(Node& n, const Tensor* grads);
  void differentiate(Node& n, Tensor* grads);
  void accumulate(Tensor& into, Tensor grad) const;
  bool leads(const Node& n) const;
  std::uint64_t needed_edges(const Node& n) const;
  void mark_paths(Node& root, std::uint64_t least_depth);
  bool is_wanted(const Node& n) const;

  bool retain_graph_, create_graph_, restricted_ = false;
  AutoGradMode mode_;
  std::vector<Waiting> heap_;
  std::vector<Ref<Node>> roots_;  // keep the graph, whatever hooks do
  std::vector<LeafGrad> overflow_;
  std::vector<Node*> marked_;
};

}  // namespace downhill::detail

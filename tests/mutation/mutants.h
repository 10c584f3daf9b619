// Ops with rules of one's own, on the real machinery: for wrong rules that the checks must catch.
#pragma once
#include <string>
#include <vector>

#include <downhill/tensor.h>
#include <downhill/tensor/op.h>

namespace downhill::mutation {

using Tensors = std::vector<Tensor>;

/// What a rule may use: the incoming gradient and everything that the op saw and made.
struct Rule {
  Backward& b;
  const std::vector<detail::Saved>& saved;
  const Tensor& g = b.grad();
  Tensor x(int i = 0) const { return saved[static_cast<std::size_t>(i)].input(b, i); }
  Tensor y() const { return saved.back().output(b); }
  void set(int i, Tensor t) const {
    if (b.needs(i)) b.set(i, std::move(t));
  }
};

struct Op {
  const char* name;
  Tensor (*forward)(const Tensors&);
  void (*rule)(const Rule&);
};

class OwnNode final : public Node {
 public:
  OwnNode(const Op& op, const Tensors& in) : Node(nullptr, 0, &output_, 1), op_(op) {
    for (const Tensor& x : in) {
      edges_.push_back(detail::edge_to(x.impl()));
      saved_.emplace_back(x);
    }
    point_edges_at(edges_.data(), static_cast<int>(edges_.size()));
    finish_recording(*this);
  }
  void save_output(const Tensor& y) { saved_.emplace_back(y); }
  std::string_view name() const override { return op_.name; }
  void backward(Backward& b) override { op_.rule({b, saved_}); }
  bool release() override {
    saved_.clear();
    return true;
  }

 private:
  Op op_;
  std::vector<Edge> edges_;
  std::vector<detail::Saved> saved_;
  NodeOutput output_;
};

inline Tensor apply(const Op& op, const Tensors& in) {
  Tensor out;
  {
    NoGradGuard guard;
    out = op.forward(in).clone();
  }
  bool record = false;
  for (const Tensor& x : in) record |= grad_mode() && x.requires_grad();
  if (!record) return out;
  auto node = make_node<OwnNode>(detail::thread_state(), op, in);
  node->save_output(out);
  Tensor* outs[] = {&out};
  detail::attach(node, outs);
  return out;
}

}  // namespace downhill::mutation

#include <downhill/autograd/backward.h>

#include <downhill/tensor/check.h>
#include <downhill/tensor/factory.h>
#include <downhill/tensor/ops.h>

#include "engine.h"

namespace downhill {
namespace {

using detail::BackwardRun;
using Tensors = std::span<const Tensor>;

void check_roots(const char* op, Tensors roots, Tensors grads) {
  check(grads.empty() || grads.size() == roots.size(), "{}: {} tensors but {} gradients", op,
        roots.size(), grads.size());
  for (std::size_t i = 0; i < roots.size(); ++i) {
    const Tensor& t = roots[i];
    check(t.defined(), "{}: tensor {} is undefined", op, i);
    check(t.requires_grad(),
          "{}: a tensor of shape {} does not require a gradient: nothing that made it does, or it "
          "was made under a NoGradGuard",
          op, t.sizes());
    detail::check_view_is_current(op, t.impl());
    if (i < grads.size() && grads[i].defined())
      check(grads[i].sizes() == t.sizes(), "{}: a gradient of shape {} for a tensor of shape {}",
            op, grads[i].sizes(), t.sizes());
    else
      check(t.numel() == 1,
            "{}: only a tensor of one element can leave its gradient out, got shape {}; reduce it "
            "with sum() or mean(), or give its gradient",
            op, t.sizes());
  }
}

void start(BackwardRun& run, Tensors roots, Tensors grads) {
  for (std::size_t i = 0; i < roots.size(); ++i)
    run.start(roots[i], i < grads.size() && grads[i].defined()
                            ? grads[i]
                            : ones(roots[i].sizes(), roots[i].dtype()));
}

std::vector<BackwardRun::Wanted> wanted_of(const char* op, const std::vector<Tensor>& inputs) {
  std::vector<BackwardRun::Wanted> r;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    check(inputs[i].defined(), "{}: input {} is undefined", op, i);
    check(inputs[i].requires_grad(), "{}: input {} does not require a gradient", op, i);
    detail::check_view_is_current(op, inputs[i].impl());
    r.push_back({inputs[i].impl().history.get(), inputs[i].impl().output, {}});
  }
  return r;
}

void walk(Tensors roots, Tensors grads, std::optional<bool> retain_graph, bool create_graph) {
  check_roots("backward", roots, grads);
  BackwardRun run(retain_graph.value_or(create_graph), create_graph);
  start(run, roots, grads);
  run.run();
}

void start_towards(BackwardRun& run, const char* op, const std::vector<Tensor>& inputs,
                   const std::vector<Tensor>& roots, Tensors grads) {
  check_roots(op, roots, grads);
  run.restrict_to(wanted_of(op, inputs), roots);
  start(run, roots, grads);
}

Tensor grad_of(const BackwardRun& run, const Tensor& input) {
  for (const auto& w : run.wanted)
    if (w.node == input.impl().history.get() && w.output == input.impl().output) return w.grad;
  return {};
}

}  // namespace

namespace autograd {

std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                         const std::vector<Tensor>& grad_outputs, std::optional<bool> retain_graph,
                         bool create_graph, bool allow_unused) {
  check(!inputs.empty(), "grad: no inputs to differentiate with respect to");
  BackwardRun run(retain_graph.value_or(create_graph), create_graph);
  start_towards(run, "grad", inputs, outputs, grad_outputs);
  run.run();
  std::vector<Tensor> r;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    r.push_back(grad_of(run, inputs[i]));
    check(allow_unused || r.back().defined(),
          "grad: the outputs do not depend on input {} (shape {}); pass allow_unused = true "
          "to get an undefined gradient",
          i, inputs[i].sizes());
  }
  return r;
}

void backward(const std::vector<Tensor>& tensors, const std::vector<Tensor>& grad_tensors,
              std::optional<bool> retain_graph, bool create_graph,
              const std::vector<Tensor>& inputs) {
  if (inputs.empty()) return walk(tensors, grad_tensors, retain_graph, create_graph);
  BackwardRun run(retain_graph.value_or(create_graph), create_graph);
  start_towards(run, "backward", inputs, tensors, grad_tensors);
  for (const Tensor& t : inputs) t.retain_grad();  // the run adds to an intermediate's
  run.run();
  for (BackwardRun::Wanted& w : run.wanted)
    if (w.grad.defined() && w.node->is_leaf())
      detail::add_to_leaf(static_cast<Leaf&>(*w.node), std::move(w.grad), create_graph);
}

}  // namespace autograd

void Tensor::backward(const Tensor& gradient, std::optional<bool> retain_graph,
                      bool create_graph) const {
  walk({this, 1}, {&gradient, 1}, retain_graph, create_graph);
}

}  // namespace downhill

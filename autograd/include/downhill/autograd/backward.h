// Derivatives of what was recorded.
#pragma once
#include <optional>
#include <vector>

#include <downhill/tensor/graph.h>

#pragma GCC visibility push(default)
namespace downhill::autograd {

/// Adds the gradient of sum_i <tensors[i], grad_tensors[i]> with respect to every leaf to that
/// leaf's grad(). A tensor of one element may leave its grad_tensor out (undefined, or the whole
/// list empty): it counts as 1. With `inputs`, only those collect gradients and only the part of
/// the graph that leads to them is walked. retain_graph (default: create_graph) keeps what the
/// nodes saved, so that the graph can be walked again; create_graph records the walk, so that the
/// gradients can be differentiated. Throws Error, with every scratch state clean: a tensor without
/// history, a missing or misshapen grad_tensor, a saved value that was freed or changed in place, a
/// node that another running backward is using. No leaf's gradient has then changed, unless the
/// trouble was a leaf's own (its hook threw, or its grad() was assigned and does not fit); but the
/// part of the graph that was walked is freed, without retain_graph, and gradients that
/// intermediates retain may have been added to.
void backward(const std::vector<Tensor>& tensors, const std::vector<Tensor>& grad_tensors = {},
              std::optional<bool> retain_graph = {}, bool create_graph = false,
              const std::vector<Tensor>& inputs = {});

/// The gradients of the same sum with respect to `inputs` (leaves or intermediates), without
/// touching any grad(). Only the part of the graph that leads to them is walked. An input that the
/// outputs do not depend on is an error (found after the walk), or, with allow_unused, an undefined
/// tensor. See torch.autograd.grad.
std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                         const std::vector<Tensor>& grad_outputs = {},
                         std::optional<bool> retain_graph = {}, bool create_graph = false,
                         bool allow_unused = false);

}  // namespace downhill::autograd
#pragma GCC visibility pop

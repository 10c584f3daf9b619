// Penalties on the size of parameters, to be added to a loss: scalar tensors that can be
// differentiated any number of times.
#pragma once
#include <downhill/tensor/tensor.h>

#include <vector>

#pragma GCC visibility push(default)
namespace downhill::nn {

/// sum |w| over all elements of all tensors; its gradient, sign(w), is 0 at 0. Of no tensors: 0.
Tensor l1_penalty(const std::vector<Tensor>& parameters);
/// sum w^2 over all elements of all tensors, without a factor 1/2: the gradient is 2 w.
Tensor l2_penalty(const std::vector<Tensor>& parameters);

struct ElasticNetOptions {
  double l1 = 1, l2 = 1;
};
/// l1 sum |w| + l2 sum w^2 (Zou and Hastie, 2005). One pass over the parameters, as each of the
/// above.
Tensor elastic_net_penalty(const std::vector<Tensor>& parameters,
                           const ElasticNetOptions& options = {});

}  // namespace downhill::nn
#pragma GCC visibility pop

#include <downhill/nn/penalties.h>
#include <downhill/tensor/multi_tensor.h>

namespace downhill::nn {

Tensor l1_penalty(const std::vector<Tensor>& p) { return elastic_net(p, 1, 0); }
Tensor l2_penalty(const std::vector<Tensor>& p) { return elastic_net(p, 0, 1); }
Tensor elastic_net_penalty(const std::vector<Tensor>& p, const ElasticNetOptions& options) {
  return elastic_net(p, options.l1, options.l2);
}

}  // namespace downhill::nn

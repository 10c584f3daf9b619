// Stochastic gradient descent.
#pragma once
#include <downhill/optim/elementwise.h>

#pragma GCC visibility push(default)
namespace downhill::optim {

struct SGDOptions {
  double lr = 1e-3;         ///< >= 0
  double momentum = 0;      ///< >= 0
  double dampening = 0;     ///< in [0, 1]: the part of each gradient but the first that is left out
  double weight_decay = 0;  ///< >= 0: weight_decay * p is added to the gradient
  bool nesterov = false;    ///< needs momentum > 0 and dampening = 0
  bool maximize = false;
  Velocity velocity = Velocity::gradient;
};

/// torch.optim.SGD, with both textbook forms of momentum; formulas in rules.h. Its state is
/// `momentum_buffer`, where momentum is not 0.
class SGD final : public ElementwiseOptimizer {
 public:
  explicit SGD(const std::vector<Tensor>& params, const SGDOptions& options = {});
  explicit SGD(std::vector<ParamGroup> groups, const SGDOptions& options = {});

 private:
  std::span<const std::string_view> slots(const ParamGroup& group) const override;
  void check_group(const ParamGroup& group) const override;
  RuleAtStep rule_at(const ParamGroup& group, std::int64_t step) const override;
};

}  // namespace downhill::optim
#pragma GCC visibility pop

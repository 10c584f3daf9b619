// Adam and AdamW.
#pragma once
#include <downhill/optim/elementwise.h>

#pragma GCC visibility push(default)
namespace downhill::optim {

struct AdamOptions {
  double lr = 1e-3;            ///< >= 0
  Betas betas = {0.9, 0.999};  ///< both in [0, 1)
  double eps = 1e-8;           ///< >= 0
  double weight_decay = 0;     ///< >= 0
  bool amsgrad = false;        ///< divide by the largest second moment so far
  bool maximize = false;
  bool bias_correction = true;  ///< false: the moments are taken as they are
};

struct AdamWOptions {
  double lr = 1e-3;
  Betas betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 1e-2;
  bool amsgrad = false;
  bool maximize = false;
  bool bias_correction = true;
};

/// What Adam and AdamW share; formulas and sources in rules.h. The state is `exp_avg`, `exp_avg_sq`
/// and, with amsgrad, `max_exp_avg_sq`.
class AdamBase : public ElementwiseOptimizer {
 protected:
  enum class Decay { in_gradient, decoupled };
  AdamBase(std::string_view name, ParamGroup defaults, Decay decay)
      : ElementwiseOptimizer(name, std::move(defaults)), decay_(decay) {}

 private:
  std::span<const std::string_view> slots(const ParamGroup& group) const override;
  RuleAtStep rule_at(const ParamGroup& group, std::int64_t step) const override;

  Decay decay_;
};

/// torch.optim.Adam: weight decay is an L2 term of the gradient.
class Adam final : public AdamBase {
 public:
  explicit Adam(const std::vector<Tensor>& params, const AdamOptions& options = {});
  explicit Adam(std::vector<ParamGroup> groups, const AdamOptions& options = {});
};

/// torch.optim.AdamW: weight decay shrinks the parameters apart from the gradient.
class AdamW final : public AdamBase {
 public:
  explicit AdamW(const std::vector<Tensor>& params, const AdamWOptions& options = {});
  explicit AdamW(std::vector<ParamGroup> groups, const AdamWOptions& options = {});
};

}  // namespace downhill::optim
#pragma GCC visibility pop

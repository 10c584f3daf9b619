#include <downhill/optim/adam.h>
#include <downhill/optim/rules.h>
#include <downhill/tensor/multi_tensor.h>

#include <cmath>

#include "fields.h"

namespace downhill::optim {

namespace {

ParamGroup group_of(const auto& o) {
  return {.lr = o.lr,
          .betas = o.betas,
          .eps = o.eps,
          .weight_decay = o.weight_decay,
          .amsgrad = o.amsgrad,
          .maximize = o.maximize,
          .bias_correction = o.bias_correction};
}

}  // namespace

rules::Adam::Coefficients rules::Adam::at(const ParamGroup& g, std::int64_t step, bool decoupled) {
  const double lr = value_of(g.lr, "lr"), decay = value_of(g.weight_decay, "weight_decay");
  const auto [beta1, beta2] = value_of(g.betas, "betas");
  Coefficients c{.sign = value_of(g.maximize, "maximize") ? -1.0 : 1.0,
                 .l2 = decoupled ? 0 : decay,
                 .shrink = decoupled ? 1 - lr * decay : 1,
                 .beta1 = beta1,
                 .beta2 = beta2,
                 .step_size = lr,
                 .root_scale = 1,
                 .eps = value_of(g.eps, "eps")};
  if (value_of(g.bias_correction, "bias_correction")) {
    const double t = static_cast<double>(step);
    c.step_size = lr / (1 - std::pow(beta1, t));
    c.root_scale = 1 / std::sqrt(1 - std::pow(beta2, t));
  }
  return c;
}

std::span<const std::string_view> AdamBase::slots(const ParamGroup& g) const {
  static constexpr std::string_view names[] = {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"};
  return std::span(names).first(value_of(g.amsgrad, "amsgrad") ? 3 : 2);
}

RuleAtStep AdamBase::rule_at(const ParamGroup& g, std::int64_t step) const {
  const auto c = rules::Adam::at(g, step, decay_ == Decay::decoupled);
  RuleAtStep rule;
  if (*g.amsgrad) rule.set(detail::multi_rule<rules::Amsgrad>, c);
  else rule.set(detail::multi_rule<rules::Adam>, c);
  return rule;
}

Adam::Adam(const std::vector<Tensor>& params, const AdamOptions& options)
    : Adam(std::vector{ParamGroup{.params = params}}, options) {}
Adam::Adam(std::vector<ParamGroup> groups, const AdamOptions& options)
    : AdamBase("Adam", group_of(options), Decay::in_gradient) {
  add_param_groups(std::move(groups));
}

AdamW::AdamW(const std::vector<Tensor>& params, const AdamWOptions& options)
    : AdamW(std::vector{ParamGroup{.params = params}}, options) {}
AdamW::AdamW(std::vector<ParamGroup> groups, const AdamWOptions& options)
    : AdamBase("AdamW", group_of(options), Decay::decoupled) {
  add_param_groups(std::move(groups));
}

}  // namespace downhill::optim

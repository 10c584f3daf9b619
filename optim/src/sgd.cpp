#include <downhill/optim/rules.h>
#include <downhill/optim/sgd.h>
#include <downhill/tensor/multi_tensor.h>

#include "fields.h"

namespace downhill::optim {

namespace {

ParamGroup group_of(const SGDOptions& o) {
  return {.lr = o.lr,
          .momentum = o.momentum,
          .dampening = o.dampening,
          .weight_decay = o.weight_decay,
          .nesterov = o.nesterov,
          .maximize = o.maximize,
          .velocity = o.velocity};
}

double sign_of(const ParamGroup& g) { return value_of(g.maximize, "maximize") ? -1 : 1; }

bool has_velocity(const ParamGroup& g) { return value_of(g.momentum, "momentum") != 0; }

}  // namespace

rules::Descent::Coefficients rules::Descent::at(const ParamGroup& g) {
  return {sign_of(g), value_of(g.weight_decay, "weight_decay"), value_of(g.lr, "lr")};
}

rules::Momentum::Coefficients rules::Momentum::at(const ParamGroup& g, std::int64_t step) {
  const double lr = value_of(g.lr, "lr");
  const double kept = step == 1 ? 1 : 1 - value_of(g.dampening, "dampening");
  const bool steps = value_of(g.velocity, "velocity") == Velocity::step;
  return {sign_of(g),
          value_of(g.weight_decay, "weight_decay"),
          value_of(g.momentum, "momentum"),
          steps ? -lr * kept : kept,
          steps ? 1 : -lr,
          lr};
}

SGD::SGD(const std::vector<Tensor>& params, const SGDOptions& options)
    : SGD(std::vector{ParamGroup{.params = params}}, options) {}

SGD::SGD(std::vector<ParamGroup> groups, const SGDOptions& options)
    : ElementwiseOptimizer("SGD", group_of(options)) {
  add_param_groups(std::move(groups));
}

void SGD::check_group(const ParamGroup& g) const {
  check(!*g.nesterov || (*g.momentum > 0 && *g.dampening == 0),
        "SGD: nesterov needs momentum > 0 and dampening = 0, got momentum {} and dampening {}",
        *g.momentum, *g.dampening);
}

std::span<const std::string_view> SGD::slots(const ParamGroup& g) const {
  static constexpr std::string_view names[] = {"momentum_buffer"};
  return std::span(names).first(has_velocity(g) ? 1 : 0);
}

RuleAtStep SGD::rule_at(const ParamGroup& g, std::int64_t step) const {
  RuleAtStep rule;
  if (!has_velocity(g)) rule.set(detail::multi_rule<rules::Descent>, rules::Descent::at(g));
  else if (value_of(g.nesterov, "nesterov"))
    rule.set(detail::multi_rule<rules::Nesterov>, rules::Momentum::at(g, step));
  else rule.set(detail::multi_rule<rules::Momentum>, rules::Momentum::at(g, step));
  return rule;
}

}  // namespace downhill::optim

#include <downhill/optim/optimizer.h>
#include <downhill/tensor/factory.h>
#include <downhill/tensor/format.h>
#include <downhill/tensor/graph.h>

#include <algorithm>
#include <ostream>

#include "fields.h"

namespace downhill::optim {

namespace {

bool contains(const std::vector<Tensor>& params, const Tensor& p) {
  return std::any_of(params.begin(), params.end(), [&](const Tensor& q) { return q.is_same(p); });
}

std::string group_prefix(std::size_t i) { return fmt::format("param_groups.{}.", i); }

Tensor indices(std::int64_t begin, std::size_t n) {
  return arange(begin, begin + static_cast<std::int64_t>(n));
}

}  // namespace

const Tensor* Optimizer::gradient(const Tensor& parameter) {
  Node* history = parameter.impl().history.get();
  if (!history || !history->is_leaf()) return nullptr;
  const Tensor& grad = static_cast<Leaf*>(history)->grad;
  return grad.defined() ? &grad : nullptr;
}

void Optimizer::zero_grad() {
  for (const ParamGroup& group : groups_)
    for (const Tensor& p : group.params)
      if (gradient(p)) p.mutable_grad() = Tensor();
}

void Optimizer::step() {
  check_gradients();
  NoGradGuard no_grad;
  for (std::size_t i = 0; i < groups_.size(); ++i) update(groups_[i], states_[i]);
}

Tensor Optimizer::step(const std::function<Tensor()>& closure) {
  Tensor loss;
  {
    AutoGradMode recording(true);
    loss = closure();
  }
  step();
  return loss;
}

void Optimizer::check_gradients() const {
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    const std::vector<Tensor>& params = groups_[i].params;
    check(params.size() == states_[i].size(),
          "{}: the parameters of a group cannot change, use add_param_group", name_);
    for (const Tensor& p : params) {
      const Tensor* g = gradient(p);
      if (!g) continue;
      if (g->dtype() == p.dtype() && g->sizes() == p.sizes()) [[likely]]
        continue;
      fail("{}: the gradient of a parameter {} {} is {} {}", name_, name_of(p.dtype()), p.sizes(),
           name_of(g->dtype()), g->sizes());
    }
  }
}

// ---------------------------------------------------------------- groups

void Optimizer::check_params(const ParamGroup& group) const {
  check(!group.params.empty(), "{}: got no parameters", name_);
  for (std::size_t i = 0; i < group.params.size(); ++i) {
    const Tensor& p = group.params[i];
    check(p.defined(), "{}: parameter {} is undefined", name_, i);
    check(p.is_leaf() && p.requires_grad(),
          "{}: parameter {} (shape {}) is no leaf that requires a gradient", name_, i, p.sizes());
    bool known = std::any_of(groups_.begin(), groups_.end(),
                             [&](const ParamGroup& g) { return contains(g.params, p); });
    for (std::size_t k = 0; k < i; ++k) known |= group.params[k].is_same(p);
    check(!known, "{}: parameter {} (shape {}) appears twice", name_, i, p.sizes());
  }
}

void Optimizer::add_param_group(ParamGroup group) {
  check_params(group);
  complete(name_, group, defaults_);
  check_ranges(name_, group);
  check_group(group);
  states_.emplace_back(group.params.size());
  groups_.push_back(std::move(group));
}

void Optimizer::add_param_groups(std::vector<ParamGroup> groups) {
  check(!groups.empty(), "{}: got no parameter groups", name_);
  for (ParamGroup& group : groups) add_param_group(std::move(group));
}

// ---------------------------------------------------------------- checkpoints

StateDict Optimizer::state_dict() const {
  StateDict out;
  std::int64_t first = 0;
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    save_fields(groups_[i], group_prefix(i), out);
    out.insert(group_prefix(i) + "params", indices(first, groups_[i].params.size()));
    const auto names = slots(groups_[i]);
    for (const ParamState& state : states_[i]) {
      const std::string prefix = fmt::format("state.{}.", first++);
      if (state.steps == 0) continue;
      out.insert(prefix + "step", full({}, state.steps, kInt64));
      for (std::size_t s = 0; s < names.size(); ++s)
        if (state.slots[s].defined()) out.insert(prefix + std::string(names[s]), state.slots[s]);
    }
  }
  return out;
}

void Optimizer::restore_group(const StateDict& from, std::size_t index, ParamGroup& group) const {
  const std::string prefix = group_prefix(index);
  const std::int64_t saved = from.at(prefix + "params").numel();
  check(saved == static_cast<std::int64_t>(group.params.size()),
        "{}: group {} has {} parameters, the saved one {}", name_, index, group.params.size(),
        saved);
  load_fields(from, prefix, group);
  check_ranges(name_, group);
  check_group(group);
}

void Optimizer::restore_state(const StateDict& from, const std::string& prefix,
                              const ParamGroup& group, const Tensor& parameter,
                              ParamState& state) const {
  const Tensor* steps = from.find(prefix + "step");
  if (!steps) return;
  state.steps = steps->item<std::int64_t>();
  const auto names = slots(group);
  for (std::size_t s = 0; s < names.size(); ++s) {
    const Tensor& saved = from.at(prefix + std::string(names[s]));
    check(saved.sizes() == parameter.sizes(), "{}: {}{} is {}, its parameter {}", name_, prefix,
          names[s], saved.sizes(), parameter.sizes());
    state.slots[s] = zeros_like(parameter.detach()).copy_(saved);
  }
}

void Optimizer::load_state_dict(const StateDict& state) {
  NoGradGuard no_grad;
  check(!state.contains(group_prefix(groups_.size()) + "params"),
        "{}: has {} parameter groups, the saved one more", name_, groups_.size());
  std::vector<ParamGroup> groups = groups_;
  std::vector<std::vector<ParamState>> states;
  std::int64_t index = 0;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    restore_group(state, i, groups[i]);
    states.emplace_back(groups[i].params.size());
    for (std::size_t k = 0; k < groups[i].params.size(); ++k)
      restore_state(state, fmt::format("state.{}.", index++), groups[i], groups[i].params[k],
                    states[i][k]);
  }
  groups_ = std::move(groups);
  states_ = std::move(states);
}

std::string to_string(const Optimizer& optimizer) {
  std::string text = fmt::format("{} (\n", optimizer.name());
  int i = 0;
  for (const ParamGroup& group : optimizer.param_groups())
    text += fmt::format("Parameter Group {}\n{}", i++, print_fields(group));
  return text + ")";
}
std::ostream& operator<<(std::ostream& out, const Optimizer& optimizer) {
  return out << to_string(optimizer);
}

}  // namespace downhill::optim

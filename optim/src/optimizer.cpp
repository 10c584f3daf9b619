#include <downhill/optim/optimizer.h>
#include <downhill/tensor/factory.h>
#include <downhill/tensor/format.h>
#include <downhill/tensor/graph.h>
#include <downhill/tensor/overlap.h>

#include <algorithm>
#include <ostream>

#include "fields.h"

namespace downhill::optim {

namespace {

bool contains(const std::vector<Tensor>& params, const Tensor& p) {
  return std::any_of(params.begin(), params.end(), [&](const Tensor& q) { return q.is_same(p); });
}

void check_not_expanded(std::string_view name, const ParamGroup& group, std::size_t i) {
  const Tensor& p = group.params[i];
  check(!detail::repeats_elements(p.impl()),
        "{}: several elements of parameter {} (shape {}, expanded) are one place in memory; give "
        "it a clone()",
        name, i, p.sizes());
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
  check_groups();
  for (const ParamGroup& group : groups_) check_complete(name_, group, defaults_);
  check_gradients();
  check_states();
  NoGradGuard no_grad;
  for (std::size_t i = 0; i < groups_.size(); ++i) update(groups_[i], states_[i]);
}

Tensor Optimizer::step(const std::function<Tensor()>& closure) {
  check(bool(closure), "{}: got no closure", name_);
  Tensor loss;
  {
    AutoGradMode recording(true);
    loss = closure();
  }
  step();
  return loss;
}

void Optimizer::check_groups() const {
  bool same = groups_.size() == states_.size();
  for (std::size_t i = 0; same && i < groups_.size(); ++i)
    same = groups_[i].params.size() == states_[i].size();
  check(same, "{}: groups and their parameters cannot change, use add_param_group", name_);
}

void Optimizer::check_gradients() const {
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    const std::vector<Tensor>& params = groups_[i].params;
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

void Optimizer::check_states() const {
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    const std::size_t used = slots(groups_[i]).size();
    for (std::size_t k = 0; k < states_[i].size(); ++k) {
      const Tensor& p = groups_[i].params[k];
      if (!gradient(p)) continue;
      check_not_expanded(name_, groups_[i], k);  // set_data() may have brought it
      for (const Tensor& slot : std::span(states_[i][k].slots).first(used))
        if (slot.defined() && (slot.dtype() != p.dtype() || slot.sizes() != p.sizes())) [[unlikely]]
          fail("{}: a parameter was changed to {} {} after the first step; its state is {} {}",
               name_, name_of(p.dtype()), p.sizes(), name_of(slot.dtype()), slot.sizes());
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
    check_not_expanded(name_, group, i);
    bool known = std::any_of(groups_.begin(), groups_.end(),
                             [&](const ParamGroup& g) { return contains(g.params, p); });
    for (std::size_t k = 0; k < i; ++k) known |= group.params[k].is_same(p);
    check(!known, "{}: parameter {} (shape {}) appears twice", name_, i, p.sizes());
  }
}

void Optimizer::add_param_group(ParamGroup group) {
  check_groups();
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
  check_groups();
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
  const std::int64_t count = saved(name_, from, prefix + "params").numel();
  check(count == static_cast<std::int64_t>(group.params.size()),
        "{}: group {} has {} parameters, the saved one {}", name_, index, group.params.size(),
        count);
  load_fields(name_, from, prefix, group);
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
    const std::string name = prefix + std::string(names[s]);
    const Tensor& slot = saved(name_, from, name);
    check(slot.sizes() == parameter.sizes(), "{}: {}{} is {}, its parameter {}", name_, prefix,
          names[s], slot.sizes(), parameter.sizes());
    state.slots[s] = zeros_like(parameter.detach()).copy_(slot);
  }
}

void Optimizer::load_state_dict(const StateDict& state) {
  NoGradGuard no_grad;
  check_groups();
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

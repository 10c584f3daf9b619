// The options of a group, described once: checking, completing, saving, loading, comparing and
// printing all walk this list.
#pragma once
#include <downhill/optim/optimizer.h>
#include <downhill/tensor/check.h>

namespace downhill::optim {

enum class Range {
  not_negative,
  unit,       ///< in [0, 1]
  below_one,  ///< in [0, 1)
  choice,     ///< any value
  note,       ///< no option: something remembered
};

/// Calls f(name, range, option of each group...) for every option.
template <class F, class... Group> void for_fields(F&& f, Group&... g) {
  f("lr", Range::not_negative, g.lr...);
  f("momentum", Range::not_negative, g.momentum...);
  f("dampening", Range::unit, g.dampening...);
  f("betas", Range::below_one, g.betas...);
  f("eps", Range::not_negative, g.eps...);
  f("weight_decay", Range::not_negative, g.weight_decay...);
  f("nesterov", Range::choice, g.nesterov...);
  f("amsgrad", Range::choice, g.amsgrad...);
  f("maximize", Range::choice, g.maximize...);
  f("velocity", Range::choice, g.velocity...);
  f("bias_correction", Range::choice, g.bias_correction...);
  f("initial_lr", Range::note, g.initial_lr...);
}

/// An option that somebody may have unset since the group was added.
template <class T> const T& value_of(const std::optional<T>& option, const char* name) {
  if (!option) [[unlikely]]
    fail("optimizer: the option {} of a group is not set", name);
  return *option;
}

/// Throws Error "SGD: lr must be >= 0, got -0.1" where an option is out of its range.
void check_ranges(std::string_view optimizer, const ParamGroup& group);
/// Gives unset options the defaults. Throws Error for a set option that has no default.
void complete(std::string_view optimizer, ParamGroup& group, const ParamGroup& defaults);
/// Throws Error where an option that has a default is unset.
void check_complete(std::string_view optimizer, const ParamGroup& group,
                    const ParamGroup& defaults);
/// Inserts the set options as `prefix` + name.
void save_fields(const ParamGroup& group, const std::string& prefix, StateDict& to);
/// Reads what save_fields wrote into the options that are set in `group`. Throws Error for a
/// missing name.
void load_fields(std::string_view optimizer, const StateDict& from, const std::string& prefix,
                 ParamGroup& group);
/// The tensor of that name in a saved state. Throws Error where there is none.
const Tensor& saved(std::string_view optimizer, const StateDict& from, const std::string& name);
/// One line an option, `    lr: 0.001`, in alphabetical order.
std::string print_fields(const ParamGroup& group);

}  // namespace downhill::optim

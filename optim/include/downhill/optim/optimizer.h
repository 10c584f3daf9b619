// What all optimizers share: parameter groups, state, checkpoints, the step.
#pragma once
#include <downhill/tensor/serialize.h>
#include <downhill/tensor/tensor.h>

#include <array>
#include <functional>
#include <iosfwd>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)
namespace downhill::optim {

using Betas = std::pair<double, double>;

/// How SGD keeps its velocity; the two agree as long as lr does not change.
enum class Velocity {
  gradient,  ///< PyTorch: v = momentum v + g, p = p - lr v
  step,      ///< Sutskever et al. (ICML 2013), CS231n: v = momentum v - lr g, p = p + v
};

/// Parameters that share options. An option that is unset takes the optimizer's default when the
/// group is added; afterwards every option that the optimizer has is set, and may be changed at any
/// time: `optimizer.param_groups()[0].lr = 1e-4`. Setting an option that the optimizer does not
/// have is an error. `params` is fixed once the group is added.
struct ParamGroup {
  std::vector<Tensor> params = {};
  std::optional<double> lr = {};            ///< >= 0
  std::optional<double> momentum = {};      ///< >= 0
  std::optional<double> dampening = {};     ///< in [0, 1]
  std::optional<Betas> betas = {};          ///< both in [0, 1); written `.betas = {{0.9, 0.95}}`
  std::optional<double> eps = {};           ///< >= 0
  std::optional<double> weight_decay = {};  ///< >= 0
  std::optional<bool> nesterov = {};
  std::optional<bool> amsgrad = {};
  std::optional<bool> maximize = {};
  std::optional<Velocity> velocity = {};
  std::optional<bool> bias_correction = {};
  std::optional<double> initial_lr = {};  ///< where schedules start from; set by the first schedule
};

/// The base of all optimizers. Gradients are read and never changed; parameters without gradient
/// are skipped; steps are not recorded, but a value that backward still needs is known to have
/// changed.
class Optimizer {
 public:
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;
  virtual ~Optimizer() = default;

  /// Drops the gradients of all parameters (PyTorch's set_to_none).
  void zero_grad();
  /// Changes every parameter that has a gradient. Throws Error, before anything changes, for a
  /// gradient or a state whose shape or dtype is not its parameter's, a parameter that was given
  /// expanded data, and an option that was unset.
  void step();
  /// Calls `closure`, which computes the loss and calls backward, with recording on; then steps.
  /// Returns the loss.
  Tensor step(const std::function<Tensor()>& closure);

  std::vector<ParamGroup>& param_groups() { return groups_; }
  const std::vector<ParamGroup>& param_groups() const { return groups_; }
  /// Throws Error for a group without parameters, a parameter that is here already, is no leaf that
  /// requires a gradient or is expanded, an option out of its range, and an option that does not
  /// exist here.
  void add_param_group(ParamGroup group);

  /// Options and state under PyTorch's names, flat: `param_groups.0.lr`, `param_groups.0.params`
  /// (indices), `state.3.exp_avg`, `state.3.step`. Numbers are 0-d float64, counts and choices 0-d
  /// int64, betas a pair. State tensors are not copied: they change with the next step.
  StateDict state_dict() const;
  /// Takes both back from an optimizer of the same kind over parameters of the same shapes;
  /// training goes on to the same bits. Throws Error, before anything changes, naming what does not
  /// fit.
  void load_state_dict(const StateDict& state);

  std::string_view name() const { return name_; }

 protected:
  static constexpr int max_slots = 4;
  struct ParamState {
    std::int64_t steps = 0;
    std::array<Tensor, max_slots> slots;  ///< made when the rule first needs them
  };

  Optimizer(std::string_view name, ParamGroup defaults)
      : name_(name), defaults_(std::move(defaults)) {}
  void add_param_groups(std::vector<ParamGroup> groups);

  /// The names of the state tensors that the group's options ask for, each of its parameter's
  /// shape.
  virtual std::span<const std::string_view> slots(const ParamGroup& group) const = 0;
  /// Checks what no single option shows.
  virtual void check_group(const ParamGroup&) const {}
  virtual void update(const ParamGroup& group, std::span<ParamState> states) = 0;
  /// The gradient to step with; null for a parameter that has none, or no longer requires one.
  static const Tensor* gradient(const Tensor& parameter);

 private:
  void check_params(const ParamGroup& group) const;
  void check_groups() const;
  void check_gradients() const;
  void check_states() const;
  void restore_group(const StateDict& from, std::size_t index, ParamGroup& group) const;
  void restore_state(const StateDict& from, const std::string& prefix, const ParamGroup& group,
                     const Tensor& parameter, ParamState& state) const;

  std::string_view name_;
  ParamGroup defaults_;
  std::vector<ParamGroup> groups_;
  std::vector<std::vector<ParamState>> states_;  // parallel to the groups and their params
};

/// As PyTorch prints it: the name, and the options of each group.
std::string to_string(const Optimizer& optimizer);
std::ostream& operator<<(std::ostream& out, const Optimizer& optimizer);

}  // namespace downhill::optim
#pragma GCC visibility pop

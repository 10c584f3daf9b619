// Learning-rate schedules, after torch.optim.lr_scheduler (Python).
//
// A schedule is a pure function of the step count: lr(t) of a group whose schedule starts from the
// base rate b = group.initial_lr. So it can be plotted (lr_at), composed and restored; unlike
// PyTorch's recursive forms it does not accumulate, and one schedule at a time drives an optimizer:
// combine several with SequentialLR. Making a schedule sets the rates of step 0.
#pragma once
#include <downhill/optim/optimizer.h>

#include <initializer_list>
#include <memory>

#pragma GCC visibility push(default)
namespace downhill::optim {

/// A schedule: a light handle whose copies share the step count. The optimizer must outlive it.
/// A rate function that throws, or adds parameter groups, leaves the count and all rates as they
/// were.
class LRScheduler {
 public:
  /// lr(base, t): the rate at step t = 0, 1, 2 ...
  using Rate = std::function<double(double base, std::int64_t t)>;

  LRScheduler(Optimizer& optimizer, Rate rate);

  /// Goes on to the next step and sets the rate of every group. Call it after optimizer.step().
  void step();
  /// Steps taken so far; PyTorch's name for the count, whether steps are batches or epochs.
  std::int64_t last_epoch() const { return state_->t; }
  /// The rate of every group as this schedule last set it.
  std::vector<double> get_last_lr() const;
  /// The rate that a group has at step t; changes nothing.
  double lr_at(std::int64_t t, std::size_t group = 0) const;

  /// `last_epoch`. The base rates are part of the optimizer's state.
  StateDict state_dict() const;
  /// Goes to the saved step and sets the rates that belong to it.
  void load_state_dict(const StateDict& state);

 private:
  friend class SequentialLR;
  struct State {
    Optimizer* optimizer;
    Rate rate;
    std::int64_t t = 0;
  };
  std::vector<double> rates_at(std::int64_t t) const;
  void go_to(std::int64_t t) const;

  std::shared_ptr<State> state_;
};

/// b * factor(t).
class LambdaLR : public LRScheduler {
 public:
  LambdaLR(Optimizer& optimizer, std::function<double(std::int64_t t)> factor);
};

struct StepLROptions {
  std::int64_t step_size = 0;  ///< >= 1; has no default
  double gamma = 0.1;
};
/// b * gamma^floor(t / step_size).
class StepLR : public LRScheduler {
 public:
  StepLR(Optimizer& optimizer, const StepLROptions& options);
};

struct ConstantLROptions {
  double factor = 1.0 / 3;  ///< in [0, 1]
  std::int64_t total_iters = 5;
};
/// b * factor while t < total_iters, then b.
class ConstantLR : public LRScheduler {
 public:
  explicit ConstantLR(Optimizer& optimizer, const ConstantLROptions& options = {});
};

struct LinearLROptions {
  double start_factor = 1.0 / 3;  ///< in (0, 1]
  double end_factor = 1;          ///< in [0, 1]
  std::int64_t total_iters = 5;   ///< >= 1
};
/// b times a factor that goes on a straight line from start_factor to end_factor at total_iters and
/// stays there.
class LinearLR : public LRScheduler {
 public:
  explicit LinearLR(Optimizer& optimizer, const LinearLROptions& options = {});
};

struct ExponentialLROptions {
  double gamma = 1;
};
/// b * gamma^t.
class ExponentialLR : public LRScheduler {
 public:
  ExponentialLR(Optimizer& optimizer, const ExponentialLROptions& options);
};

struct CosineAnnealingLROptions {
  std::int64_t T_max = 0;  ///< >= 1; has no default
  double eta_min = 0;
};
/// eta_min + (b - eta_min) (1 + cos(pi t / T_max)) / 2: down to eta_min at T_max and, as in
/// PyTorch, up again after it. Loshchilov and Hutter, "SGDR" (ICLR 2017), without restarts.
class CosineAnnealingLR : public LRScheduler {
 public:
  CosineAnnealingLR(Optimizer& optimizer, const CosineAnnealingLROptions& options);
};

struct SequentialLROptions {
  std::vector<std::int64_t> milestones = {};  ///< increasing; one fewer than schedules
};
/// One schedule after another: from each milestone on the next one, counted from its own step 0.
class SequentialLR : public LRScheduler {
 public:
  SequentialLR(Optimizer& optimizer, const std::vector<LRScheduler>& schedules,
               const SequentialLROptions& options);
};

struct WarmupCosineOptions {
  std::int64_t warmup_steps = 0;  ///< in [0, total_steps)
  std::int64_t total_steps = 0;   ///< >= 1; has no default
  double start_factor = 0;        ///< in [0, 1]
  double eta_min = 0;
};
/// The common recipe: a straight line from b * start_factor to b at warmup_steps, then half a
/// cosine down to eta_min at total_steps, which stays.
LRScheduler warmup_cosine(Optimizer& optimizer, const WarmupCosineOptions& options);

}  // namespace downhill::optim
#pragma GCC visibility pop

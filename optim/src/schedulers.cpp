#include <downhill/optim/schedulers.h>
#include <downhill/tensor/check.h>
#include <downhill/tensor/factory.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace downhill::optim {

namespace {

double line(double from, double to, std::int64_t t, std::int64_t end) {
  return t >= end ? to : from + (to - from) * static_cast<double>(t) / static_cast<double>(end);
}
double half_cosine(double from, double to, std::int64_t t, std::int64_t half) {
  const double turn = static_cast<double>(t) / static_cast<double>(half);
  return to + (from - to) * (1 + std::cos(std::numbers::pi * turn)) / 2;
}
double power(double base, std::int64_t n) { return std::pow(base, static_cast<double>(n)); }

void check_factor(const char* who, const char* name, double x) {
  check(x >= 0 && x <= 1, "{}: {} must be in [0, 1], got {}", who, name, x);
}
void check_steps(const char* who, const char* name, std::int64_t n) {
  check(n >= 1, "{}: {} must be >= 1, got {}", who, name, n);
}

std::function<double(std::int64_t)> checked(std::function<double(std::int64_t)> factor) {
  check(bool(factor), "LambdaLR: got no function");
  return factor;
}
LRScheduler::Rate linear(const LinearLROptions& o) {
  check(o.start_factor > 0, "LinearLR: start_factor must be in (0, 1], got {}", o.start_factor);
  check_factor("LinearLR", "start_factor", o.start_factor);
  check_factor("LinearLR", "end_factor", o.end_factor);
  check_steps("LinearLR", "total_iters", o.total_iters);
  return [=](double b, std::int64_t t) {
    return b * line(o.start_factor, o.end_factor, t, o.total_iters);
  };
}
LRScheduler::Rate constant(const ConstantLROptions& o) {
  check_factor("ConstantLR", "factor", o.factor);
  return [=](double b, std::int64_t t) { return t < o.total_iters ? b * o.factor : b; };
}
LRScheduler::Rate steps(const StepLROptions& o) {
  check_steps("StepLR", "step_size", o.step_size);
  return [=](double b, std::int64_t t) { return b * power(o.gamma, t / o.step_size); };
}
LRScheduler::Rate cosine(const CosineAnnealingLROptions& o) {
  check_steps("CosineAnnealingLR", "T_max", o.T_max);
  return [=](double b, std::int64_t t) { return half_cosine(b, o.eta_min, t, o.T_max); };
}

void check_milestones(std::size_t schedules, const std::vector<std::int64_t>& milestones) {
  check(schedules == milestones.size() + 1,
        "SequentialLR: needs one milestone fewer than schedules, got {} and {}", milestones.size(),
        schedules);
  for (std::size_t i = 0; i < milestones.size(); ++i)
    check(milestones[i] > (i ? milestones[i - 1] : 0),
          "SequentialLR: milestones must be positive and increase, got {} at position {}",
          milestones[i], i);
}
LRScheduler::Rate sequence(const std::vector<LRScheduler::Rate>& rates,
                           const std::vector<std::int64_t>& milestones) {
  return [=](double b, std::int64_t t) {
    std::size_t i = rates.size() - 1;
    while (i > 0 && t < milestones[i - 1]) --i;
    return rates[i](b, i > 0 ? t - milestones[i - 1] : t);
  };
}

}  // namespace

LRScheduler::LRScheduler(Optimizer& optimizer, Rate rate)
    : state_(std::make_shared<State>(State{&optimizer, std::move(rate)})) {
  check(bool(state_->rate), "LRScheduler: got no function");
  go_to(0);
}

std::vector<double> LRScheduler::rates_at(std::int64_t t) const {
  const auto& groups = state_->optimizer->param_groups();
  const std::size_t n = groups.size();
  std::vector<double> rates;
  rates.reserve(n);
  for (std::size_t i = 0; i < n; ++i) rates.push_back(lr_at(t, i));
  check(groups.size() == n,
        "LRScheduler: the rate function changed the number of parameter groups from {} to {}", n,
        groups.size());
  return rates;
}

void LRScheduler::go_to(std::int64_t t) const {
  const std::vector<double> rates = rates_at(t);
  state_->t = t;
  auto rate = rates.begin();
  for (ParamGroup& group : state_->optimizer->param_groups()) {
    if (!group.initial_lr) group.initial_lr = group.lr;
    group.lr = *rate++;
  }
}

void LRScheduler::step() { go_to(state_->t + 1); }

std::vector<double> LRScheduler::get_last_lr() const { return rates_at(state_->t); }

double LRScheduler::lr_at(std::int64_t t, std::size_t group) const {
  const auto& groups = state_->optimizer->param_groups();
  check(group < groups.size(), "lr_at: there are {} groups, asked for number {}", groups.size(),
        group);
  const ParamGroup& g = groups[group];
  return state_->rate(g.initial_lr.value_or(g.lr.value_or(0)), t);
}

StateDict LRScheduler::state_dict() const { return {{"last_epoch", full({}, state_->t, kInt64)}}; }
void LRScheduler::load_state_dict(const StateDict& state) {
  go_to(state.at("last_epoch").item<std::int64_t>());
}

LambdaLR::LambdaLR(Optimizer& optimizer, std::function<double(std::int64_t)> factor)
    : LRScheduler(optimizer,
                  [f = checked(std::move(factor))](double b, std::int64_t t) { return b * f(t); }) {
}
StepLR::StepLR(Optimizer& optimizer, const StepLROptions& options)
    : LRScheduler(optimizer, steps(options)) {}
ConstantLR::ConstantLR(Optimizer& optimizer, const ConstantLROptions& options)
    : LRScheduler(optimizer, constant(options)) {}
LinearLR::LinearLR(Optimizer& optimizer, const LinearLROptions& options)
    : LRScheduler(optimizer, linear(options)) {}
ExponentialLR::ExponentialLR(Optimizer& optimizer, const ExponentialLROptions& options)
    : LRScheduler(optimizer, [gamma = options.gamma](double b, std::int64_t t) {
        return b * power(gamma, t);
      }) {}
CosineAnnealingLR::CosineAnnealingLR(Optimizer& optimizer, const CosineAnnealingLROptions& options)
    : LRScheduler(optimizer, cosine(options)) {}

SequentialLR::SequentialLR(Optimizer& optimizer, const std::vector<LRScheduler>& schedules,
                           const SequentialLROptions& options)
    : LRScheduler(optimizer, [&] {
        check_milestones(schedules.size(), options.milestones);
        std::vector<Rate> rates;
        for (const LRScheduler& s : schedules) {
          check(s.state_->optimizer == &optimizer,
                "SequentialLR: the schedules drive different optimizers");
          rates.push_back(s.state_->rate);
        }
        return sequence(rates, options.milestones);
      }()) {}

LRScheduler warmup_cosine(Optimizer& optimizer, const WarmupCosineOptions& o) {
  check_factor("warmup_cosine", "start_factor", o.start_factor);
  check_steps("warmup_cosine", "total_steps", o.total_steps);
  check(o.warmup_steps >= 0 && o.warmup_steps < o.total_steps,
        "warmup_cosine: warmup_steps must be in [0, total_steps), got {} of {}", o.warmup_steps,
        o.total_steps);
  return LRScheduler(optimizer, [=](double b, std::int64_t t) {
    if (t < o.warmup_steps) return b * line(o.start_factor, 1, t, o.warmup_steps);
    const std::int64_t half = o.total_steps - o.warmup_steps;
    return half_cosine(b, o.eta_min, std::min(t - o.warmup_steps, half), half);
  });
}

}  // namespace downhill::optim

#include "gradcheck_numeric.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <downhill/tensor/check.h>
#include <downhill/tensor/graph.h>

namespace downhill::detail {
namespace {

constexpr double kRounding = 8 * std::numeric_limits<double>::epsilon();
constexpr double kFar = 16, kLadderRatio = 4;
constexpr int kLadderSteps = 20;

double slope(double rise, double run) { return rise / run; }

bool within(double x, double lo, double hi) { return x >= lo && x <= hi; }

}  // namespace

Values values_of(const std::vector<Tensor>& outputs) {
  NoGradGuard guard;
  Values r;
  for (const Tensor& y : outputs) {
    check(y.defined(), "gradcheck: the function returned an undefined tensor");
    if (!y.is_floating_point()) continue;
    const Tensor dense = y.detach().to(kFloat64).contiguous();
    const auto* p = dense.data_ptr<double>();
    r.insert(r.end(), p, p + dense.numel());
  }
  return r;
}

Values CheckedFn::operator()() const {
  Values r = values_of(fn(inputs));
  check(r.size() == size, "gradcheck: the function returned {} values, then {}", size, r.size());
  return r;
}

Nudge::Nudge(const Tensor& x, const Shape& index) : dtype_(x.dtype()) {
  std::int64_t offset = 0;
  for (int d = 0; d < index.size(); ++d) offset += index[d] * x.strides()[d];
  const bool wide = dtype_ == kFloat64;
  data_ = wide ? static_cast<void*>(static_cast<double*>(x.data_ptr()) + offset)
               : static_cast<void*>(static_cast<float*>(x.data_ptr()) + offset);
  original_ = wide ? *static_cast<double*>(data_) : double{*static_cast<float*>(data_)};
}

double Nudge::set(double value) const {
  if (dtype_ == kFloat64) return *static_cast<double*>(data_) = value;
  return double{*static_cast<float*>(data_) = static_cast<float>(value)};
}

Values central_difference(const CheckedFn& f, const Nudge& x, double eps) {
  const double up = x.set(x.original() + eps);
  Values r = f();
  const double down = x.set(x.original() - eps);
  const Values below = f();
  x.set(x.original());
  for (std::size_t j = 0; j < r.size(); ++j) r[j] = slope(r[j] - below[j], up - down);
  return r;
}

double Tolerance::of(double numeric, double rounding) const {
  return std::max(absolute, std::min(capped, rounding)) + relative * std::abs(numeric);
}

// ---------------------------------------------------------------- where they disagree
StepSweep::StepSweep(const CheckedFn& f, const Nudge& x, double eps) : middle_(f()) {
  near_ = sample(f, x, eps);
  far_ = sample(f, x, kFar * eps);
  double h = 0.25 * std::max(1.0, std::abs(x.original()));
  for (int i = 0; i < kLadderSteps; ++i, h /= kLadderRatio) ladder_.push_back(sample(f, x, h));
}

StepSweep::Sample StepSweep::sample(const CheckedFn& f, const Nudge& x, double h) const {
  Sample s;
  s.up = x.set(x.original() + h) - x.original();
  s.above = f();
  s.down = x.original() - x.set(x.original() - h);
  s.below = f();
  x.set(x.original());
  return s;
}

StepSweep::Slopes StepSweep::slopes(const Sample& s, std::size_t j) const {
  return {slope(middle_[j] - s.below[j], s.down), slope(s.above[j] - middle_[j], s.up)};
}

// A kink: the two sides' slopes stay apart while the step grows, at least one side is straight, and
// the analytic derivative is one of the slopes or lies between them.
bool StepSweep::is_kink(std::size_t j, double analytic, const Tolerance& t) const {
  const Slopes a = slopes(near_, j), b = slopes(far_, j);
  const double gap = std::abs(b.right - b.left);
  const double bend = std::min(std::abs(b.right - a.right), std::abs(b.left - a.left));
  const double plain = slope(near_.above[j] - near_.below[j], near_.up + near_.down);
  const auto [lo, hi] = std::minmax({a.left, a.right, b.left, b.right});
  const double slack = t.of(hi - lo, 0);
  const double clear = 2 * noise(j) / std::min(far_.up, far_.down);
  return gap > clear && bend <= 0.05 * gap && gap >= 0.5 * std::abs(plain - analytic) &&
         within(analytic, lo - slack, hi + slack);
}

// How exactly value j is computed: steps too fine to change it show the size of its smallest
// change.
double StepSweep::noise(std::size_t j) const {
  double smallest = 0;
  bool flat = false;
  for (std::size_t i = ladder_.size(); i-- > 0;) {
    const Sample& s = ladder_[i];
    const double change =
        std::max(std::abs(s.above[j] - middle_[j]), std::abs(s.below[j] - middle_[j]));
    flat |= change == 0;
    if (change == 0) continue;
    smallest = flat ? change : 0;
    break;
  }
  return std::max(kRounding * std::abs(middle_[j]), 2 * smallest);
}

// Richardson's extrapolation of two neighbouring steps, at the step that contradicts itself least.
StepSweep::Estimate StepSweep::estimate(std::size_t j) const {
  constexpr double r2 = kLadderRatio * kLadderRatio;
  const double noise_j = noise(j);
  Estimate best{0, std::numeric_limits<double>::infinity()};
  for (std::size_t i = 0; i + 1 < ladder_.size(); ++i) {
    const Sample &s = ladder_[i], &fine = ladder_[i + 1];
    if (fine.above[j] == middle_[j] && fine.below[j] == middle_[j]) continue;
    const double coarse = slope(s.above[j] - s.below[j], s.up + s.down);
    const double c = slope(fine.above[j] - fine.below[j], fine.up + fine.down);
    const double value = (r2 * c - coarse) / (r2 - 1);
    const double error = std::abs(value - c) + noise_j / std::min(fine.up, fine.down);
    if (error < best.error) best = {value, error};
  }
  return best;
}

autograd::Verdict StepSweep::judge(std::size_t j, double analytic, const Tolerance& t,
                                   double& numeric) const {
  using autograd::Verdict;
  if (is_kink(j, analytic, t)) return Verdict::kink;
  const Estimate e = estimate(j);
  if (!std::isfinite(e.error)) return Verdict::wrong_gradient;
  const bool agrees = std::abs(analytic - e.value) <= t.of(e.value, 4 * e.error);
  numeric = e.value;
  return agrees ? Verdict::noise : Verdict::wrong_gradient;
}

}  // namespace downhill::detail

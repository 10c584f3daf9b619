#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "gradcheck_numeric.h"

namespace downhill::detail {
namespace {

using autograd::GradcheckElement;
using autograd::GradcheckInput;
using autograd::GradcheckOptions;
using autograd::Verdict;
using Tensors = std::vector<Tensor>;

constexpr std::size_t kWorstShown = 3, kWrongColumnsStudied = 3;
constexpr double kSmallestScale = 1e-6;

Shape index_of(std::size_t flat, const Shape& size) {
  Shape r = size;
  for (int d = size.size() - 1; d >= 0; --d) {
    r[d] = static_cast<std::int64_t>(flat) % size[d];
    flat /= static_cast<std::size_t>(size[d]);
  }
  return r;
}

double relative_error(double a, double b) {
  const double larger = std::max(std::abs(a), std::abs(b));
  return a == b ? 0 : std::abs(a - b) / larger;
}

class InputCheck {
 public:
  InputCheck(const CheckedFn& f, const Tensor& x, AnalyticPart a, const GradcheckOptions& o)
      : f_(f), x_(x), analytic_(a.jacobian), reached_(a.reached), options_(o) {
    for (std::size_t k = 0; k < elements(); ++k) {
      const Values c = central_difference(f_, {x_, index_of(k, x_.sizes())}, o.eps);
      numeric_.insert(numeric_.end(), c.begin(), c.end());
    }
    double scale = kSmallestScale;
    for (double n : numeric_)
      if (std::isfinite(n)) scale = std::max(scale, std::abs(n));
    tolerance_ = {o.atol * std::min(scale, 1.0), o.atol, o.rtol};
    middle_ = f_();
  }

  void run(GradcheckInput& r, const Tensors& outputs) {
    std::vector<std::pair<double, std::size_t>> bad = bad_columns();
    std::size_t wrong = 0;
    for (const auto& column : bad) {
      if (wrong == kWrongColumnsStudied) break;
      wrong += study(column.second);
    }
    r.checked = numeric_.size();
    r.failed = static_cast<std::size_t>(
        std::count_if(numeric_.begin(), numeric_.end(),
                      [&, at = std::size_t(0)](double) mutable { return error(at++) > 1; }));
    fill_worst(r, outputs);
  }

 private:
  struct Finding {
    std::size_t at;
    double numeric;
    Verdict verdict;
  };

  std::size_t elements() const { return static_cast<std::size_t>(x_.numel()); }

  // The distance in tolerances; above 1 is a disagreement.
  double error(std::size_t at) const {
    const double a = analytic_[at], n = numeric_[at];
    if (a == n) return 0;
    const double rounding = 16 * std::numeric_limits<double>::epsilon() *
                            std::abs(middle_[at % f_.size]) / options_.eps;
    const double e = std::abs(a - n) / tolerance_.of(n, rounding);
    return std::isfinite(e) ? e : std::numeric_limits<double>::infinity();
  }

  std::vector<std::pair<double, std::size_t>> bad_columns() const {
    std::vector<std::pair<double, std::size_t>> r;
    for (std::size_t k = 0; k < elements(); ++k) {
      double worst = 0;
      for (std::size_t j = 0; j < f_.size; ++j) worst = std::max(worst, error(k * f_.size + j));
      if (worst > 1) r.emplace_back(worst, k);
    }
    std::sort(r.rbegin(), r.rend());
    return r;
  }

  bool study(std::size_t k) {
    const bool wide = x_.dtype() == kFloat64;
    std::optional<StepSweep> sweep;
    if (wide) sweep.emplace(f_, Nudge{x_, index_of(k, x_.sizes())}, options_.eps);
    bool wrong = false;
    for (std::size_t j = 0; j < f_.size; ++j) {
      const std::size_t at = k * f_.size + j;
      if (error(at) <= 1) continue;
      Finding found{at, numeric_[at], reached_[j] ? Verdict::float32_input : Verdict::no_graph};
      if (reached_[j] && wide)
        found.verdict = sweep->judge(j, analytic_[at], tolerance_, found.numeric);
      wrong |= found.verdict >= Verdict::float32_input;
      findings_.push_back(found);
    }
    return wrong;
  }

  void fill_worst(GradcheckInput& r, const Tensors& outputs) {
    if (findings_.empty() && !numeric_.empty()) {
      std::size_t worst = 0;
      for (std::size_t at = 0; at < numeric_.size(); ++at)
        if (error(at) > error(worst)) worst = at;
      findings_.push_back({worst, numeric_[worst], Verdict::ok});
    }
    std::stable_sort(findings_.begin(), findings_.end(), [&](const Finding& a, const Finding& b) {
      return a.verdict != b.verdict ? a.verdict > b.verdict : error(a.at) > error(b.at);
    });
    for (const Finding& f : findings_) {
      r.verdict = std::max(r.verdict, f.verdict);
      if (r.worst.size() < kWorstShown) r.worst.push_back(element(f, outputs));
    }
  }

  GradcheckElement element(const Finding& f, const Tensors& outputs) const {
    GradcheckElement e;
    std::size_t value = f.at % f_.size;
    while (!outputs[e.output].is_floating_point() ||
           value >= static_cast<std::size_t>(outputs[e.output].numel())) {
      const Tensor& y = outputs[e.output++];
      if (y.is_floating_point()) value -= static_cast<std::size_t>(y.numel());
    }
    e.index = index_of(f.at / f_.size, x_.sizes());
    e.output_index = index_of(value, outputs[e.output].sizes());
    e.analytic = analytic_[f.at];
    e.numeric = f.numeric;
    e.relative = relative_error(e.analytic, e.numeric);
    e.verdict = f.verdict;
    return e;
  }

  const CheckedFn& f_;
  const Tensor& x_;
  const Values& analytic_;
  const std::vector<bool>& reached_;
  const GradcheckOptions& options_;
  Values numeric_, middle_;
  Tolerance tolerance_{};
  std::vector<Finding> findings_;
};

}  // namespace

void check_input(const CheckedFn& f, const Tensor& x, AnalyticPart a, const Tensors& outputs,
                 const GradcheckOptions& o, GradcheckInput& r) {
  if (f.size > 0) InputCheck(f, x, a, o).run(r, outputs);
}

}  // namespace downhill::detail

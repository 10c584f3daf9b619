// Derivatives by differences, and what to think of them where they disagree with backward.
#pragma once
#include <downhill/autograd/gradcheck.h>

namespace downhill::detail {

using Values = std::vector<double>;

/// All elements of the floating-point outputs, in order.
Values values_of(const std::vector<Tensor>& outputs);

/// A function of tensors as one of numbers.
struct CheckedFn {
  const GradcheckFn& fn;
  const std::vector<Tensor>& inputs;
  std::size_t size;  ///< of its values
  Values operator()() const;
};

/// Changes one element of an input in place; the destructor puts it back.
class Nudge {
 public:
  Nudge(const Tensor& x, const Shape& index);
  ~Nudge() { set(original_); }
  Nudge(const Nudge&) = delete;
  Nudge& operator=(const Nudge&) = delete;
  double original() const { return original_; }
  /// Returns what the element's dtype made of it.
  double set(double value) const;

 private:
  void* data_;
  DType dtype_;
  double original_;
};

/// d values / d element by central differences.
Values central_difference(const CheckedFn& f, const Nudge& x, double eps);

struct Tolerance {
  double absolute, capped,
      relative;  ///< capped: the most that rounding may add to the absolute one
  double of(double numeric, double rounding) const;
};

/// Values along one input element, at steps from coarse to fine on both sides of the point.
class StepSweep {
 public:
  StepSweep(const CheckedFn& f, const Nudge& x, double eps);
  /// What to make of value j, whose analytic derivative is not the plain difference. `numeric`
  /// becomes the sweep's derivative where that decides.
  autograd::Verdict judge(std::size_t j, double analytic, const Tolerance& t,
                          double& numeric) const;

 private:
  struct Sample {
    double down, up;  // steps
    Values below, above;
  };
  struct Slopes {
    double left, right;
  };
  struct Estimate {
    double value, error;
  };
  Sample sample(const CheckedFn& f, const Nudge& x, double h) const;
  Slopes slopes(const Sample& s, std::size_t j) const;
  bool is_kink(std::size_t j, double analytic, const Tolerance& t) const;
  double noise(std::size_t j) const;
  Estimate estimate(std::size_t j) const;

  Values middle_;
  Sample near_, far_;  // at eps and 16 eps
  std::vector<Sample> ladder_;
};

/// What backward says of one input: [element * values + value], and whether it says anything.
struct AnalyticPart {
  const Values& jacobian;
  const std::vector<bool>& reached;
};
/// Compares it with differences and notes what was found.
void check_input(const CheckedFn& f, const Tensor& x, AnalyticPart a,
                 const std::vector<Tensor>& outputs, const autograd::GradcheckOptions& o,
                 autograd::GradcheckInput& r);

}  // namespace downhill::detail

// Optimizers whose rule is one formula an element: the driver runs it over all parameters at once.
#pragma once
#include <downhill/optim/optimizer.h>

#include <cstddef>
#include <memory>
#include <new>

#pragma GCC visibility push(default)
namespace downhill::detail {
struct MultiRule;
struct TensorImpl;
}  // namespace downhill::detail

namespace downhill::optim {

/// A rule and its coefficients for one step.
class RuleAtStep {
 public:
  template <class Coefficients>
  void set(const detail::MultiRule& rule, const Coefficients& coefficients) {
    static_assert(sizeof(Coefficients) <= sizeof bytes_);
    ::new (bytes_) Coefficients(coefficients);
    rule_ = &rule;
  }
  const detail::MultiRule& rule() const { return *rule_; }
  const void* coefficients() const { return bytes_; }

 private:
  const detail::MultiRule* rule_ = nullptr;
  alignas(double) std::byte bytes_[128];
};

class ElementwiseOptimizer : public Optimizer {
 public:
  ~ElementwiseOptimizer() override;

 protected:
  ElementwiseOptimizer(std::string_view name, ParamGroup defaults);

  /// The rule (whose operands are p, g and the slots in their order) for the parameters of a group
  /// that take their step number `step`, counted from 1.
  virtual RuleAtStep rule_at(const ParamGroup& group, std::int64_t step) const = 0;
  void update(const ParamGroup& group, std::span<ParamState> states) final;

 private:
  struct Work;
  void gather(const Tensor& parameter, const Tensor& gradient, ParamState& state,
              std::size_t slots);
  void run(const ParamGroup& group, std::int64_t step);

  std::unique_ptr<Work> work_;
};

}  // namespace downhill::optim
#pragma GCC visibility pop

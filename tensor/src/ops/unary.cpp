// Pointwise ops of one tensor.
#include "../families.h"
#include "../pointwise_table.h"

namespace downhill {
namespace detail {

template <> std::vector<OpEntry> entries<UnaryOps>() { return pointwise_entries(UnaryOps{}); }

namespace {
template <class Op> Tensor unary(const Tensor& x, const Op& op = {}) {
  return call<UnaryOps>(op, x);
}
template <class Op> const Tensor& unary_(const Tensor& x, const Op& op = {}) {
  return call_<UnaryOps>(op, x);
}

op::Clamp clamp_op(std::optional<Scalar> lo, std::optional<Scalar> hi) {
  check(lo || hi, "clamp: at least one of the two bounds must be given");
  if (lo && hi && lo->to<double>() > hi->to<double>()) lo = hi;
  constexpr double inf = __builtin_inf();
  constexpr std::int64_t least = INT64_MIN, most = INT64_MAX;
  const bool integers = (!lo || lo->kind() != Scalar::Kind::floating) &&
                        (!hi || hi->kind() != Scalar::Kind::floating);
  return {lo         ? *lo
          : integers ? Scalar::bound(least, -inf)
                     : Scalar(-inf),
          hi         ? *hi
          : integers ? Scalar::bound(most, inf)
                     : Scalar(inf)};
}
}  // namespace
}  // namespace detail

using detail::unary, detail::unary_;

Tensor neg(const Tensor& x) { return unary<op::Neg>(x); }
Tensor abs(const Tensor& x) { return unary<op::Abs>(x); }
Tensor sign(const Tensor& x) { return unary<op::Sign>(x); }
Tensor square(const Tensor& x) { return unary<op::Square>(x); }
Tensor sqrt(const Tensor& x) { return unary<op::Sqrt>(x); }
Tensor exp(const Tensor& x) { return unary<op::Exp>(x); }
Tensor log(const Tensor& x) { return unary<op::Log>(x); }
Tensor tanh(const Tensor& x) { return unary<op::Tanh>(x); }
Tensor sigmoid(const Tensor& x) { return unary<op::Sigmoid>(x); }
Tensor relu(const Tensor& x) { return unary<op::Relu>(x); }
Tensor clamp(const Tensor& x, std::optional<Scalar> lo, std::optional<Scalar> hi) {
  return unary(x, detail::clamp_op(lo, hi));
}
Tensor maximum(const Tensor& a, const Scalar& b) { return clamp(a, b, {}); }
Tensor maximum(const Scalar& a, const Tensor& b) { return clamp(b, a, {}); }
Tensor minimum(const Tensor& a, const Scalar& b) { return clamp(a, {}, b); }
Tensor minimum(const Scalar& a, const Tensor& b) { return clamp(b, {}, a); }

Tensor pow(const Tensor& a, const Scalar& b) {
  detail::check_defined("pow", a);
  const double e = b.to<double>();
  const bool whole = e == static_cast<double>(b.to<std::int64_t>());
  const bool integers = !a.is_floating_point() && b.kind() != Scalar::Kind::floating;
  check(!integers || e >= 0,
        "pow: an integer tensor cannot be raised to the negative integer power {}", e);
  if (whole && e == 2 && (integers || a.is_floating_point())) return square(a);
  if (whole && std::abs(e) <= op::max_int_power && (integers || a.is_floating_point()))
    return unary(a, op::PowInt{b.to<std::int64_t>()});
  check(!integers, "pow: integer powers above {} of integer tensors are not implemented, got {}",
        op::max_int_power, e);
  return unary(a, op::PowReal{e});
}

Tensor Tensor::neg() const { return downhill::neg(*this); }
Tensor Tensor::abs() const { return downhill::abs(*this); }
Tensor Tensor::square() const { return downhill::square(*this); }
Tensor Tensor::sqrt() const { return downhill::sqrt(*this); }
Tensor Tensor::exp() const { return downhill::exp(*this); }
Tensor Tensor::log() const { return downhill::log(*this); }
Tensor Tensor::tanh() const { return downhill::tanh(*this); }
Tensor Tensor::sigmoid() const { return downhill::sigmoid(*this); }
Tensor Tensor::relu() const { return downhill::relu(*this); }
Tensor Tensor::pow(const Scalar& e) const { return downhill::pow(*this, e); }
Tensor Tensor::clamp(std::optional<Scalar> lo, std::optional<Scalar> hi) const {
  return downhill::clamp(*this, lo, hi);
}

const Tensor& Tensor::neg_() const { return unary_<op::Neg>(*this); }
const Tensor& Tensor::sqrt_() const { return unary_<op::Sqrt>(*this); }
const Tensor& Tensor::exp_() const { return unary_<op::Exp>(*this); }
const Tensor& Tensor::tanh_() const { return unary_<op::Tanh>(*this); }
const Tensor& Tensor::sigmoid_() const { return unary_<op::Sigmoid>(*this); }
const Tensor& Tensor::relu_() const { return unary_<op::Relu>(*this); }
const Tensor& Tensor::clamp_(std::optional<Scalar> lo, std::optional<Scalar> hi) const {
  return unary_(*this, detail::clamp_op(lo, hi));
}

}  // namespace downhill

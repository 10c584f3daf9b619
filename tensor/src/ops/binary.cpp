// Pointwise ops of two tensors, or of a tensor and a number.
#include "../families.h"
#include "../pointwise_table.h"

namespace downhill {
namespace detail {

template <> std::vector<OpEntry> entries<BinaryOps>() { return pointwise_entries(BinaryOps{}); }

namespace {
template <class Op> Tensor binary(const Tensor& a, const Tensor& b) {
  return call<BinaryOps>(Op{}, a, b);
}
template <class Op, bool Left = false> Tensor with_number(const Tensor& x, const Scalar& n) {
  return call<BinaryOps>(op::WithNumber<Op, Left>{n}, x);
}
template <class Op> const Tensor& binary_(const Tensor& a, const Tensor& b) {
  return call_<BinaryOps>(Op{}, a, b);
}
template <class Op> const Tensor& with_number_(const Tensor& x, const Scalar& n) {
  return call_<BinaryOps>(op::WithNumber<Op>{n}, x);
}
}  // namespace
}  // namespace detail

using detail::binary, detail::binary_, detail::with_number, detail::with_number_;

Tensor add(const Tensor& a, const Tensor& b) { return binary<op::Add>(a, b); }
Tensor add(const Tensor& a, const Scalar& b) { return with_number<op::Add>(a, b); }
Tensor sub(const Tensor& a, const Tensor& b) { return binary<op::Sub>(a, b); }
Tensor sub(const Tensor& a, const Scalar& b) { return with_number<op::Sub>(a, b); }
Tensor sub(const Scalar& a, const Tensor& b) { return with_number<op::Sub, true>(b, a); }
Tensor mul(const Tensor& a, const Tensor& b) { return binary<op::Mul>(a, b); }
Tensor mul(const Tensor& a, const Scalar& b) { return with_number<op::Mul>(a, b); }
Tensor div(const Tensor& a, const Tensor& b) { return binary<op::Div>(a, b); }
Tensor div(const Tensor& a, const Scalar& b) { return with_number<op::Div>(a, b); }
Tensor div(const Scalar& a, const Tensor& b) { return with_number<op::Div, true>(b, a); }
Tensor pow(const Tensor& a, const Tensor& b) { return binary<op::Pow>(a, b); }
Tensor maximum(const Tensor& a, const Tensor& b) { return binary<op::Maximum>(a, b); }
Tensor minimum(const Tensor& a, const Tensor& b) { return binary<op::Minimum>(a, b); }

Tensor Tensor::add(const Tensor& o) const { return downhill::add(*this, o); }
Tensor Tensor::add(const Scalar& o) const { return downhill::add(*this, o); }
Tensor Tensor::sub(const Tensor& o) const { return downhill::sub(*this, o); }
Tensor Tensor::sub(const Scalar& o) const { return downhill::sub(*this, o); }
Tensor Tensor::mul(const Tensor& o) const { return downhill::mul(*this, o); }
Tensor Tensor::mul(const Scalar& o) const { return downhill::mul(*this, o); }
Tensor Tensor::div(const Tensor& o) const { return downhill::div(*this, o); }
Tensor Tensor::div(const Scalar& o) const { return downhill::div(*this, o); }
Tensor Tensor::pow(const Tensor& e) const { return downhill::pow(*this, e); }

const Tensor& Tensor::add_(const Tensor& o) const { return binary_<op::Add>(*this, o); }
const Tensor& Tensor::add_(const Scalar& o) const { return with_number_<op::Add>(*this, o); }
const Tensor& Tensor::sub_(const Tensor& o) const { return binary_<op::Sub>(*this, o); }
const Tensor& Tensor::sub_(const Scalar& o) const { return with_number_<op::Sub>(*this, o); }
const Tensor& Tensor::mul_(const Tensor& o) const { return binary_<op::Mul>(*this, o); }
const Tensor& Tensor::mul_(const Scalar& o) const { return with_number_<op::Mul>(*this, o); }
const Tensor& Tensor::div_(const Tensor& o) const { return binary_<op::Div>(*this, o); }
const Tensor& Tensor::div_(const Scalar& o) const { return with_number_<op::Div>(*this, o); }

}  // namespace downhill

// Comparisons, logic on bool tensors, and choosing between tensors.
#include <downhill/tensor/factory.h>

#include "../families.h"
#include "../pointwise_table.h"

namespace downhill {
namespace detail {

template <> std::vector<OpEntry> entries<CompareOps>() { return pointwise_entries(CompareOps{}); }

namespace {
template <class Op> Tensor compare(const Tensor& a, const Tensor& b) {
  return call<CompareOps>(Op{}, a, b);
}
template <class Op> Tensor compare(const Tensor& a, const Scalar& b) {
  return call<CompareOps>(op::WithNumber<Op>{b}, a);
}

void check_bool(const char* op, const Tensor& t) {
  check_defined(op, t);
  check(t.dtype() == kBool, "{}: needs a bool tensor, got {}", op, name_of(t.dtype()));
}
}  // namespace
}  // namespace detail

using detail::compare;

Tensor lt(const Tensor& a, const Tensor& b) { return compare<op::Lt>(a, b); }
Tensor lt(const Tensor& a, const Scalar& b) { return compare<op::Lt>(a, b); }
Tensor le(const Tensor& a, const Tensor& b) { return compare<op::Le>(a, b); }
Tensor le(const Tensor& a, const Scalar& b) { return compare<op::Le>(a, b); }
Tensor gt(const Tensor& a, const Tensor& b) { return compare<op::Gt>(a, b); }
Tensor gt(const Tensor& a, const Scalar& b) { return compare<op::Gt>(a, b); }
Tensor ge(const Tensor& a, const Tensor& b) { return compare<op::Ge>(a, b); }
Tensor ge(const Tensor& a, const Scalar& b) { return compare<op::Ge>(a, b); }
Tensor eq(const Tensor& a, const Tensor& b) { return compare<op::Eq>(a, b); }
Tensor eq(const Tensor& a, const Scalar& b) { return compare<op::Eq>(a, b); }
Tensor ne(const Tensor& a, const Tensor& b) { return compare<op::Ne>(a, b); }
Tensor ne(const Tensor& a, const Scalar& b) { return compare<op::Ne>(a, b); }

Tensor operator&(const Tensor& a, const Tensor& b) {
  detail::check_bool("operator&", a), detail::check_bool("operator&", b);
  return minimum(a, b);
}
Tensor operator|(const Tensor& a, const Tensor& b) {
  detail::check_bool("operator|", a), detail::check_bool("operator|", b);
  return maximum(a, b);
}
Tensor operator~(const Tensor& a) {
  detail::check_bool("operator~", a);
  return eq(a, false);
}

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  return detail::call<detail::CompareOps>(op::Where{}, condition, a, b);
}
Tensor where(const Tensor& condition, const Tensor& a, const Scalar& b) {
  return where(condition, a, detail::number_tensor(b));
}
Tensor where(const Tensor& condition, const Scalar& a, const Tensor& b) {
  return where(condition, detail::number_tensor(a), b);
}
Tensor where(const Tensor& condition, const Scalar& a, const Scalar& b) {
  return where(condition, detail::number_tensor(a), detail::number_tensor(b));
}
Tensor masked_fill(const Tensor& x, const Tensor& mask, const Scalar& value) {
  detail::check_defined("masked_fill", x);
  detail::check_bool("masked_fill", mask);
  detail::broadcast("masked_fill", x.sizes(), mask.sizes());
  return where(mask, detail::number_tensor(value), x).to(x.dtype());
}
Tensor Tensor::masked_fill(const Tensor& mask, const Scalar& value) const {
  return downhill::masked_fill(*this, mask, value);
}

}  // namespace downhill

// Our side: how our tensors are made from the common data.
#pragma once
#include <downhill/downhill.h>

#include "harness.h"
#include "rows.h"

namespace bench::ours {

using namespace downhill;

inline Tensor constant(const std::vector<float>& x, const Shape& size) {
  return tensor(x).reshape(size);
}
inline Tensor constant(std::int64_t n, std::uint64_t seed) { return tensor(uniform(n, seed)); }
inline Tensor parameter(std::int64_t n, std::uint64_t seed) {
  return constant(n, seed).requires_grad_();
}
inline Numbers summary(const Tensor& x) {
  const Tensor c = x.detach().contiguous();
  return bench::summary(c.data_ptr<float>(), c.numel());
}

/// A row that is one expression: its value is the result.
template <class F> class Expression {
 public:
  explicit Expression(F f) : f_(std::move(f)) {}
  void step() { keep(f_()); }
  Numbers result() { return summary(f_()); }

 private:
  F f_;
};

template <class F> std::unique_ptr<Workload> expression(F f) {
  return std::make_unique<Steps<Expression<F>>>(std::move(f));
}

}  // namespace bench::ours

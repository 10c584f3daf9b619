// libtorch's side: how its tensors are made from the common data.
#pragma once
#include <torch/torch.h>

#include "harness.h"
#include "rows.h"

namespace bench::libtorch {

inline at::Tensor constant(const std::vector<float>& x, at::IntArrayRef size) {
  return torch::tensor(x).reshape(size);
}
inline at::Tensor constant(std::int64_t n, std::uint64_t seed) {
  return torch::tensor(uniform(n, seed));
}
inline at::Tensor parameter(std::int64_t n, std::uint64_t seed) {
  return constant(n, seed).requires_grad_();
}
inline Numbers summary(const at::Tensor& x) {
  const at::Tensor c = x.detach().contiguous();
  return bench::summary(c.data_ptr<float>(), c.numel());
}

/// A row that is one expression: its value is the result. `Guard` is alive while it runs.
template <class F, class Guard> class Expression {
 public:
  explicit Expression(F f) : f_(std::move(f)) {}
  void step() { keep(f_()); }
  Numbers result() { return summary(f_()); }

 private:
  Guard guard_;
  F f_;
};
struct NoGuard {
  NoGuard() {}
};

/// The expression as user code would have it ...
template <class F> std::unique_ptr<Workload> expression(F f) {
  return std::make_unique<Steps<Expression<F, NoGuard>>>(std::move(f));
}
/// ... and under libtorch's fastest mode without recording.
template <class F> std::unique_ptr<Workload> inference(F f) {
  return std::make_unique<Steps<Expression<F, c10::InferenceMode>>>(std::move(f));
}

}  // namespace bench::libtorch

// Double backward by hand. With a = tanh(x W^T + b), u = (1 - a^2) w (w: the second layer's weight)
// and d = u W = ds/dx, the loss is mean((|d| - 1)^2), and from its gradient e in d follow
// du = e W^T, dw = sum du (1 - a^2), dz = -2 a (1 - a^2) w du (in x W^T + b),
// dW = u^T e + dz^T x, db = sum dz.
#include <cmath>

#include "floor.h"
#include "models.h"

namespace bench::floor {
namespace {

struct PenaltyStep {
  explicit PenaltyStep(const Penalty& p)
      : size(p), data(p), w(data.weights), x(data.x), a(p.batch * p.hidden), u(a.size()),
        du(a.size()), d(p.batch * p.inputs) {}

  void step() {
    forward();
    differentiate();
    to_inputs();
    loss = penalize();
    to_u();
    differentiate_twice();
    from_u(), from_z();
    column_sums(du.data(), w.grad(1), size.batch, size.hidden);
  }
  void differentiate() {
    const float* weight = w.value(2);
    for (std::int64_t i = 0; i < a.size(); ++i) a[i] = std::tanh(a[i]);
    for (std::int64_t i = 0; i < size.batch; ++i)
      for (std::int64_t j = 0; j < size.hidden; ++j) {
        const std::int64_t k = i * size.hidden + j;
        u[k] = (1 - a[k] * a[k]) * weight[j];
      }
  }
  /// The loss; d becomes its gradient.
  double penalize() {
    double sum = 0;
    for (std::int64_t i = 0; i < size.batch; ++i) {
      float* row = d.data() + i * size.inputs;
      float squares = 0;
      for (std::int64_t j = 0; j < size.inputs; ++j) squares += row[j] * row[j];
      const float norm = std::sqrt(squares);
      const float factor = 2 * (norm - 1) / norm / static_cast<float>(size.batch);
      for (std::int64_t j = 0; j < size.inputs; ++j) row[j] *= factor;
      sum += (norm - 1) * (norm - 1);
    }
    return sum / static_cast<double>(size.batch);
  }
  /// du becomes dz.
  void differentiate_twice() {
    const float* weight = w.value(2);
    float* dweight = w.grad(2);
    for (std::int64_t j = 0; j < size.hidden; ++j) dweight[j] = 0;
    for (std::int64_t i = 0; i < size.batch; ++i)
      for (std::int64_t j = 0; j < size.hidden; ++j) {
        const std::int64_t k = i * size.hidden + j;
        const float slope = 1 - a[k] * a[k];
        dweight[j] += du[k] * slope;
        du[k] *= -2 * a[k] * slope * weight[j];
      }
  }
  Numbers result() {
    step();
    const std::int64_t n = size.hidden * size.inputs;
    Numbers all = join({loss}, summary(w.grad(0), n));
    return join(join(all, summary(w.grad(1), size.hidden)), summary(w.grad(2), size.hidden));
  }

  Penalty size;
  PenaltyData data;
  Parameters w;
  Buffer x, a, u, du, d;
  double loss = 0;
  Product forward{{.m = size.batch,
                   .n = size.hidden,
                   .k = size.inputs,
                   .a = x.data(),
                   .b = w.value(0),
                   .c = a.data(),
                   .b_transposed = true,
                   .bias = w.value(1)}};
  Product to_inputs{{.m = size.batch,
                     .n = size.inputs,
                     .k = size.hidden,
                     .a = u.data(),
                     .b = w.value(0),
                     .c = d.data()}};
  Product to_u{{.m = size.batch,
                .n = size.hidden,
                .k = size.inputs,
                .a = d.data(),
                .b = w.value(0),
                .c = du.data(),
                .b_transposed = true}};
  Product from_u{{.m = size.hidden,
                  .n = size.inputs,
                  .k = size.batch,
                  .a = u.data(),
                  .b = d.data(),
                  .c = w.grad(0),
                  .a_transposed = true}};
  Product from_z{{.m = size.hidden,
                  .n = size.inputs,
                  .k = size.batch,
                  .a = du.data(),
                  .b = x.data(),
                  .c = w.grad(0),
                  .a_transposed = true,
                  .accumulate = true}};
};

const Part part("floor", [](Contender& c) { c.add(name(penalty), maker<PenaltyStep>(penalty)); });

}  // namespace
}  // namespace bench::floor

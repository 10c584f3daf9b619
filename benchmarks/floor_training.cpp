// Training steps by hand.
#include "floor.h"
#include "models.h"

namespace bench::floor {
namespace {

struct MlpStep {
  explicit MlpStep(const Mlp& m)
      : size(m), data(m), w(data.weights), moment1(w.p.size()), moment2(w.p.size()), x(data.x),
        h(m.batch * m.hidden), dh(h.size()), s(m.batch * m.classes) {}
  void step() {
    const auto& y = data.targets[static_cast<std::size_t>(steps++ % target_sets)];
    forward1(), forward2();
    cross_entropy(s.data(), y.data(), size.batch, size.classes);
    backward_w2(), backward_h();
    column_sums(s.data(), w.grad(3), size.batch, size.classes);
    relu_backward(dh.data(), h.data(), dh.size());
    backward_w1();
    column_sums(dh.data(), w.grad(1), size.batch, size.hidden);
    adamw(w.p.data(), w.g.data(), moment1.data(), moment2.data(), w.p.size(), steps);
  }
  Numbers result() {
    forward1(), forward2();
    const double loss = cross_entropy(s.data(), data.targets[0].data(), size.batch, size.classes);
    const std::int64_t n = size.hidden * size.inputs;
    return join({loss}, join(summary(w.grad(0), n), summary(w.value(0), n)));
  }

  Mlp size;
  MlpData data;
  Parameters w;
  Buffer moment1, moment2, x, h, dh, s;
  std::int64_t steps = 0;
  Product forward1{{.m = size.batch,
                    .n = size.hidden,
                    .k = size.inputs,
                    .a = x.data(),
                    .b = w.value(0),
                    .c = h.data(),
                    .b_transposed = true,
                    .bias = w.value(1),
                    .relu = true}};
  Product forward2{{.m = size.batch,
                    .n = size.classes,
                    .k = size.hidden,
                    .a = h.data(),
                    .b = w.value(2),
                    .c = s.data(),
                    .b_transposed = true,
                    .bias = w.value(3)}};
  Product backward_w2{{.m = size.classes,
                       .n = size.hidden,
                       .k = size.batch,
                       .a = s.data(),
                       .b = h.data(),
                       .c = w.grad(2),
                       .a_transposed = true}};
  Product backward_h{{.m = size.batch,
                      .n = size.hidden,
                      .k = size.classes,
                      .a = s.data(),
                      .b = w.value(2),
                      .c = dh.data()}};
  Product backward_w1{{.m = size.hidden,
                       .n = size.inputs,
                       .k = size.batch,
                       .a = dh.data(),
                       .b = x.data(),
                       .c = w.grad(0),
                       .a_transposed = true}};
};

struct ClassifierStep {
  explicit ClassifierStep(const Classifier& c)
      : size(c), data(c), w(data.weights), x(data.x), s(c.batch * c.classes) {}
  void step() {
    loss(data.targets[static_cast<std::size_t>(steps++ % target_sets)]);
    backward();
    column_sums(s.data(), w.grad(1), size.batch, size.classes);
    sgd(w.p.data(), w.g.data(), w.p.size(), static_cast<float>(sgd_lr));
  }
  double loss(const std::vector<std::int64_t>& y) {
    forward();
    const auto f = size.hinge ? multiclass_hinge : cross_entropy;
    return f(s.data(), y.data(), size.batch, size.classes);
  }
  Numbers result() {
    const std::int64_t n = size.classes * size.inputs;
    return join({loss(data.targets[0])}, join(summary(w.grad(0), n), summary(w.value(0), n)));
  }

  Classifier size;
  ClassifierData data;
  Parameters w;
  Buffer x, s;
  std::int64_t steps = 0;
  Product forward{{.m = size.batch,
                   .n = size.classes,
                   .k = size.inputs,
                   .a = x.data(),
                   .b = w.value(0),
                   .c = s.data(),
                   .b_transposed = true,
                   .bias = w.value(1)}};
  Product backward{{.m = size.classes,
                    .n = size.inputs,
                    .k = size.batch,
                    .a = s.data(),
                    .b = x.data(),
                    .c = w.grad(0),
                    .a_transposed = true}};
};

const Part part("floor", [](Contender& c) {
  for (const Mlp& m : mlps) c.add(name(m), maker<MlpStep>(m));
  for (const Classifier& k : classifiers) c.add(name(k), maker<ClassifierStep>(k));
});

}  // namespace
}  // namespace bench::floor

#include "models.h"
#include "ours_tools.h"

namespace bench::ours {
namespace {

namespace F = nn::functional;

nn::Linear make_linear(const Arrays& weights, std::size_t first, std::int64_t in,
                       std::int64_t out) {
  nn::Linear layer(in, out);
  const NoGradGuard guard;
  layer->weight.copy_(constant(weights[first], {out, in}));
  layer->bias.copy_(tensor(weights[first + 1]));
  return layer;
}

std::vector<Tensor> tensors(const std::vector<std::vector<std::int64_t>>& lists) {
  std::vector<Tensor> all;
  for (const auto& list : lists) all.push_back(tensor(list));
  return all;
}

struct Net : nn::Module {
  Net(const Mlp& m, const Arrays& weights)
      : fc1(register_module("fc1", make_linear(weights, 0, m.inputs, m.hidden))),
        fc2(register_module("fc2", make_linear(weights, 2, m.hidden, m.classes))) {}
  Tensor forward(const Tensor& x) { return fc2(relu(fc1(x))); }
  nn::Linear fc1, fc2;
};

struct MlpStep {
  explicit MlpStep(const Mlp& m) : MlpStep(m, MlpData(m)) {}
  MlpStep(const Mlp& m, const MlpData& data)
      : net(m, data.weights), x(constant(data.x, {m.batch, m.inputs})),
        targets(tensors(data.targets)),
        optimizer(net.parameters(), {.lr = adamw_lr, .weight_decay = adamw_decay}) {}
  Tensor loss(const Tensor& y) { return F::cross_entropy(net.forward(x), y); }
  void step() {
    optimizer.zero_grad();
    loss(targets[static_cast<std::size_t>(steps++ % target_sets)]).backward();
    optimizer.step();
  }
  Numbers result() {
    return join({loss(targets[0]).item()},
                join(summary(net.fc1->weight.grad()), summary(net.fc1->weight)));
  }
  Net net;
  Tensor x;
  std::vector<Tensor> targets;
  optim::AdamW optimizer;
  std::int64_t steps = 0;
};

struct ClassifierStep {
  explicit ClassifierStep(const Classifier& c) : ClassifierStep(c, ClassifierData(c)) {}
  ClassifierStep(const Classifier& c, const ClassifierData& data)
      : hinge(c.hinge), fc(make_linear(data.weights, 0, c.inputs, c.classes)),
        x(constant(data.x, {c.batch, c.inputs})), targets(tensors(data.targets)),
        optimizer(fc->parameters(), {.lr = sgd_lr}) {}
  Tensor loss(const Tensor& y) {
    return hinge ? F::multiclass_hinge_loss(fc(x), y) : F::cross_entropy(fc(x), y);
  }
  void step() {
    optimizer.zero_grad();
    loss(targets[static_cast<std::size_t>(steps++ % target_sets)]).backward();
    optimizer.step();
  }
  Numbers result() {
    return join({loss(targets[0]).item()}, join(summary(fc->weight.grad()), summary(fc->weight)));
  }
  bool hinge;
  nn::Linear fc;
  Tensor x;
  std::vector<Tensor> targets;
  optim::SGD optimizer;
  std::int64_t steps = 0;
};

struct PenaltyStep {
  explicit PenaltyStep(const Penalty& p) : PenaltyStep(p, PenaltyData(p)) {}
  PenaltyStep(const Penalty& p, const PenaltyData& data)
      : fc1(make_linear(data.weights, 0, p.inputs, p.hidden)),
        fc2(make_linear(data.weights, 2, p.hidden, 1)),
        x(constant(data.x, {p.batch, p.inputs}).requires_grad_()) {}
  void step() {
    const Tensor s = fc2(tanh(fc1(x))).sum();
    const Tensor d = autograd::grad({s}, {x}, {}, {}, true)[0];
    loss = (d.square().sum({1}).sqrt() - 1).square().mean();
    gradients = autograd::grad({loss}, {fc1->weight, fc1->bias, fc2->weight});
    loss = loss.detach();
  }
  Numbers result() {
    Numbers all{loss.item()};
    for (const auto& g : gradients) all = join(all, summary(g));
    return all;
  }
  nn::Linear fc1, fc2;
  Tensor x, loss;
  std::vector<Tensor> gradients;
};

template <class Optimizer, class Options> struct BigStep {
  explicit BigStep(const Options& options)
      : p(parameter(optimizer_size, 1)), optimizer(std::vector<Tensor>{p}, options) {
    p.mutable_grad() = constant(optimizer_size, 2);
  }
  void step() { optimizer.step(); }
  Numbers result() { return summary(p); }
  Tensor p;
  Optimizer optimizer;
};

const Part part("ours", [](Contender& c) {
  for (const Mlp& m : mlps) c.add(name(m), maker<MlpStep>(m));
  for (const Classifier& k : classifiers) c.add(name(k), maker<ClassifierStep>(k));
  c.add(name(penalty), maker<PenaltyStep>(penalty));
  const optim::AdamWOptions adamw{.lr = adamw_lr, .weight_decay = adamw_decay};
  const optim::SGDOptions sgd{.lr = sgd_lr, .momentum = bench::momentum};
  c.add(adamw_step, maker<BigStep<optim::AdamW, optim::AdamWOptions>>(adamw));
  c.add(momentum_step, maker<BigStep<optim::SGD, optim::SGDOptions>>(sgd));
});

}  // namespace
}  // namespace bench::ours

#include <ATen/Parallel.h>
#include <dlfcn.h>

#include "libtorch_tools.h"
#include "models.h"

namespace bench::libtorch {
namespace {

namespace F = torch::nn::functional;

torch::nn::Linear make_linear(const Arrays& weights, std::size_t first, std::int64_t in,
                              std::int64_t out) {
  torch::nn::Linear layer(in, out);
  const torch::NoGradGuard guard;
  layer->weight.copy_(constant(weights[first], {out, in}));
  layer->bias.copy_(torch::tensor(weights[first + 1]));
  return layer;
}

std::vector<at::Tensor> tensors(const std::vector<std::vector<std::int64_t>>& lists) {
  std::vector<at::Tensor> all;
  for (const auto& list : lists) all.push_back(torch::tensor(list));
  return all;
}

/// Drops the gradients, as Python's zero_grad does; 1.13's own in C++ fills them with zeros.
void drop_gradients(torch::optim::Optimizer& optimizer) {
  for (auto& group : optimizer.param_groups())
    for (auto& p : group.params()) p.mutable_grad().reset();
}

struct Net : torch::nn::Module {
  Net(const Mlp& m, const Arrays& weights)
      : fc1(register_module("fc1", make_linear(weights, 0, m.inputs, m.hidden))),
        fc2(register_module("fc2", make_linear(weights, 2, m.hidden, m.classes))) {}
  at::Tensor forward(const at::Tensor& x) { return fc2(torch::relu(fc1(x))); }
  torch::nn::Linear fc1, fc2;
};

struct MlpStep {
  explicit MlpStep(const Mlp& m) : MlpStep(m, MlpData(m)) {}
  MlpStep(const Mlp& m, const MlpData& data)
      : net(m, data.weights), x(constant(data.x, {m.batch, m.inputs})),
        targets(tensors(data.targets)),
        optimizer(net.parameters(),
                  torch::optim::AdamWOptions(adamw_lr).weight_decay(adamw_decay)) {}
  at::Tensor loss(const at::Tensor& y) { return F::cross_entropy(net.forward(x), y); }
  void step() {
    drop_gradients(optimizer);
    loss(targets[static_cast<std::size_t>(steps++ % target_sets)]).backward();
    optimizer.step();
  }
  Numbers result() {
    return join({loss(targets[0]).item<double>()},
                join(summary(net.fc1->weight.grad()), summary(net.fc1->weight)));
  }
  Net net;
  at::Tensor x;
  std::vector<at::Tensor> targets;
  torch::optim::AdamW optimizer;
  std::int64_t steps = 0;
};

struct ClassifierStep {
  explicit ClassifierStep(const Classifier& c) : ClassifierStep(c, ClassifierData(c)) {}
  ClassifierStep(const Classifier& c, const ClassifierData& data)
      : hinge(c.hinge), fc(make_linear(data.weights, 0, c.inputs, c.classes)),
        x(constant(data.x, {c.batch, c.inputs})), targets(tensors(data.targets)),
        optimizer(fc->parameters(), torch::optim::SGDOptions(sgd_lr)) {}
  /// torch divides the hinge loss by the number of classes.
  at::Tensor loss(const at::Tensor& y) {
    const at::Tensor s = fc(x);
    if (!hinge) return F::cross_entropy(s, y);
    return F::multi_margin_loss(s, y) * s.size(1);
  }
  void step() {
    drop_gradients(optimizer);
    loss(targets[static_cast<std::size_t>(steps++ % target_sets)]).backward();
    optimizer.step();
  }
  Numbers result() {
    return join({loss(targets[0]).item<double>()},
                join(summary(fc->weight.grad()), summary(fc->weight)));
  }
  bool hinge;
  torch::nn::Linear fc;
  at::Tensor x;
  std::vector<at::Tensor> targets;
  torch::optim::SGD optimizer;
  std::int64_t steps = 0;
};

struct PenaltyStep {
  explicit PenaltyStep(const Penalty& p) : PenaltyStep(p, PenaltyData(p)) {}
  PenaltyStep(const Penalty& p, const PenaltyData& data)
      : fc1(make_linear(data.weights, 0, p.inputs, p.hidden)),
        fc2(make_linear(data.weights, 2, p.hidden, 1)),
        x(constant(data.x, {p.batch, p.inputs}).requires_grad_()) {}
  void step() {
    const at::Tensor s = fc2(torch::tanh(fc1(x))).sum();
    const at::Tensor d = torch::autograd::grad({s}, {x}, {}, {}, true)[0];
    loss = (d.square().sum(1).sqrt() - 1).square().mean();
    gradients = torch::autograd::grad({loss}, {fc1->weight, fc1->bias, fc2->weight});
    loss = loss.detach();
  }
  Numbers result() {
    Numbers all{loss.item<double>()};
    for (const auto& g : gradients) all = join(all, summary(g));
    return all;
  }
  torch::nn::Linear fc1, fc2;
  at::Tensor x, loss;
  std::vector<at::Tensor> gradients;
};

template <class Optimizer> struct BigStep {
  explicit BigStep(at::Tensor parameter, Optimizer o) : p(parameter), optimizer(std::move(o)) {
    p.mutable_grad() = constant(optimizer_size, 2);
  }
  void step() { optimizer.step(); }
  Numbers result() { return summary(p); }
  at::Tensor p;
  Optimizer optimizer;
};

std::unique_ptr<Workload> adamw_workload() {
  const auto p = parameter(optimizer_size, 1);
  const std::vector<at::Tensor> list{p};
  torch::optim::AdamW optimizer(list,
                                torch::optim::AdamWOptions(adamw_lr).weight_decay(adamw_decay));
  return std::make_unique<Steps<BigStep<torch::optim::AdamW>>>(p, std::move(optimizer));
}
std::unique_ptr<Workload> momentum_workload() {
  const auto p = parameter(optimizer_size, 1);
  const std::vector<at::Tensor> list{p};
  torch::optim::SGD optimizer(list, torch::optim::SGDOptions(sgd_lr).momentum(momentum));
  return std::make_unique<Steps<BigStep<torch::optim::SGD>>>(p, std::move(optimizer));
}

/// The line of at::get_parallel_info that begins so.
std::string parallel_info(const std::string& beginning) {
  std::istringstream lines(at::get_parallel_info());
  for (std::string line; std::getline(lines, line);)
    if (const auto at = line.find(beginning); at != std::string::npos) return line.substr(at);
  return "";
}

std::string start(int threads) {
  at::set_num_threads(threads);
  at::set_num_interop_threads(1);
  using Name = char* (*)();
  const auto core = reinterpret_cast<Name>(dlsym(RTLD_DEFAULT, "openblas_get_corename"));
  const std::string blas = core ? std::string("OpenBLAS for ") + core() : "unknown BLAS";
  return std::string("libtorch ") + TORCH_VERSION + ", " + blas + ", " +
         parallel_info("at::get_num_threads");
}

const Part part("libtorch", [](Contender& c) {
  c.start = start;
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
    c.environments.push_back({{"OPENBLAS_CORETYPE", "SkylakeX"}});
#endif
  for (const Mlp& m : mlps) c.add(name(m), maker<MlpStep>(m));
  for (const Classifier& k : classifiers) c.add(name(k), maker<ClassifierStep>(k));
  c.add(name(penalty), maker<PenaltyStep>(penalty));
  c.add(adamw_step, adamw_workload);
  c.add(momentum_step, momentum_workload);
});

}  // namespace
}  // namespace bench::libtorch

// A two-layer network on Fashion-MNIST: checks its gradients, trains, tests, saves, reloads.
// `two_layer_net --help` lists the options. Without the data set it trains on a spiral instead.
#include <memory>

#include "common.h"

using namespace downhill;
namespace F = nn::functional;

namespace {

struct Options : examples::TrainingOptions {
  Options() : TrainingOptions{.epochs = 15, .lr = 3e-3} {}
  std::int64_t hidden = 128;
  double weight_decay = 1e-2;
  std::string optimizer = "adamw", data, save = "two_layer_net.safetensors";
};

struct TwoLayerNet : nn::Module {
  nn::Linear fc1, fc2;
  TwoLayerNet(std::int64_t in, std::int64_t hidden, std::int64_t classes)
      : fc1(register_module("fc1", nn::Linear(in, hidden))),
        fc2(register_module("fc2", nn::Linear(hidden, classes))) {}
  Tensor forward(const Tensor& x) { return fc2(relu(fc1(x))); }
};

Options parse(int argc, char** argv) {
  Options o;
  CLI::App app{"Trains a two-layer network on Fashion-MNIST."};
  examples::add_training_options(app, o);
  app.add_option("--hidden", o.hidden, "units in the hidden layer")->check(examples::positive);
  app.add_option("--optimizer", o.optimizer)
      ->check(CLI::IsMember({"adamw", "adam", "sgd", "momentum", "nesterov"}));
  app.add_option("--weight-decay", o.weight_decay, "of the optimizer")
      ->check(examples::not_negative);
  app.add_option("--data", o.data, "folder with the IDX files; default: the usual places");
  app.add_option("--save", o.save, "where the trained network goes");
  examples::parse(app, argc, argv, o);
  return o;
}

bool check_gradients() {
  TwoLayerNet net(6, 5, 4);
  net.to(kFloat64);
  const Tensor x = randn({7, 6}, kFloat64), y = randint(4, {7});
  const auto report = autograd::gradcheck(
      [&](const std::vector<Tensor>& params) {
        return F::cross_entropy(net.forward(x), y) + 1e-2 * nn::elastic_net_penalty(params);
      },
      net.parameters(), {.raise_exception = false});
  fmt::print("\nGradients of a small float64 version:\n{}\n", report);
  return report.ok();
}

std::unique_ptr<optim::Optimizer> make_optimizer(const Options& o, const std::vector<Tensor>& p) {
  if (o.optimizer == "adamw")
    return std::make_unique<optim::AdamW>(
        p, optim::AdamWOptions{.lr = o.lr, .weight_decay = o.weight_decay});
  if (o.optimizer == "adam")
    return std::make_unique<optim::Adam>(
        p, optim::AdamOptions{.lr = o.lr, .weight_decay = o.weight_decay});
  return std::make_unique<optim::SGD>(p,
                                      optim::SGDOptions{.lr = o.lr,
                                                        .momentum = o.optimizer == "sgd" ? 0 : 0.9,
                                                        .weight_decay = o.weight_decay,
                                                        .nesterov = o.optimizer == "nesterov"});
}

void train(TwoLayerNet& net, const examples::Splits& sets, const Options& o) {
  data::DataLoader loader(sets.train, {.batch_size = o.batch, .shuffle = true});
  const std::int64_t steps = loader.size();
  const auto optimizer = make_optimizer(o, net.parameters());
  auto schedule = optim::warmup_cosine(
      *optimizer,
      {.warmup_steps = std::min<std::int64_t>(100, steps), .total_steps = o.epochs * steps});
  examples::Progress progress(loader);
  for (std::int64_t epoch = 0; epoch < o.epochs; ++epoch) {
    for (auto [x, y] : loader) {
      optimizer->zero_grad();
      const Tensor data_loss = F::cross_entropy(net.forward(x), y);
      const Tensor loss =
          data_loss + nn::elastic_net_penalty(net.parameters(), {.l1 = o.l1, .l2 = o.l2});
      loss.backward();
      optimizer->step();
      schedule.step();
      progress.step(data_loss.item(), x.size(0));
    }
    progress.end_epoch(examples::accuracy(net, sets.validation), schedule.get_last_lr()[0]);
  }
}

int run(const Options& o) {
  const auto sets = examples::load_data(o.data, o.seed);
  fmt::print("data: train {} validation {} test {}, {} classes\n", sets.train.data.sizes(),
             sets.validation.data.sizes(), sets.test.data.sizes(), sets.classes);
  if (!check_gradients()) return 1;

  const std::int64_t features = sets.train.data.size(1);
  TwoLayerNet net(features, o.hidden, sets.classes);
  fmt::print("{}\n{} parameters\n\n", net, net.num_parameters());
  train(net, sets, o);
  const double tested = examples::accuracy(net, sets.test);
  save(net.state_dict(), o.save);

  TwoLayerNet reloaded(features, o.hidden, sets.classes);
  reloaded.load_state_dict(load(o.save));
  const bool same = examples::accuracy(reloaded, sets.test) == tested;
  fmt::print("\ntest accuracy {:.2f} %; reloaded from {}: {}\n", tested, o.save,
             same ? "the same" : "another one");
  return same ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  return examples::run("two_layer_net", [&] { return run(parse(argc, argv)); });
}

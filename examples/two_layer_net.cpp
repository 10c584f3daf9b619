// A two-layer network on Fashion-MNIST: checks its gradients, trains, tests, saves, reloads.
// `two_layer_net --help` lists the options. Without the data set it trains on a spiral instead.
#include <unistd.h>

#include <downhill/downhill.h>
#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <chrono>

using namespace downhill;
namespace F = nn::functional;

namespace {

struct Options {
  std::int64_t hidden = 128, epochs = 15, batch = 128;
  double lr = 3e-3, weight_decay = 1e-2, l1 = 0, l2 = 0;
  std::string optimizer = "adamw", data, save = "two_layer_net.safetensors";
  std::uint64_t seed = 231;
  int threads = 0;
};

struct TwoLayerNet : nn::Module {
  nn::Linear fc1, fc2;
  TwoLayerNet(std::int64_t in, std::int64_t hidden, std::int64_t classes)
      : fc1(register_module("fc1", nn::Linear(in, hidden))),
        fc2(register_module("fc2", nn::Linear(hidden, classes))) {}
  Tensor forward(const Tensor& x) { return fc2(relu(fc1(x))); }
};

struct Splits {
  data::TensorDataset train, validation, test;
  std::int64_t classes;
};

Options parse(int argc, char** argv) {
  Options o;
  CLI::App app{"Trains a two-layer network on Fashion-MNIST."};
  app.option_defaults()->always_capture_default();
  app.add_option("--hidden", o.hidden, "units in the hidden layer")->check(CLI::PositiveNumber);
  app.add_option("--epochs", o.epochs, "passes over the training set")->check(CLI::PositiveNumber);
  app.add_option("--batch", o.batch, "examples in a step")->check(CLI::PositiveNumber);
  app.add_option("--lr", o.lr, "highest learning rate")->check(CLI::PositiveNumber);
  app.add_option("--weight-decay", o.weight_decay, "of the optimizer")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--l1", o.l1, "factor of sum |w| in the loss")->check(CLI::NonNegativeNumber);
  app.add_option("--l2", o.l2, "factor of sum w^2 in the loss")->check(CLI::NonNegativeNumber);
  app.add_option("--optimizer", o.optimizer)
      ->check(CLI::IsMember({"adamw", "adam", "sgd", "momentum", "nesterov"}));
  app.add_option("--seed", o.seed, "of everything random");
  app.add_option("--threads", o.threads, "0: as many as there are cores")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--data", o.data, "folder with the IDX files; default: the usual places");
  app.add_option("--save", o.save, "where the trained network goes");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) { std::exit(app.exit(e)); }
  return o;
}

Splits split(const data::TensorDataset& all, std::int64_t validation, data::TensorDataset test,
             std::int64_t classes, std::uint64_t seed) {
  auto [train, held_out] =
      data::random_split(all, {all.size() - validation, validation}, Generator(seed));
  return {train, held_out, std::move(test), classes};
}

Splits load_data(const Options& o) {
  try {
    const auto all = data::fashion_mnist({.train = true, .root = o.data});
    return split(all, 5000, data::fashion_mnist({.train = false, .root = o.data}), 10, o.seed);
  } catch (const Error& e) {
    if (!o.data.empty()) throw;
    fmt::print("{}\nTraining on a spiral instead.\n", e.what());
  }
  const auto all = data::spiral({.points_per_class = 1000, .generator = Generator(o.seed)});
  return split(all, 600,
               data::spiral({.points_per_class = 500, .generator = Generator(o.seed + 1)}), 3,
               o.seed);
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

double accuracy(TwoLayerNet& net, const data::TensorDataset& set) {
  NoGradGuard guard;
  std::int64_t right = 0;
  for (auto [x, y] : data::DataLoader(set, {.batch_size = 1000}))
    right += (net.forward(x).argmax(1) == y).sum().item<std::int64_t>();
  return 100.0 * static_cast<double>(right) / static_cast<double>(set.size());
}

class ProgressBar {
 public:
  explicit ProgressBar(std::int64_t steps) : steps_(steps), shown_(isatty(STDOUT_FILENO)) {}
  void show(std::int64_t epoch, std::int64_t step) const {
    if (!shown_ || (step % 16 != 0 && step != steps_)) return;
    const auto filled = static_cast<std::size_t>(40 * step / steps_);
    fmt::print("\repoch {:2} [{:=<{}}{:{}}]", epoch, "", filled, "", 40 - filled);
    std::fflush(stdout);
  }
  void clear() const {
    if (shown_) fmt::print("\r{:60}\r", "");
  }

 private:
  std::int64_t steps_;
  bool shown_;
};

void train(TwoLayerNet& net, const Splits& sets, const Options& o) {
  data::DataLoader loader(sets.train, {.batch_size = o.batch, .shuffle = true});
  const std::int64_t steps = loader.size();
  const auto optimizer = make_optimizer(o, net.parameters());
  auto schedule = optim::warmup_cosine(
      *optimizer,
      {.warmup_steps = std::min<std::int64_t>(100, steps), .total_steps = o.epochs * steps});
  const ProgressBar bar(steps);
  fmt::print("\nepoch   loss   validation   learning rate   examples/s\n");
  for (std::int64_t epoch = 1; epoch <= o.epochs; ++epoch) {
    const auto start = std::chrono::steady_clock::now();
    double total = 0;
    std::int64_t step = 0;
    for (auto [x, y] : loader) {
      optimizer->zero_grad();
      Tensor loss = F::cross_entropy(net.forward(x), y);
      total += loss.item() * static_cast<double>(x.size(0));
      if (o.l1 > 0 || o.l2 > 0)
        loss = loss + nn::elastic_net_penalty(net.parameters(), {.l1 = o.l1, .l2 = o.l2});
      loss.backward();
      optimizer->step();
      schedule.step();
      bar.show(epoch, ++step);
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    const auto n = static_cast<double>(sets.train.size());
    bar.clear();
    fmt::print("{:5} {:6.4f} {:10.2f} % {:15.2e} {:12.0f}\n", epoch, total / n,
               accuracy(net, sets.validation), schedule.get_last_lr()[0], n / seconds.count());
  }
}

int run(const Options& o) {
  if (o.threads > 0) set_num_threads(o.threads);
  manual_seed(o.seed);
  const Splits sets = load_data(o);
  fmt::print("data: train {} validation {} test {}, {} classes\n", sets.train.data.sizes(),
             sets.validation.data.sizes(), sets.test.data.sizes(), sets.classes);
  if (!check_gradients()) return 1;

  const std::int64_t features = sets.train.data.size(1);
  TwoLayerNet net(features, o.hidden, sets.classes);
  fmt::print("{}\n{} parameters\n", net, net.num_parameters());
  train(net, sets, o);
  const double tested = accuracy(net, sets.test);
  save(net.state_dict(), o.save);

  TwoLayerNet reloaded(features, o.hidden, sets.classes);
  reloaded.load_state_dict(load(o.save));
  const double again = accuracy(reloaded, sets.test);
  fmt::print("\ntest accuracy {:.2f} %; reloaded from {}: {:.2f} %\n", tested, o.save, again);
  return tested == again ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(parse(argc, argv));
  } catch (const Error& e) {
    fmt::print(stderr, "two_layer_net: {}\n", e.what());
    return 2;
  }
}

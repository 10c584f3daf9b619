// Linear classifiers on Fashion-MNIST, with softmax and SVM loss, from the worst way to find good
// weights to the usual one: random search, numeric gradients, gradient descent, minibatch SGD.
// `linear_classifier --help` lists the options. Without the data set it trains on a spiral instead.
#include "common.h"

using namespace downhill;
namespace F = nn::functional;

namespace {

struct Options : examples::TrainingOptions {
  Options() : TrainingOptions{.epochs = 20, .lr = 5e-3} {}
  std::string loss = "both", data;
};

Options parse(int argc, char** argv) {
  Options o;
  CLI::App app{"Trains linear classifiers on Fashion-MNIST."};
  examples::add_training_options(app, o);
  app.add_option("--loss", o.loss)->check(CLI::IsMember({"softmax", "svm", "both"}));
  app.add_option("--data", o.data, "folder with the IDX files; default: the usual places");
  examples::parse(app, argc, argv, o);
  return o;
}

/// Moves and scales all features alike, so that those of the training set have mean 0, variance 1.
void standardise(examples::Splits& sets) {
  const Tensor mean = sets.train.data.mean();
  const Tensor deviation = (sets.train.data - mean).square().mean().sqrt();
  for (auto* set : {&sets.train, &sets.validation, &sets.test})
    set->data.sub_(mean).div_(deviation);
}

/// What is minimised: the mean loss of the examples and the penalty on the weights.
using Objective = std::function<Tensor(const nn::Linear& net, const Tensor& x, const Tensor& y)>;

Objective make_objective(const std::string& loss, const Options& o) {
  return [=](const nn::Linear& net, const Tensor& x, const Tensor& y) {
    const Tensor scores = net(x);
    return (loss == "svm" ? F::multiclass_hinge_loss(scores, y) : F::cross_entropy(scores, y)) +
           nn::elastic_net_penalty({net->weight}, {.l1 = o.l1, .l2 = o.l2});
  };
}

nn::Linear new_classifier(const examples::Splits& sets) {
  return nn::Linear(sets.train.data.size(1), sets.classes);
}

void random_search(const examples::Splits& sets) {
  const Tensor x = sets.train.data.narrow(0, 0, 1000), y = sets.train.target.narrow(0, 0, 1000);
  Tensor best_weight;
  double best = 0;
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const Tensor weight = randn({sets.classes, x.size(1)});
    const double found = examples::accuracy(linear(x, weight), y);
    if (found <= best) continue;
    best = found;
    best_weight = weight;
  }
  const Tensor scores = linear(sets.validation.data, best_weight);
  fmt::print("\nrandom search   training   validation\n");
  fmt::print("best of 1000   {:7.2f} % {:10.2f} %\n", best,
             examples::accuracy(scores, sets.validation.target));
}

/// Central differences of the loss by the elements of w [n].
Tensor numeric_gradient(const std::function<double()>& loss, const Tensor& w) {
  NoGradGuard guard;
  const double eps = 1e-6;
  const Tensor gradient = zeros_like(w);
  for (std::int64_t i = 0; i < w.numel(); ++i) {
    const double value = w[i].item();
    w[i] = value + eps;
    const double above = loss();
    w[i] = value - eps;
    gradient[i] = (above - loss()) / (2 * eps);
    w[i] = value;
  }
  return gradient;
}

/// Of the first class's weights; in float64, since float32 is too coarse for differences.
void compare_gradients(const Objective& objective, const examples::Splits& sets) {
  const nn::Linear net = new_classifier(sets);
  net->to(kFloat64);
  const Tensor x = sets.train.data.narrow(0, 0, 500).to(kFloat64);
  const Tensor y = sets.train.target.narrow(0, 0, 500);

  examples::Stopwatch watch;
  objective(net, x, y).backward();
  const double analytic_seconds = watch.seconds();
  watch = {};
  const Tensor numeric =
      numeric_gradient([&] { return objective(net, x, y).item(); }, net->weight.detach()[0]);
  const double numeric_seconds = watch.seconds();

  const Tensor analytic = net->weight.grad()[0];
  const Tensor error = (numeric - analytic).abs() / maximum(numeric.abs(), analytic.abs());
  const std::int64_t all = net->weight.numel();
  fmt::print("\ngradient    weights     seconds\n");
  fmt::print("analytic  {:9} {:11.4f}\n", all, analytic_seconds);
  fmt::print("numeric   {:9} {:11.4f}   largest relative error {:.1e}\n", numeric.numel(),
             numeric_seconds, error.max().item());
  fmt::print("numeric   {:9} {:11.4f}   extrapolated\n", all,
             numeric_seconds * static_cast<double>(sets.classes));
}

void descend(const Objective& objective, const examples::Splits& sets, const Options& o) {
  const nn::Linear net = new_classifier(sets);
  optim::SGD optimizer(net->parameters(), {.lr = o.lr});
  fmt::print("\nfull-batch gradient descent\n step     loss   validation\n");
  for (int step = 1; step <= 60; ++step) {
    optimizer.zero_grad();
    const Tensor loss = objective(net, sets.train.data, sets.train.target);
    loss.backward();
    optimizer.step();
    if (step == 1 || step % 20 == 0)
      fmt::print("{:5} {:8.4f} {:10.2f} %\n", step, loss.item(),
                 examples::accuracy(*net, sets.validation));
  }
}

nn::Linear train(const Objective& objective, const examples::Splits& sets, const Options& o) {
  const nn::Linear net = new_classifier(sets);
  data::DataLoader loader(sets.train, {.batch_size = o.batch, .shuffle = true});
  optim::SGD optimizer(net->parameters(), {.lr = o.lr, .momentum = 0.9});
  auto schedule = optim::warmup_cosine(optimizer, {.total_steps = o.epochs * loader.size()});
  fmt::print("\nminibatch SGD with momentum\n");
  examples::Progress progress(loader);
  for (std::int64_t epoch = 0; epoch < o.epochs; ++epoch) {
    for (auto [x, y] : loader) {
      optimizer.zero_grad();
      const Tensor loss = objective(net, x, y);
      loss.backward();
      optimizer.step();
      schedule.step();
      progress.step(loss.item(), x.size(0));
    }
    progress.end_epoch(examples::accuracy(*net, sets.validation), schedule.get_last_lr()[0]);
  }
  return net;
}

/// The line to remember: accuracy on the test set and, where l1 drives weights to 0, how many.
std::string train_and_test(const std::string& loss, const examples::Splits& sets,
                           const Options& o) {
  manual_seed(o.seed);
  const auto objective = make_objective(loss, o);
  fmt::print("\n== {} loss, {:g} sum |w| + {:g} sum w^2\n", loss, o.l1, o.l2);
  compare_gradients(objective, sets);
  descend(objective, sets, o);
  const nn::Linear net = train(objective, sets, o);
  auto line = fmt::format("test accuracy {:8}{:6.2f} %", loss, examples::accuracy(*net, sets.test));
  if (o.l1 > 0)
    line += fmt::format(", weights below 1e-3: {:.1f} %",
                        100 * (net->weight.abs() < 1e-3).to(kFloat64).mean().item());
  return line;
}

int run(const Options& o) {
  auto sets = examples::load_data(o.data, o.seed);
  standardise(sets);
  random_search(sets);
  std::string lines;
  for (const auto* loss : {"softmax", "svm"})
    if (o.loss == loss || o.loss == "both") lines += train_and_test(loss, sets, o) + "\n";
  fmt::print("\n{}", lines);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return examples::run("linear_classifier", [&] { return run(parse(argc, argv)); });
}

// Three spiral arms in the plane: no line separates them, a two-layer network does. Trains both
// and draws where each sees which class. `spiral --help` lists the options.
#include "common.h"

using namespace downhill;
namespace F = nn::functional;

namespace {

struct Options : examples::TrainingOptions {
  Options() : TrainingOptions{.epochs = 200, .lr = 1e-2} {}
  std::int64_t points = 300, hidden = 64;
  double noise = 0.2;
};

struct Result {
  std::string name;
  nn::Sequential net;
  double loss, train, test;
};

Options parse(int argc, char** argv) {
  Options o;
  CLI::App app{"Separates three spiral arms with a linear classifier and a two-layer network."};
  examples::add_training_options(app, o);
  app.add_option("--points", o.points, "training points in each arm")->check(examples::positive);
  app.add_option("--noise", o.noise, "standard deviation of their angles, in radians")
      ->check(examples::not_negative);
  app.add_option("--hidden", o.hidden, "units in the hidden layer")->check(examples::positive);
  examples::parse(app, argc, argv, o);
  return o;
}

data::TensorDataset points(const Options& o, std::uint64_t seed) {
  return data::spiral(
      {.points_per_class = o.points, .noise = o.noise, .generator = Generator(seed)});
}

Result train(const std::string& name, const nn::Sequential& net, const Options& o) {
  const auto set = points(o, o.seed), test = points(o, o.seed + 1);
  data::DataLoader loader(set, {.batch_size = o.batch, .shuffle = true});
  optim::Adam optimizer(net->parameters(), {.lr = o.lr});
  optim::CosineAnnealingLR schedule(optimizer, {.T_max = o.epochs});
  for (std::int64_t epoch = 0; epoch < o.epochs; ++epoch) {
    for (auto [x, y] : loader) {
      optimizer.zero_grad();
      const Tensor loss = F::cross_entropy(net(x), y) +
                          nn::elastic_net_penalty(net->parameters(), {.l1 = o.l1, .l2 = o.l2});
      loss.backward();
      optimizer.step();
    }
    schedule.step();
  }
  return {name, net, F::cross_entropy(net(set.data), set.target).item(),
          examples::accuracy(*net, set), examples::accuracy(*net, test)};
}

/// The class that the network sees at each cell of the square from -1 to 1, a character a cell.
std::vector<std::string> picture(const nn::Sequential& net) {
  const std::int64_t rows = 19, columns = 38;
  const Tensor x = linspace(-1, 1, columns).expand({rows, columns});
  const Tensor y = linspace(1, -1, rows).unsqueeze(1).expand({rows, columns});
  const Tensor seen = net(stack({x.flatten(), y.flatten()}, 1)).argmax(1).view({rows, columns});
  const auto classes = seen.accessor<std::int64_t, 2>();
  std::vector<std::string> lines(rows, std::string(columns, ' '));
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j) lines[i][j] = ".+#"[classes[i][j]];
  return lines;
}

int run(const Options& o) {
  const std::vector<Result> results = {
      train("linear", nn::Sequential(nn::Linear(2, 3)), o),
      train("two-layer",
            nn::Sequential(nn::Linear(2, o.hidden), nn::ReLU(), nn::Linear(o.hidden, 3)), o)};
  fmt::print("classifier   parameters     loss   training       test\n");
  for (const auto& r : results)
    fmt::print("{:10} {:12} {:8.4f} {:8.2f} % {:8.2f} %\n", r.name, r.net->num_parameters(), r.loss,
               r.train, r.test);
  fmt::print("\n{:40}{}\n", results[0].name, results[1].name);
  const auto left = picture(results[0].net), right = picture(results[1].net);
  for (std::size_t i = 0; i < left.size(); ++i) fmt::print("{:40}{}\n", left[i], right[i]);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return examples::run("spiral", [&] { return run(parse(argc, argv)); });
}

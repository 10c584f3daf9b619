// What the examples share: options, data, accuracy, progress.
#pragma once
#include <unistd.h>

#include <downhill/downhill.h>
#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <chrono>
#include <string>
#include <utility>

namespace examples {

using namespace downhill;

struct TrainingOptions {
  std::int64_t epochs, batch = 128;
  double lr, l1 = 0, l2 = 0;
  std::uint64_t seed = 231;
  int threads = 0;
};

/// For add_option(...)->check(): CLI11's own say the range of doubles, in 309 digits.
inline const CLI::Validator positive(
    [](const std::string& s) {
      return std::strtod(s.c_str(), nullptr) > 0 ? "" : "must be above 0, not " + s;
    },
    "> 0");
inline const CLI::Validator not_negative(
    [](const std::string& s) {
      return std::strtod(s.c_str(), nullptr) >= 0 ? "" : "must not be below 0, as " + s;
    },
    ">= 0");

inline void add_training_options(CLI::App& app, TrainingOptions& o) {
  app.option_defaults()->always_capture_default();
  app.add_option("--epochs", o.epochs, "passes over the training set")->check(positive);
  app.add_option("--batch", o.batch, "examples in a step")->check(positive);
  app.add_option("--lr", o.lr, "highest learning rate")->check(positive);
  app.add_option("--l1", o.l1, "factor of sum |w| in the loss")->check(not_negative);
  app.add_option("--l2", o.l2, "factor of sum w^2 in the loss")->check(not_negative);
  app.add_option("--seed", o.seed, "of everything random")->check(not_negative);
  app.add_option("--threads", o.threads, "0: as many as there are cores")->check(not_negative);
}

/// Reads the command line; ends the program after --help and after a mistake, with a message.
inline void parse(CLI::App& app, int argc, char** argv, const TrainingOptions& o) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) { std::exit(app.exit(e)); }
  if (o.threads > 0) set_num_threads(o.threads);
  manual_seed(o.seed);
}

struct Splits {
  data::TensorDataset train, validation, test;
  std::int64_t classes;
};

inline Splits split(const data::TensorDataset& all, std::int64_t validation,
                    data::TensorDataset test, std::int64_t classes, std::uint64_t seed) {
  auto [train, held_out] =
      data::random_split(all, {all.size() - validation, validation}, Generator(seed));
  return {train, held_out, std::move(test), classes};
}

/// Fashion-MNIST; a spiral where it is not installed and no folder was named.
inline Splits load_data(const std::string& root, std::uint64_t seed) {
  try {
    const auto all = data::fashion_mnist({.train = true, .root = root});
    return split(all, 5000, data::fashion_mnist({.train = false, .root = root}), 10, seed);
  } catch (const Error& e) {
    if (!root.empty()) throw;
    fmt::print("{}\nTraining on a spiral instead.\n", e.what());
  }
  const auto all = data::spiral({.points_per_class = 1000, .generator = Generator(seed)});
  const auto test = data::spiral({.points_per_class = 500, .generator = Generator(seed + 1)});
  return split(all, 600, test, 3, seed);
}

/// How many percent of the rows of `scores` are highest at their target.
inline double accuracy(const Tensor& scores, const Tensor& target) {
  return 100 * (scores.argmax(1) == target).to(kFloat64).mean().item();
}

/// The same of a module's scores for a whole dataset.
template <class Net> double accuracy(Net& net, const data::TensorDataset& set) {
  NoGradGuard guard;
  return accuracy(net.forward(set.data), set.target);
}

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

/// A table with a row for each epoch and, on a terminal, a bar below it while one runs.
class Progress {
 public:
  explicit Progress(const data::DataLoader& loader)
      : steps_(loader.size()), bar_(isatty(STDOUT_FILENO)) {
    fmt::print("epoch     loss   validation   learning rate   examples/s\n");
  }
  /// After each step: the mean loss of so many examples.
  void step(double loss, std::int64_t examples) {
    total_ += loss * static_cast<double>(examples);
    examples_ += examples;
    seconds_ = watch_.seconds();
    if (++step_ % 16 == 0 && bar_) show_bar();
  }
  void end_epoch(double accuracy, double lr) {
    const auto n = static_cast<double>(examples_);
    if (bar_) fmt::print("\r{:60}\r", "");
    fmt::print("{:5} {:8.4f} {:10.2f} % {:15.2e} {:12.0f}\n", epoch_, total_ / n, accuracy, lr,
               n / seconds_);
    *this = Progress(steps_, bar_, epoch_ + 1);
  }

 private:
  Progress(std::int64_t steps, bool bar, std::int64_t epoch)
      : steps_(steps), epoch_(epoch), bar_(bar) {}
  void show_bar() const {
    const auto filled = static_cast<std::size_t>(40 * step_ / steps_);
    fmt::print("\repoch {:2} [{:=<{}}{:{}}]", epoch_, "", filled, "", 40 - filled);
    std::fflush(stdout);
  }

  std::int64_t steps_, epoch_ = 1, step_ = 0, examples_ = 0;
  double total_ = 0, seconds_ = 0;
  bool bar_;
  Stopwatch watch_;
};

/// The body of main: a mistake that the library found is printed, with the program's name.
template <class Run> int run(const char* name, Run run) {
  try {
    return run();
  } catch (const Error& e) {
    fmt::print(stderr, "{}: {}\n", name, e.what());
    return 2;
  }
}

}  // namespace examples

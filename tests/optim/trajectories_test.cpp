// Every rule against what torch did (record_torch.py), to 1e-12 relative.
#include <doctest/doctest.h>
#include <downhill/downhill.h>

#include <cmath>

#include "recorded.h"

using namespace downhill;
using optim::Adam;
using optim::AdamW;
using optim::SGD;

namespace {

void set_gradient(const Tensor& p, int first, std::int64_t t) {
  Tensor g = zeros_like(p.detach());
  for (int k = 0; k < p.numel(); ++k) {
    const int i = first + k;
    const double x = p.data_ptr<double>()[k];
    g.data_ptr<double>()[k] = i == 2 ? 0 : (i % 4 + 1) * x + std::sin(static_cast<double>(t + i));
  }
  p.mutable_grad() = g;
}

template <class Optimizer, class Options>
void follow(const std::string& name, const Options& options) {
  static const auto recorded = read_recorded("trajectories.txt");
  REQUIRE(recorded.contains(name));
  const Tensor first = linspace(-1, 1.5, 6, kFloat64).reshape({2, 3}).requires_grad_();
  const Tensor second = linspace(0.5, -2, 4, kFloat64).requires_grad_();
  Optimizer optimizer({first, second}, options);
  std::int64_t t = 0;
  for (const RecordedLine& line : recorded.at(name)) {
    while (t < line.step) {
      optimizer.zero_grad();
      set_gradient(first, 0, ++t);
      if (t % 3 != 2) set_gradient(second, 6, t);
      optimizer.step();
    }
    for (int i = 0; i < 10; ++i) {
      const double x = i < 6 ? first.data_ptr<double>()[i] : second.data_ptr<double>()[i - 6];
      CAPTURE(t);
      CAPTURE(i);
      CHECK(x == doctest::Approx(line.values.at(static_cast<std::size_t>(i))).epsilon(1e-12));
    }
  }
}

}  // namespace

TEST_CASE("SGD follows torch") {
  SUBCASE("plain") { follow<SGD>("sgd", optim::SGDOptions{.lr = 0.05}); }
  SUBCASE("weight decay") {
    follow<SGD>("sgd_weight_decay", optim::SGDOptions{.lr = 0.05, .weight_decay = 0.1});
  }
  SUBCASE("momentum") {
    follow<SGD>("sgd_momentum", optim::SGDOptions{.lr = 0.05, .momentum = 0.9});
  }
  SUBCASE("dampening") {
    follow<SGD>("sgd_dampening", optim::SGDOptions{.lr = 0.05, .momentum = 0.9, .dampening = 0.3});
  }
  SUBCASE("Nesterov") {
    follow<SGD>("sgd_nesterov", optim::SGDOptions{.lr = 0.05, .momentum = 0.9, .nesterov = true});
  }
  SUBCASE("maximize") {
    follow<SGD>(
        "sgd_maximize",
        optim::SGDOptions{.lr = 0.01, .momentum = 0.5, .weight_decay = 0.1, .maximize = true});
  }
}

TEST_CASE("velocities of steps and of gradients walk the same path while lr stays") {
  using optim::SGDOptions, optim::Velocity;
  follow<SGD>("sgd_momentum", SGDOptions{.lr = 0.05, .momentum = 0.9, .velocity = Velocity::step});
  follow<SGD>(
      "sgd_dampening",
      SGDOptions{.lr = 0.05, .momentum = 0.9, .dampening = 0.3, .velocity = Velocity::step});
  follow<SGD>(
      "sgd_nesterov",
      SGDOptions{.lr = 0.05, .momentum = 0.9, .nesterov = true, .velocity = Velocity::step});
}

TEST_CASE("Adam follows torch") {
  using Options = optim::AdamOptions;
  SUBCASE("defaults") { follow<Adam>("adam", Options{}); }
  SUBCASE("options") {
    follow<Adam>("adam_options", Options{.lr = 0.1, .betas = {0.8, 0.95}, .eps = 1e-3});
  }
  SUBCASE("weight decay") {
    follow<Adam>("adam_weight_decay", Options{.lr = 0.05, .weight_decay = 0.1});
  }
  SUBCASE("amsgrad") {
    follow<Adam>("adam_amsgrad", Options{.lr = 0.1, .betas = {0.5, 0.6}, .amsgrad = true});
  }
  SUBCASE("maximize") {
    follow<Adam>("adam_maximize", Options{.lr = 0.05, .weight_decay = 0.1, .maximize = true});
  }
}

TEST_CASE("AdamW follows torch") {
  using Options = optim::AdamWOptions;
  SUBCASE("defaults") { follow<AdamW>("adamw", Options{}); }
  SUBCASE("weight decay") {
    follow<AdamW>("adamw_weight_decay", Options{.lr = 0.05, .weight_decay = 0.2});
  }
  SUBCASE("amsgrad") {
    follow<AdamW>("adamw_amsgrad", Options{.lr = 0.1, .betas = {0.5, 0.6}, .amsgrad = true});
  }
  SUBCASE("maximize") { follow<AdamW>("adamw_maximize", Options{.lr = 0.05, .maximize = true}); }
}

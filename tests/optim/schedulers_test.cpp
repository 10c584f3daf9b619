// Schedules against what torch did (record_torch.py), and what PyTorch does not have.
#include <doctest/doctest.h>
#include <downhill/downhill.h>

#include "recorded.h"

using namespace downhill;
using namespace downhill::optim;

namespace {

/// Two groups with the rates 0.3 and 2.
struct Rates {
  SGD sgd{std::vector<ParamGroup>{{.params = {ones({1}).requires_grad_()}},
                                  {.params = {ones({1}).requires_grad_()}, .lr = 2.0}},
          {.lr = 0.3}};
  double operator[](std::size_t group) { return *sgd.param_groups()[group].lr; }
};

template <class Make> void follow(const std::string& name, Make make) {
  static const auto recorded = read_recorded("schedules.txt");
  REQUIRE(recorded.contains(name));
  Rates rates;
  auto schedule = make(rates.sgd);
  for (const RecordedLine& line : recorded.at(name)) {
    for (std::size_t g = 0; g < 2; ++g) {
      CAPTURE(line.step);
      const double base = g == 0 ? 0.3 : 2;
      CHECK(std::abs(rates[g] - line.values[g]) <= 1e-14 * base);
      CHECK(schedule.lr_at(line.step, g) == rates[g]);
      CHECK(schedule.get_last_lr()[g] == rates[g]);
    }
    schedule.step();
  }
}

SequentialLR sequence(Optimizer& o) {
  LinearLR warmup(o, {.start_factor = 0.1, .total_iters = 4});
  CosineAnnealingLR cosine(o, {.T_max = 10, .eta_min = 0.01});
  StepLR stairs(o, {.step_size = 2, .gamma = 0.5});
  return SequentialLR(o, {warmup, cosine, stairs}, {.milestones = {4, 15}});
}

}  // namespace

TEST_CASE("schedules follow torch") {
  SUBCASE("step") {
    follow("step", [](auto& o) { return StepLR(o, {.step_size = 3, .gamma = 0.5}); });
  }
  SUBCASE("constant") {
    follow("constant", [](auto& o) { return ConstantLR(o, {.factor = 0.25, .total_iters = 4}); });
  }
  SUBCASE("linear") {
    follow("linear", [](auto& o) { return LinearLR(o); });
  }
  SUBCASE("linear with options") {
    follow("linear_options", [](auto& o) {
      return LinearLR(o, {.start_factor = 0.01, .end_factor = 0.7, .total_iters = 10});
    });
  }
  SUBCASE("exponential") {
    follow("exponential", [](auto& o) { return ExponentialLR(o, {.gamma = 0.9}); });
  }
  SUBCASE("lambda") {
    follow("lambda", [](auto& o) {
      return LambdaLR(o, [](std::int64_t t) { return 1 / (1 + static_cast<double>(t)); });
    });
  }
  SUBCASE("cosine beyond T_max") {
    follow("cosine", [](auto& o) { return CosineAnnealingLR(o, {.T_max = 8, .eta_min = 0.02}); });
  }
  SUBCASE("sequential") { follow("sequential", sequence); }
}

TEST_CASE("warmup_cosine rises to the base rate, falls to eta_min and stays there") {
  Rates rates;
  const LRScheduler s =
      warmup_cosine(rates.sgd, {.warmup_steps = 10, .total_steps = 110, .eta_min = 0.1});
  CHECK(rates[1] == 0);
  CHECK(s.lr_at(5, 1) == doctest::Approx(1));
  CHECK(s.lr_at(10, 1) == doctest::Approx(2));
  CHECK(s.lr_at(60, 1) == doctest::Approx(1.05));
  CHECK(s.lr_at(110, 1) == doctest::Approx(0.1));
  CHECK(s.lr_at(500, 1) == doctest::Approx(0.1));
}

TEST_CASE("a schedule goes on from a checkpoint") {
  Rates straight, resumed;
  SequentialLR a = sequence(straight.sgd), b = sequence(resumed.sgd);
  for (int t = 0; t < 7; ++t) a.step();
  b.load_state_dict(a.state_dict());
  CHECK(b.last_epoch() == 7);
  for (int t = 0; t < 10; ++t, a.step(), b.step()) CHECK(straight[1] == resumed[1]);
}

TEST_CASE("an optimizer's checkpoint remembers where its schedule started") {
  Rates first, second;
  StepLR a(first.sgd, {.step_size = 1});
  a.step();
  second.sgd.load_state_dict(first.sgd.state_dict());
  StepLR b(second.sgd, {.step_size = 1});
  CHECK(second[0] == 0.3);
}

TEST_CASE("copies of a schedule share the step count") {
  Rates rates;
  StepLR a(rates.sgd, {.step_size = 1});
  LRScheduler b = a;
  b.step();
  CHECK(a.last_epoch() == 1);
}

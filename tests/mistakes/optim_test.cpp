// Mistakes with optimizers and schedules.
#include <downhill/optim.h>

#include <stdexcept>

#include "mistakes/mistakes.h"

using namespace downhill;
using namespace mistakes;

namespace {

Tensor parameter() { return ones({2}, requires_grad()); }
Tensor expanded() { return ones({1}).expand({3}).detach().requires_grad_(); }

/// An optimizer after its first step, with the parameters and all they hold.
struct Trained {
  Tensor a = parameter(), b = parameter();
  optim::Adam adam{{{.params = {a}}, {.params = {b}, .lr = 0.5}}, {}};

  Trained() {
    (a.square().sum() + b.square().sum()).backward();
    adam.step();
  }
  StateDict everything() const {
    StateDict all = adam.state_dict();
    all.insert("a", a), all.insert("b", b);
    return all;
  }
};

std::vector<Row> watching(const Trained& t, std::vector<Row> rows) {
  for (Row& row : rows) row.state = [&t] { return t.everything(); };
  return rows;
}

}  // namespace

TEST_CASE("optimizers of what cannot be trained") {
  const Tensor w = parameter(), constant = ones({2});
  check_rows({
      {"no parameters", {}, [](In x) { optim::SGD{x}; }, "SGD: got no parameters"},
      {"no groups",
       {},
       [](In) { optim::SGD(std::vector<optim::ParamGroup>{}); },
       "SGD: got no parameter groups"},
      {"a parameter twice",
       {w, w},
       [](In x) { optim::Adam{x}; },
       "Adam: parameter 1 (shape [2]) appears twice"},
      {"a parameter in two groups",
       {w},
       [](In x) {
         optim::SGD({{.params = x}, {.params = x}}, {.lr = 0.1});
       },
       "SGD: parameter 0 (shape [2]) appears twice"},
      {"a tensor that requires no gradient",
       {w, constant},
       [](In x) { optim::SGD{x}; },
       "SGD: parameter 1 (shape [2]) is no leaf that requires a gradient"},
      {"the result of an op",
       {w},
       [](In x) { optim::SGD({x[0] * 2}); },
       "SGD: parameter 0 (shape [2]) is no leaf that requires a gradient"},
      {"a tensor that was never given a value",
       {w, Tensor()},
       [](In x) { optim::AdamW{x}; },
       "AdamW: parameter 1 is undefined"},
      {"an expanded parameter",
       {w, expanded()},
       [](In x) { optim::SGD{x}; },
       "SGD: several elements of parameter 1 (shape [3], expanded) are one place in memory; give "
       "it a clone()"},
      {"a negative rate",
       {w},
       [](In x) { optim::SGD(x, {.lr = -0.1}); },
       "SGD: lr must be >= 0, got -0.1"},
      {"a negative momentum",
       {w},
       [](In x) { optim::SGD(x, {.momentum = -1}); },
       "SGD: momentum must be >= 0, got -1"},
      {"a negative epsilon",
       {w},
       [](In x) { optim::AdamW(x, {.eps = -1}); },
       "AdamW: eps must be >= 0, got -1"},
      {"a rate that is no number",
       {w},
       [](In x) { optim::Adam(x, {.lr = __builtin_nan("")}); },
       "Adam: lr must be >= 0, got nan"},
      {"a beta of 1",
       {w},
       [](In x) {
         optim::Adam(x, {.betas = {0.9, 1}});
       },
       "Adam: betas must be in [0, 1), got 1"},
      {"a negative weight decay",
       {w},
       [](In x) { optim::AdamW(x, {.weight_decay = -1}); },
       "AdamW: weight_decay must be >= 0, got -1"},
      {"Nesterov's momentum without momentum",
       {w},
       [](In x) { optim::SGD(x, {.lr = 0.1, .nesterov = true}); },
       "SGD: nesterov needs momentum > 0 and dampening = 0, got momentum 0 and dampening 0"},
      {"an option that the optimizer does not have",
       {w},
       [](In x) {
         optim::SGD({{.params = x, .betas = {{0.9, 0.99}}}}, {.lr = 0.1});
       },
       "SGD: has no option betas"},
  });
}

struct StepRows {
  std::vector<Row> rows;

  /// With `t.everything()` watched.
  void add(const Trained& t, Row row) {
    row.state = [&t] { return t.everything(); };
    rows.push_back(std::move(row));
  }
};

std::function<void(In)> step_of(Trained& t) {
  return [&t](In) { t.adam.step(); };
}

TEST_CASE("steps with gradients and parameters that do not fit") {
  Trained shape, dtype, changed, expanded;
  shape.b.mutable_grad() = ones({3});
  dtype.b.mutable_grad() = ones({2}, kFloat64);
  changed.b.mutable_grad() = Tensor();
  changed.b.set_data(ones({3}));
  changed.b.sum().backward();
  expanded.b.set_data(ones({1}).expand({2}));
  StepRows table;
  table.add(shape, {"a gradient of another shape",
                    {},
                    step_of(shape),
                    "Adam: the gradient of a parameter float32 [2] is float32 [3]"});
  table.add(dtype, {"a gradient of another dtype",
                    {},
                    step_of(dtype),
                    "Adam: the gradient of a parameter float32 [2] is float64 [2]"});
  table.add(changed, {"a parameter that changed its shape",
                      {},
                      step_of(changed),
                      "Adam: a parameter was changed to float32 [3] after the first step; its "
                      "state is float32 [2]"});
  table.add(expanded, {"a parameter that was given expanded data",
                       {},
                       step_of(expanded),
                       "Adam: several elements of parameter 0 (shape [2], expanded) are one place "
                       "in memory; give it a clone()"});
  check_rows(table.rows);
}

TEST_CASE("groups that were changed by hand, and what is no closure") {
  Trained unset, grown, pushed, fine;
  unset.adam.param_groups()[1].lr.reset();
  grown.adam.param_groups()[0].params.push_back(parameter());
  pushed.adam.param_groups().push_back({.params = {parameter()}});
  StepRows table;
  table.add(unset, {"a rate that was taken away",
                    {},
                    step_of(unset),
                    "Adam: the option lr of a group is not set"});
  table.rows.push_back({"parameters pushed into a group",
                        {grown.a, grown.b},
                        step_of(grown),
                        "Adam: groups and their parameters cannot change, use add_param_group"});
  table.rows.push_back({"a group pushed beside the others",
                        {pushed.a, pushed.b},
                        [&](In) { pushed.adam.state_dict(); },
                        "Adam: groups and their parameters cannot change, use add_param_group"});
  table.add(fine, {"a closure that is no function",
                   {},
                   [&](In) { fine.adam.step(nullptr); },
                   "Adam: got no closure"});
  table.add(fine, {"a parameter that is there already",
                   {fine.a},
                   [&](In x) { fine.adam.add_param_group({.params = x}); },
                   "Adam: parameter 0 (shape [2]) appears twice"});
  check_rows(table.rows);
}

TEST_CASE("states of other optimizers") {
  Trained t;
  const Tensor w = parameter(), wide = ones({3}, requires_grad());
  optim::SGD sgd({w}, {.lr = 0.1});
  optim::Adam one({w}), other({{.params = {w}}, {.params = {wide}}}, {});
  wide.sum().backward();
  other.step();
  const std::vector<Row> rows = {
      {"the state of another kind of optimizer",
       {},
       [&](In) { t.adam.load_state_dict(sgd.state_dict()); },
       "Adam: the saved state has no param_groups.0.betas; is it another optimizer's?"},
      {"the state of fewer groups",
       {},
       [&](In) { t.adam.load_state_dict(one.state_dict()); },
       "Adam: the saved state has no param_groups.1.params; is it another optimizer's?"},
      {"the state of more groups",
       {w},
       [&](In) { one.load_state_dict(t.adam.state_dict()); },
       "Adam: has 1 parameter groups, the saved one more"},
      {"the state of parameters of another shape",
       {},
       [&](In) { t.adam.load_state_dict(other.state_dict()); },
       "Adam: state.1.exp_avg is [3], its parameter [2]"},
      {"the state of a network, not of an optimizer",
       {},
       [&](In) {
         t.adam.load_state_dict({{"fc.weight", zeros({2})}});
       },
       "Adam: the saved state has no param_groups.0.params; is it another optimizer's?"},
  };
  check_rows(watching(t, rows));
}

TEST_CASE("schedules that cannot be") {
  Trained t;
  const Tensor w = parameter();
  optim::SGD sgd({w}, {.lr = 0.1});
  const optim::StepLR good(t.adam, {.step_size = 2}), foreign(sgd, {.step_size = 2});
  const std::vector<Row> rows = {
      {"a step size left out",
       {},
       [&](In) { optim::StepLR(t.adam, {}); },
       "StepLR: step_size must be >= 1, got 0"},
      {"a length left out",
       {},
       [&](In) { optim::CosineAnnealingLR(t.adam, {}); },
       "CosineAnnealingLR: T_max must be >= 1, got 0"},
      {"a warm-up from a negative factor",
       {},
       [&](In) { optim::LinearLR(t.adam, {.start_factor = -1}); },
       "LinearLR: start_factor must be in (0, 1], got -1"},
      {"a factor above 1",
       {},
       [&](In) { optim::ConstantLR(t.adam, {.factor = 2}); },
       "ConstantLR: factor must be in [0, 1], got 2"},
      {"a warm-up longer than the training",
       {},
       [&](In) { optim::warmup_cosine(t.adam, {.warmup_steps = 10, .total_steps = 5}); },
       "warmup_cosine: warmup_steps must be in [0, total_steps), got 10 of 5"},
      {"a factor that is no function",
       {},
       [&](In) { optim::LambdaLR(t.adam, nullptr); },
       "LambdaLR: got no function"},
      {"a milestone too many",
       {},
       [&](In) { optim::SequentialLR(t.adam, {good}, {.milestones = {1}}); },
       "SequentialLR: needs one milestone fewer than schedules, got 1 and 1"},
      {"milestones that go back",
       {},
       [&](In) {
         optim::SequentialLR(t.adam, {good, good, good}, {.milestones = {5, 5}});
       },
       "SequentialLR: milestones must be positive and increase, got 5 at position 1"},
      {"schedules of two optimizers",
       {},
       [&](In) {
         optim::SequentialLR(t.adam, {good, foreign}, {.milestones = {1}});
       },
       "SequentialLR: the schedules drive different optimizers"},
      {"the rate of a group that is not there",
       {},
       [&](In) { good.lr_at(0, 2); },
       "lr_at: there are 2 groups, asked for number 2"},
      {"a state that is not a schedule's",
       {},
       [&](In) {
         optim::StepLR(good).load_state_dict({{"step", tensor(1)}});
       },
       "state dict: no tensor is named 'last_epoch'; there are 1: step"},
  };
  check_rows(watching(t, rows));
}

TEST_CASE("a rate function that adds parameter groups is refused") {
  Trained t;
  bool adds = false;
  optim::LambdaLR schedule(t.adam, [&](std::int64_t) {
    if (adds) t.adam.add_param_group({.params = {parameter()}, .lr = 7});
    return 0.5;
  });
  adds = true;
  CHECK_THROWS_WITH_AS(
      schedule.step(),
      "LRScheduler: the rate function changed the number of parameter groups from 2 to 4", Error);
  adds = false;
  CHECK(schedule.last_epoch() == 0);
  CHECK(t.adam.param_groups()[1].lr == 0.25);
  CHECK(t.adam.param_groups()[3].lr == 7);
}

TEST_CASE("a rate function or closure that throws changes no rate and no parameter") {
  Trained t;
  optim::LambdaLR schedule(t.adam, [](std::int64_t step) -> double {
    if (step == 1) throw std::range_error("no rate for step 1");
    return 1;
  });
  const std::string before = look({"", {}, {}, "", [&] { return t.everything(); }});
  CHECK_THROWS_WITH_AS(schedule.step(), "no rate for step 1", std::range_error);
  CHECK(schedule.last_epoch() == 0);
  const auto closure = []() -> Tensor { throw std::range_error("no loss"); };
  CHECK_THROWS_WITH_AS(t.adam.step(closure), "no loss", std::range_error);
  CHECK(look({"", {}, {}, "", [&] { return t.everything(); }}) == before);
  t.adam.step();
}

// Mistakes with losses, layers, modules and their checkpoints.
#include <downhill/nn.h>

#include "mistakes/mistakes.h"

using namespace downhill;
using namespace mistakes;
namespace F = nn::functional;

namespace {

struct Net : nn::Module {
  nn::Linear fc;
  Net() : fc(register_module("fc", nn::Linear(3, 2))) {}
};

struct Expanded : nn::Module {
  Expanded() {
    register_buffer("a", zeros({2}));
    register_buffer("b", zeros({1}).expand({3}));
  }
};

struct Twice : nn::Module {
  Twice() {
    register_module("fc", nn::Linear(3, 2));
    register_module("fc", nn::Linear(3, 2));
  }
};

/// The rows' modules share one state to watch.
std::vector<Row> watching(const nn::Module& m, std::vector<Row> rows) {
  for (Row& row : rows) row.state = [&m] { return m.state_dict(); };
  return rows;
}

StateDict without_bias() { return {{"fc.weight", zeros({2, 3})}}; }

}  // namespace

TEST_CASE("losses of what does not fit") {
  const Tensor scores = randn({2, 3}), classes = tensor({0, 2}), none;
  check_rows({
      {"probabilities as targets",
       {scores, randn({2, 3})},
       [](In x) { F::cross_entropy(x[0], x[1]); },
       "cross_entropy: target must be int64 (class numbers), got float32"},
      {"a target for each of other examples",
       {scores, tensor({0, 1, 2})},
       [](In x) { F::cross_entropy(x[0], x[1]); },
       "cross_entropy: x of shape [2, 3] needs one target a row, got a target of shape [3]"},
      {"targets as a column",
       {scores, tensor({{0}, {1}})},
       [](In x) { F::cross_entropy(x[0], x[1]); },
       "cross_entropy: x of shape [2, 3] needs one target a row, got a target of shape [2, 1]"},
      {"scores that are integers",
       {tensor({{1, 2}}), tensor({0})},
       [](In x) { F::cross_entropy(x[0], x[1]); },
       "cross_entropy: x must be floating-point, got int64"},
      {"a weight for other classes",
       {scores, classes, ones({2})},
       [](In x) { F::cross_entropy(x[0], x[1], {.weight = x[2]}); },
       "cross_entropy: the weight must be [3], got [2]"},
      {"too much label smoothing",
       {scores, classes},
       [](In x) { F::cross_entropy(x[0], x[1], {.label_smoothing = 10}); },
       "cross_entropy: label_smoothing must be in [0, 1], got 10"},
      {"targets that were never given a value",
       {scores, none},
       [](In x) { F::cross_entropy(x[0], x[1]); },
       "cross_entropy: got an undefined tensor"},
      {"nll_loss of targets for other examples",
       {scores, tensor({0, 1, 2})},
       [](In x) { F::nll_loss(x[0], x[1]); },
       "nll_loss: needs input [N, C] and target [N], got [2, 3] and [3]"},
      {"nll_loss of probabilities as targets",
       {scores, randn({2})},
       [](In x) { F::nll_loss(x[0], x[1]); },
       "nll_loss: target must be int64 (class numbers), got float32"},
      {"dropout with a probability above 1",
       {scores},
       [](In x) { F::dropout(x[0], {.p = 1.5}); },
       "dropout: p must be in [0, 1], got 1.5"},
      {"predictions [N, 1] and targets [N]",
       {randn({4, 1}), randn({4})},
       [](In x) { F::mse_loss(x[0], x[1]); },
       "mse_loss: shapes must be equal, got input [4, 1] and target [4]"},
      {"integer predictions",
       {tensor({1, 2}), tensor({1, 2})},
       [](In x) { F::mse_loss(x[0], x[1]); },
       "mse_loss: the input must be floating-point, got int64"},
      {"a target that was never given a value",
       {scores, none},
       [](In x) { F::l1_loss(x[0], x[1]); },
       "l1_loss: the target is an undefined tensor"},
      {"one logit for many targets",
       {randn({1}), randn({4})},
       [](In x) { F::binary_cross_entropy_with_logits(x[0], x[1]); },
       "binary_cross_entropy_with_logits: shapes must be equal, got input [1] and target [4]"},
      {"a factor for the positive part of other classes",
       {scores, rand({2, 3}), ones({2})},
       [](In x) { F::binary_cross_entropy_with_logits(x[0], x[1], {.pos_weight = x[2]}); },
       "binary_cross_entropy_with_logits: shapes [2] and [2, 3] do not broadcast (dimension -1: 2 "
       "and 3)"},
      {"a weight of more losses than there are",
       {scores, rand({2, 3}), ones({4, 1, 1})},
       [](In x) { F::binary_cross_entropy_with_logits(x[0], x[1], {.weight = x[2]}); },
       "binary_cross_entropy_with_logits: the weight of shape [4, 1, 1] does not fit the losses of "
       "shape [2, 3]"},
      {"a penalty on what was never given a value",
       {none},
       [](In x) { nn::l1_penalty(x); },
       "elastic_net: got an undefined tensor"},
      {"a penalty on integers",
       {tensor({1, 2})},
       [](In x) { nn::l2_penalty(x); },
       "elastic_net: needs floating-point tensors, got int64"},
  });
  check_rows<IndexError>({
      {"classes counted from 1",
       {scores, tensor({1, 3})},
       [](In x) { F::cross_entropy(x[0], x[1]); },
       "cross_entropy: target 3 at position 1 is out of range for 3 classes"},
      {"classes counted from 1, with label smoothing",
       {scores, tensor({1, 3})},
       [](In x) { F::cross_entropy(x[0], x[1], {.label_smoothing = 0.1}); },
       "cross_entropy: target 3 at position 1 is out of range for 3 classes"},
      {"nll_loss of a class that is not there",
       {scores, tensor({0, -1})},
       [](In x) { F::nll_loss(x[0], x[1]); },
       "nll_loss: target -1 at position 1 is out of range for 3 classes"},
      {"a hinge loss of a class that is not there",
       {scores, tensor({0, 3})},
       [](In x) { F::multiclass_hinge_loss(x[0], x[1], {.variant = F::Hinge::one_vs_all}); },
       "multiclass_hinge_loss: target 3 at position 1 is out of range for 3 classes"},
  });
}

TEST_CASE("layers of what does not fit") {
  const nn::Linear fc(3, 2);
  const Tensor& w = fc->weight;
  const std::vector<Row> rows = {
      {"examples of another number of features",
       {randn({4, 5})},
       [&](In x) { fc(x[0]); },
       "linear: x [4, 5] and weight [2, 3] do not fit: 5 features, 3 expected"},
      {"images that were not flattened",
       {randn({4, 28, 28})},
       [&](In x) { fc(x[0]); },
       "linear: x [4, 28, 28] and weight [2, 3] do not fit: 28 features, 3 expected"},
      {"examples of another dtype",
       {randn({4, 3}, kFloat64)},
       [&](In x) { fc(x[0]); },
       "linear: the operands must have one dtype, got float64 and float32; convert one "
       "with to()"},
      {"a bias of another size",
       {randn({4, 3}), w, randn({3})},
       [](In x) { linear(x[0], x[1], x[2]); },
       "linear: the bias must be float32 [2], got float32 [3]"},
      {"a layer of negative size",
       {},
       [](In) { nn::Linear(-1, 2); },
       "Linear: in_features must be >= 0, got -1"},
      {"dropout in percent",
       {},
       [](In) { nn::Dropout(50); },
       "Dropout: p must be in [0, 1], got 50"},
      {"an empty handle",
       {w},
       [](In x) { nn::Linear(nullptr)(x[0]); },
       "nn: the module handle is empty"},
      {"Xavier's values for a bias",
       {randn({3})},
       [](In x) { nn::init::xavier_uniform_(x[0]); },
       "xavier_uniform_: needs at least 2 dimensions, got [3]"},
      {"the gain of an unknown nonlinearity",
       {},
       [](In) { nn::init::calculate_gain("swish"); },
       "calculate_gain: unknown nonlinearity \"swish\""},
      {"the identity as a vector",
       {randn({3})},
       [](In x) { nn::init::eye_(x[0]); },
       "eye_: needs a matrix, got [3]"},
  };
  check_rows(watching(*fc, rows));
  check_rows<IndexError>({{"a layer that is not there",
                           {w},
                           [&](In) { nn::Sequential(fc, nn::ReLU())[2]; },
                           "Sequential: index 2 in 2 layers"}});
}

TEST_CASE("modules put together wrongly") {
  Net net;
  const Tensor w = randn({2}, requires_grad()), numbers = tensor({1, 2});
  const std::vector<Row> rows = {
      {"a name twice", {}, [](In) { Twice(); }, "Twice: the name \"fc\" is registered already"},
      {"a name twice, later",
       {w},
       [&](In x) { net.register_parameter("fc", x[0]); },
       "Net: the name \"fc\" is registered already"},
      {"a name with a dot",
       {},
       [&](In) { net.register_module("head.fc", nn::Linear(2, 2)); },
       "Net: a name must not be empty or hold a dot, got \"head.fc\""},
      {"no name",
       {numbers},
       [&](In x) { net.register_buffer("", x[0]); },
       "Net: a name must not be empty or hold a dot, got \"\""},
      {"an empty handle",
       {},
       [&](In) { net.register_module("head", nn::Linear(nullptr)); },
       "register_module: \"head\" is an empty handle"},
      {"a parameter that was never given a value",
       {},
       [&](In) { net.register_parameter("w", Tensor()); },
       "Net: \"w\" is an undefined tensor"},
      {"the result of an op as a parameter",
       {w},
       [&](In x) { net.register_parameter("w", x[0] * 2); },
       "register_parameter: \"w\" is the result of an op"},
      {"a network in itself",
       {},
       [](In) {
         nn::Sequential inner, outer(inner);
         inner->push_back(outer);
       },
       "register_module: \"0\" would put a module into itself"},
      {"an integer parameter",
       {numbers},
       [&](In x) { net.register_parameter("w", x[0]); },
       "register_parameter: \"w\" is int64, only floating-point tensors can be trained; "
       "use register_buffer"},
      {"a new layer assigned over a registered one",
       {},
       [&](In) { net.fc = nn::Linear(3, 5); },
       "Linear: this module is registered, assigning another one to its handle would not "
       "replace it; use replace_module"},
      {"another module in place of one that is not there",
       {},
       [&](In) { net.replace_module("head", nn::Linear(3, 5)); },
       "replace_module: no module is registered as \"head\""},
      {"a network of integers",
       {},
       [&](In) { net.to(kInt64); },
       "Net: to() needs a floating-point dtype, got int64"},
  };
  check_rows(watching(net, rows));
}

TEST_CASE("checkpoints and gradients that do not fit") {
  Net net;
  const Tensor w = ones({2}, requires_grad());
  (w * tensor({3.0, 4.0})).sum().backward();
  const Tensor odd = ones({2}, requires_grad());
  odd.mutable_grad() = tensor({1, 2});
  const std::vector<Row> rows = {
      {"a checkpoint of another network",
       {},
       [&](In) {
         net.load_state_dict({{"fc1.weight", zeros({2, 3})}, {"fc.bias", zeros({3})}});
       },
       "load_state_dict: the state does not fit Net\n  other shape: fc.bias is [2], got [3]\n"
       "  missing: fc.weight\n  unexpected: fc1.weight"},
      {"a checkpoint that lacks a tensor",
       {},
       [&](In) { net.load_state_dict(without_bias()); },
       "load_state_dict: the state does not fit Net\n  missing: fc.bias"},
      {"a checkpoint with a tensor that was never given a value",
       {},
       [&](In) {
         net.load_state_dict({{"fc.weight", zeros({2, 3})}, {"fc.bias", Tensor()}});
       },
       "load_state_dict: the state does not fit Net\n  missing: fc.bias"},
      {"another shape, though not strict",
       {},
       [&](In) {
         net.load_state_dict({{"fc.weight", zeros({3, 2})}}, false);
       },
       "load_state_dict: the state does not fit Net\n  other shape: fc.weight is [2, 3], got "
       "[3, 2]"},
      {"a name that a state does not have",
       {},
       [](In) { without_bias().at("fc.bias"); },
       "state dict: no tensor is named 'fc.bias'; there are 1: fc.weight"},
      {"a name twice in a state",
       {},
       [](In) { without_bias().insert("fc.weight", zeros({1})); },
       "state dict: the name 'fc.weight' is there already"},
      {"clipping to a negative norm",
       {w},
       [](In x) { nn::utils::clip_grad_norm_(x, -1); },
       "clip_grad_norm_: max_norm must be >= 0, got -1"},
      {"clipping by a norm of order 0",
       {w},
       [](In x) { nn::utils::clip_grad_norm_(x, 1, 0); },
       "clip_grad_norm_: norm_type must be > 0, got 0"},
      {"clipping to a negative value",
       {w},
       [](In x) { nn::utils::clip_grad_value_(x, -1); },
       "clip_grad_value_: clip_value must be >= 0, got -1"},
      {"clipping a gradient of integers",
       {w, odd},
       [](In x) { nn::utils::clip_grad_norm_(x, 1); },
       "clip_grad_norm_: a gradient is int64, not floating-point"},
      {"clipping what was never given a value",
       {w, Tensor()},
       [](In x) { nn::utils::clip_grad_norm_(x, 1); },
       "clip_grad_norm_: a parameter is undefined"},
      {"a vector for other parameters",
       {w, zeros({3})},
       [](In x) { nn::utils::vector_to_parameters(x[1], {x[0]}); },
       "vector_to_parameters: the parameters have 2 elements, the vector 3"},
      {"a vector for a parameter that is expanded",
       {w, ones({1}).expand({3}), ones({5})},
       [](In x) {
         nn::utils::vector_to_parameters(x[2], {x[0], x[1]});
       },
       "vector_to_parameters: several elements of a parameter (shape [3], expanded) are one place "
       "in memory; give it a clone()"},
      {"a vector for what was never given a value",
       {w, Tensor(), ones({2})},
       [](In x) {
         nn::utils::vector_to_parameters(x[2], {x[0], x[1]});
       },
       "vector_to_parameters: a parameter is undefined"},
      {"a vector that was never given a value",
       {w, Tensor()},
       [](In x) { nn::utils::vector_to_parameters(x[1], {x[0]}); },
       "vector_to_parameters: the vector is undefined"},
  };
  check_rows(watching(net, rows));
}

TEST_CASE("a checkpoint for a module with an expanded buffer changes nothing") {
  Expanded module;
  check_rows(watching(module, {{"a buffer whose elements are one place",
                                {},
                                [&](In) {
                                  module.load_state_dict({{"a", ones({2})}, {"b", ones({3})}});
                                },
                                "load_state_dict: the state does not fit Expanded\n"
                                "  several elements in one place, needs a clone(): b"}}));
}

TEST_CASE("a merge that meets a name twice inserts nothing") {
  StateDict state{{"a.y", zeros({1})}};
  CHECK_THROWS_WITH_AS(state.merge("a.", {{"x", zeros({1})}, {"y", zeros({1})}}),
                       "state dict: the name 'a.y' is there already", Error);
  CHECK(state.size() == 1);
}

// The rows of the table. A row is named here once, with its sizes; contenders join by that name.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace bench {

struct Row {
  std::string name;
  double per = 1;           ///< units of work in one repetition: times are given for one unit
  double tolerance = 1e-4;  ///< how far contenders' results may lie apart
};

/// All rows in the order of the table.
const std::vector<Row>& all_rows();
/// The row of this name, or -1.
int row_index(const std::string& name);

/// The ops on 10 floats: what is computed, each unrecorded and recorded.
inline constexpr const char* small_ops[] = {"add",         "mul",       "mul by constant",
                                            "x * 2.0",     "exp",       "relu",
                                            "0-d x * 2.0", "transpose", "select"};
inline constexpr std::int64_t small_size = 10;
std::string small_name(const std::string& op, bool recorded);

/// y = y * w, 1000 times from a parameter, and backward; w is a constant or a parameter as well.
inline constexpr std::int64_t chain_length = 1000;
inline constexpr const char* chain_by_constant = "chain by constant, fwd+bwd";
inline constexpr const char* chain_by_parameter = "chain by parameter, fwd+bwd";

/// [m, k] x [k, n].
struct Product {
  std::int64_t m, k, n;
};
inline constexpr Product products[] = {{8, 8, 8}, {1, 10, 10}, {64, 64, 64}, {256, 256, 256}};
std::string product_name(const Product& p, bool with_backward);

/// Linear, ReLU, Linear, cross-entropy; a training step with AdamW.
struct Mlp {
  std::int64_t batch, inputs, hidden, classes;
};
inline constexpr Mlp mlps[] = {{1, 10, 10, 10},
                               {300, 2, 100, 10},
                               {64, 784, 128, 10},
                               {64, 3072, 100, 10},
                               {256, 784, 1024, 10}};
std::string name(const Mlp& m);

/// Linear and a loss; a training step with SGD. The hinge is Weston and Watkins', margin 1.
struct Classifier {
  bool hinge;
  std::int64_t batch, inputs, classes;
};
inline constexpr Classifier classifiers[] = {
    {false, 64, 3072, 10}, {false, 256, 3072, 10}, {true, 64, 3072, 10}, {true, 256, 3072, 10}};
std::string name(const Classifier& c);

/// Linear, tanh, Linear to one output s; the loss is the mean over examples of (|ds/dx| - 1)^2, and
/// its gradient with respect to weights and biases is computed (WGAN-GP's penalty).
struct Penalty {
  std::int64_t batch, inputs, hidden;
};
inline constexpr Penalty penalty{64, 784, 128};
std::string name(const Penalty& p);

/// Training rows: every contender starts from the same weights, takes the targets of `target_sets`
/// in turn (so that the loss stays away from 0), and is compared after `checked_steps`.
inline constexpr std::int64_t target_sets = 4, checked_steps = 5;
inline constexpr double adamw_lr = 1e-3, adamw_decay = 1e-2, sgd_lr = 1e-3, momentum = 0.9;

/// A step on one big parameter.
inline constexpr std::int64_t optimizer_size = 10'000'000;
inline constexpr const char* adamw_step = "AdamW step, 1e7";
inline constexpr const char* momentum_step = "SGD momentum step, 1e7";

inline constexpr std::int64_t pointwise_sizes[] = {1'000, 100'000, 10'000'000};
inline constexpr const char* pointwise_ops[] = {"add", "exp", "tanh"};
std::string pointwise_name(const std::string& op, std::int64_t n);

/// Sums of a matrix over everything (-1) or an axis.
inline constexpr std::int64_t sum_rows = 2'500, sum_columns = 4'000;
std::string sum_name(int axis);

/// tanh(x) * y + exp(-x * x): one pass where the contender can, or made of single ops.
inline constexpr std::int64_t formula_size = 1'000'000;
std::string formula_name(bool composed, bool with_backward);

/// What the memory allows.
inline constexpr const char* copy_ceiling = "memory: copy 1e7";
inline constexpr const char* read_ceiling = "memory: read 1e7";

}  // namespace bench

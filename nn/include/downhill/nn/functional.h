// Functions without state, as torch.nn.functional. `namespace F = downhill::nn::functional;`
// Options stand in the order of Python's arguments. Targets that are class numbers are int64.
#pragma once
#include <downhill/tensor/ops.h>

#pragma GCC visibility push(default)
namespace downhill::nn::functional {

using downhill::linear;
using downhill::log_softmax;
using downhill::relu;
using downhill::sigmoid;
using downhill::softmax;
using downhill::tanh;

struct DropoutOptions {
  double p = 0.5;        ///< in [0, 1]
  bool training = true;  ///< false: x is returned as it is
};
/// Zeroes each element with probability p and divides the others by 1 - p. The mask comes from the
/// default generator.
Tensor dropout(const Tensor& x, const DropoutOptions& options = {});

struct CrossEntropyOptions {
  Tensor weight = {};                ///< [C]: a factor for each class; undefined: all 1
  std::int64_t ignore_index = -100;  ///< examples with this target count for nothing
  Reduction reduction = Reduction::mean;
  double label_smoothing = 0;  ///< in [0, 1]: this part of the target is spread over all classes
};
/// -log softmax(scores)[target], with scores [N, C] or [C] and target [N] or 0-d. With weights the
/// mean is weighted. The mean over no examples is NaN.
Tensor cross_entropy(const Tensor& scores, const Tensor& target,
                     const CrossEntropyOptions& options = {});

struct NLLOptions {
  Tensor weight = {};
  std::int64_t ignore_index = -100;
  Reduction reduction = Reduction::mean;
};
/// -weight[target] * log_probabilities[target]; shapes and weights as in cross_entropy.
Tensor nll_loss(const Tensor& log_probabilities, const Tensor& target,
                const NLLOptions& options = {});

struct LossOptions {
  Reduction reduction = Reduction::mean;
};
/// (input - target)^2. Unlike in PyTorch, shapes must be equal: broadcasting here is nearly always
/// a mistake, [N] against [N, 1] would be N^2 differences.
Tensor mse_loss(const Tensor& input, const Tensor& target, const LossOptions& options = {});
/// |input - target|; equal shapes.
Tensor l1_loss(const Tensor& input, const Tensor& target, const LossOptions& options = {});

struct BCEWithLogitsOptions {
  Tensor weight = {};  ///< broadcasts to the losses; undefined: 1
  Reduction reduction = Reduction::mean;
  Tensor pos_weight = {};  ///< factor of the positive part; broadcasts; undefined: 1
};
/// -(t log s + (1 - t) log(1 - s)) with s = sigmoid(logits), without overflow; equal shapes, t in
/// [0, 1] and of the logits' dtype.
Tensor binary_cross_entropy_with_logits(const Tensor& logits, const Tensor& target,
                                        const BCEWithLogitsOptions& options = {});

/// The multiclass support vector machines of Weston and Watkins (1999: every class j != y), Crammer
/// and Singer (2001: the highest of them only), and one binary machine a class.
enum class Hinge {
  weston_watkins,  ///< sum over j != y of max(0, s_j - s_y + margin)
  crammer_singer,  ///< max over j != y of max(0, s_j - s_y + margin)
  one_vs_all,      ///< max(0, margin - s_y) + sum over j != y of max(0, margin + s_j)
};
struct HingeOptions {
  double margin = 1;
  Hinge variant = Hinge::weston_watkins;
  Reduction reduction = Reduction::mean;
};
/// scores [N, C], y int64 [N]. The gradient at a kink is that of the flat side.
Tensor multiclass_hinge_loss(const Tensor& scores, const Tensor& y,
                             const HingeOptions& options = {});

}  // namespace downhill::nn::functional
#pragma GCC visibility pop

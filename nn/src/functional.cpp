#include <downhill/nn/functional.h>
#include <downhill/tensor/check.h>
#include <downhill/tensor/factory.h>
#include <downhill/tensor/format.h>
#include <downhill/tensor/random.h>

#include <limits>

namespace downhill::nn::functional {

namespace {

Tensor reduced(const Tensor& losses, Reduction reduction) {
  if (reduction == Reduction::mean) return losses.mean();
  return reduction == Reduction::sum ? losses.sum() : losses;
}

void check_inputs(const char* op, const Tensor& input, const Tensor& target) {
  check(input.defined() && target.defined(), "{}: the {} is an undefined tensor", op,
        input.defined() ? "target" : "input");
  check(input.is_floating_point(), "{}: the input must be floating-point, got {}", op,
        name_of(input.dtype()));
}

void check_same_shape(const char* op, const Tensor& input, const Tensor& target) {
  check_inputs(op, input, target);
  check(input.sizes() == target.sizes(), "{}: shapes must be equal, got input {} and target {}", op,
        input.sizes(), target.sizes());
}

void check_range(const char* op, const Tensor& target, std::int64_t classes,
                 std::optional<std::int64_t> ignored) {
  const Tensor dense = target.contiguous();
  const auto* t = dense.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < dense.numel(); ++i)
    check_index(t[i] == ignored || (t[i] >= 0 && t[i] < classes),
                "{}: target {} at position {} is out of range for {} classes", op, t[i], i,
                classes);
}

void check_classes(const char* op, const Tensor& scores, const Tensor& target,
                   std::optional<std::int64_t> ignored = {}) {
  check_inputs(op, scores, target);
  check(scores.dim() == 2 && target.dim() == 1 && scores.size(0) == target.size(0),
        "{}: needs input [N, C] and target [N], got {} and {}", op, scores.sizes(), target.sizes());
  check(target.dtype() == kInt64, "{}: target must be int64 (class numbers), got {}", op,
        name_of(target.dtype()));
  check_range(op, target, scores.size(1), ignored);
}

void check_factor(const char* op, const char* name, const Tensor& factor, const Shape& size) {
  if (!factor.defined()) return;
  check(downhill::detail::broadcast(op, factor.sizes(), size) == size,
        "{}: the {} of shape {} does not fit the losses of shape {}", op, name, factor.sizes(),
        size);
}

/// The elements x[i, y[i]].
Tensor picked(const Tensor& x, const Tensor& y) { return x.gather(1, y.unsqueeze(1)).squeeze(1); }

Tensor one_hot(const Tensor& y, std::int64_t classes) {
  return y.unsqueeze(1) == arange(classes).unsqueeze(0);
}

/// A batch of targets, what each counts, and the classes' weights.
struct Classes {
  Tensor log_p, target, counts, weight, ignored;

  Classes(const char* op, const Tensor& log_probabilities, const Tensor& y, const Tensor& w,
          std::int64_t ignore_index)
      : log_p(log_probabilities), weight(w) {
    ignored = y == ignore_index;
    target = where(ignored, 0, y);
    counts = (~ignored).to(log_p.dtype());
    if (!weight.defined()) return;
    check(weight.dim() == 1 && weight.size(0) == log_p.size(1),
          "{}: the weight must be [{}], got {}", op, log_p.size(1), weight.sizes());
    counts = counts * weight.index_select(0, target);
  }
  Tensor target_losses() const { return (-picked(log_p, target) * counts).masked_fill(ignored, 0); }
  Tensor smooth_losses() const {
    const Tensor all = weight.defined() ? log_p * weight : log_p;
    return (-all.sum({1})).masked_fill(ignored, 0);
  }
  Tensor reduce(const Tensor& losses, Reduction reduction) const {
    if (reduction == Reduction::mean) return losses.sum() / counts.sum();
    return reduced(losses, reduction);
  }
};

}  // namespace

Tensor dropout(const Tensor& x, const DropoutOptions& o) {
  check(o.p >= 0 && o.p <= 1, "dropout: p must be in [0, 1], got {}", o.p);
  if (!o.training || o.p == 0) return x;
  if (o.p == 1) return x * 0;
  return x * bernoulli_like(x, 1 - o.p).mul_(1 / (1 - o.p));
}

Tensor cross_entropy(const Tensor& scores, const Tensor& target, const CrossEntropyOptions& o) {
  const double smooth = o.label_smoothing;
  check(smooth >= 0 && smooth <= 1, "cross_entropy: label_smoothing must be in [0, 1], got {}",
        smooth);
  if (!o.weight.defined() && smooth == 0)
    return downhill::cross_entropy(scores, target, o.reduction, o.ignore_index);
  check_classes("cross_entropy", scores, target, o.ignore_index);
  const Classes c("cross_entropy", scores.log_softmax(-1), target, o.weight, o.ignore_index);
  Tensor losses = c.target_losses();
  if (smooth > 0) {
    const double spread = smooth / static_cast<double>(scores.size(1));
    losses = (1 - smooth) * losses + spread * c.smooth_losses();
  }
  return c.reduce(losses, o.reduction);
}

Tensor nll_loss(const Tensor& log_probabilities, const Tensor& target, const NLLOptions& o) {
  check_classes("nll_loss", log_probabilities, target, o.ignore_index);
  const Classes c("nll_loss", log_probabilities, target, o.weight, o.ignore_index);
  return c.reduce(c.target_losses(), o.reduction);
}

Tensor mse_loss(const Tensor& input, const Tensor& target, const LossOptions& o) {
  check_same_shape("mse_loss", input, target);
  return reduced(square(input - target), o.reduction);
}

Tensor l1_loss(const Tensor& input, const Tensor& target, const LossOptions& o) {
  check_same_shape("l1_loss", input, target);
  return reduced(abs(input - target), o.reduction);
}

Tensor binary_cross_entropy_with_logits(const Tensor& x, const Tensor& t,
                                        const BCEWithLogitsOptions& o) {
  constexpr const char* op = "binary_cross_entropy_with_logits";
  check_same_shape(op, x, t);
  check_factor(op, "weight", o.weight, x.sizes());
  check_factor(op, "pos_weight", o.pos_weight, x.sizes());
  const Tensor m = (-x).detach().clamp_min(0);  // the value does not depend on it
  const Tensor log_term = m + log(exp(-m) + exp(-x - m));
  const Tensor positive = o.pos_weight.defined() ? 1 + (o.pos_weight - 1) * t : Tensor();
  Tensor losses = (1 - t) * x + (positive.defined() ? positive * log_term : log_term);
  if (o.weight.defined()) losses = losses * o.weight;
  return reduced(losses, o.reduction);
}

Tensor multiclass_hinge_loss(const Tensor& scores, const Tensor& y, const HingeOptions& o) {
  if (o.variant == Hinge::weston_watkins)
    return downhill::multiclass_hinge(scores, y, o.margin, o.reduction);
  check_classes("multiclass_hinge_loss", scores, y);
  const Tensor own = picked(scores, y);
  if (o.variant == Hinge::crammer_singer) {
    const double lowest = -std::numeric_limits<double>::infinity();
    const Tensor others = scores.masked_fill(one_hot(y, scores.size(1)), lowest);
    return reduced(relu(others.amax({1}) - own + o.margin), o.reduction);
  }
  const Tensor all = relu(scores + o.margin).sum({1});
  return reduced(all - relu(own + o.margin) + relu(o.margin - own), o.reduction);
}

}  // namespace downhill::nn::functional

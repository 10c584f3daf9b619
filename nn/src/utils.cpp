#include <downhill/nn/utils.h>
#include <downhill/tensor/check.h>
#include <downhill/tensor/factory.h>
#include <downhill/tensor/graph.h>
#include <downhill/tensor/multi_tensor.h>
#include <downhill/tensor/ops.h>
#include <downhill/tensor/overlap.h>

#include <cmath>

namespace downhill::nn::utils {

namespace {

struct ClampRule {
  static constexpr int operands = 1;
  struct Coefficients {
    double most;
  };
  DOWNHILL_INLINE static void update(auto& x, const auto& c) {
    x = where(x < -c.most, -c.most, where(x > c.most, c.most, x));
  }
};

/// The gradients, each made dense in place where it was not.
const detail::MultiList& gradients(const char* op, const std::vector<Tensor>& parameters) {
  static thread_local detail::MultiList list;
  list.clear();
  for (const Tensor& p : parameters) {
    check(p.defined(), "{}: a parameter is undefined", op);
    if (!p.requires_grad() || !p.is_leaf()) continue;
    Tensor& grad = p.mutable_grad();
    if (!grad.defined()) continue;
    check(grad.is_floating_point(), "{}: a gradient is {}, not floating-point", op,
          name_of(grad.dtype()));
    if (!grad.impl().dense) grad = grad.contiguous();
    list.add(grad.impl());
  }
  return list;
}

void changed(const std::vector<Tensor>& parameters) {
  for (const Tensor& p : parameters)
    if (p.requires_grad() && p.is_leaf() && p.mutable_grad().defined())
      ++p.mutable_grad().impl().storage->version;
}

double norm(const detail::MultiList& list, double p) {
  if (std::isinf(p)) return list.largest_magnitude();
  if (p == 1) return list.sums().magnitudes;
  if (p == 2) return std::sqrt(list.sums().squares);
  return std::pow(list.sum_of_powers(p), 1 / p);
}

}  // namespace

double clip_grad_norm_(const std::vector<Tensor>& parameters, double max_norm, double norm_type,
                       bool error_if_nonfinite) {
  check(max_norm >= 0, "clip_grad_norm_: max_norm must be >= 0, got {}", max_norm);
  check(norm_type > 0, "clip_grad_norm_: norm_type must be > 0, got {}", norm_type);
  NoGradGuard no_grad;
  const detail::MultiList& list = gradients("clip_grad_norm_", parameters);
  const double total = norm(list, norm_type);
  check(!error_if_nonfinite || std::isfinite(total),
        "clip_grad_norm_: the total norm of the gradients is {}", total);
  const detail::ScaleRule::Coefficients scale{max_norm / (total + 1e-6)};
  if (scale.factor >= 1) return total;
  list.run(detail::multi_rule<detail::ScaleRule>, &scale);
  changed(parameters);
  return total;
}

void clip_grad_value_(const std::vector<Tensor>& parameters, double clip_value) {
  check(clip_value >= 0, "clip_grad_value_: clip_value must be >= 0, got {}", clip_value);
  NoGradGuard no_grad;
  const ClampRule::Coefficients most{clip_value};
  gradients("clip_grad_value_", parameters).run(detail::multi_rule<ClampRule>, &most);
  changed(parameters);
}

Tensor parameters_to_vector(const std::vector<Tensor>& parameters) {
  std::vector<Tensor> flat;
  flat.reserve(parameters.size());
  for (const Tensor& p : parameters) flat.push_back(p.reshape({-1}));
  return flat.empty() ? zeros({0}) : cat(flat);
}

void vector_to_parameters(const Tensor& vector, const std::vector<Tensor>& parameters) {
  check(vector.defined(), "vector_to_parameters: the vector is undefined");
  std::int64_t n = 0;
  for (const Tensor& p : parameters) {
    check(p.defined(), "vector_to_parameters: a parameter is undefined");
    check(!detail::repeats_elements(p.impl()),
          "vector_to_parameters: several elements of a parameter (shape {}, expanded) are one "
          "place in memory; give it a clone()",
          p.sizes());
    n += p.numel();
  }
  check(vector.dim() == 1 && vector.numel() == n,
        "vector_to_parameters: the parameters have {} elements, the vector {}", n, vector.numel());
  NoGradGuard no_grad;
  std::int64_t at = 0;
  for (const Tensor& p : parameters) {
    p.copy_(vector.narrow(0, at, p.numel()).reshape(p.sizes()));
    at += p.numel();
  }
}

}  // namespace downhill::nn::utils

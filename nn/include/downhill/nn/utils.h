// Gradient clipping, and parameters as one vector; after torch.nn.utils.
#pragma once
#include <downhill/tensor/tensor.h>

#include <vector>

#pragma GCC visibility push(default)
namespace downhill::nn::utils {

/// Scales all gradients by max_norm / (total + 1e-6) where that is below 1; total is the norm of
/// all gradients taken together, (sum |g|^p)^(1/p), for norm_type p > 0 or infinity (the largest
/// |g|), and is returned. It is summed in double, without scaling: powers of floats fit, powers of
/// doubles may not (those of 1e200 make it infinite, and the gradients 0, as in PyTorch); denormal
/// gradients may count as 0. Parameters without gradient are left out. Throws Error for a max_norm
/// that is negative, a norm_type that is not positive and, where error_if_nonfinite, for a total
/// that is NaN or infinite.
double clip_grad_norm_(const std::vector<Tensor>& parameters, double max_norm, double norm_type = 2,
                       bool error_if_nonfinite = false);
/// Clamps every gradient element to [-clip_value, clip_value]; NaN stays NaN.
void clip_grad_value_(const std::vector<Tensor>& parameters, double clip_value);

/// All elements one after the other, as a 1-d tensor; recorded.
Tensor parameters_to_vector(const std::vector<Tensor>& parameters);
/// Copies such a vector back. Throws Error, before anything changes, unless the number of
/// elements is the same, and for a parameter that is undefined or expanded.
void vector_to_parameters(const Tensor& vector, const std::vector<Tensor>& parameters);

}  // namespace downhill::nn::utils
#pragma GCC visibility pop

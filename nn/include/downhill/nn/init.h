// Initial values, after torch.nn.init. All change the tensor in place, are not recorded, draw from
// the default generator, and return the tensor. Fans: of a weight [out, in, k...], fan_in = in *
// k... and fan_out = out * k...
#pragma once
#include <downhill/tensor/tensor.h>

#include <string_view>

#pragma GCC visibility push(default)
namespace downhill::nn::init {

Tensor uniform_(const Tensor& t, double a = 0, double b = 1);      ///< U(a, b)
Tensor normal_(const Tensor& t, double mean = 0, double std = 1);  ///< N(mean, std^2)
Tensor constant_(const Tensor& t, double value);
Tensor zeros_(const Tensor& t);
Tensor ones_(const Tensor& t);
Tensor eye_(const Tensor& t);  ///< the identity; of a matrix only

/// The factor that keeps the spread of activations through a nonlinearity: linear, sigmoid 1; tanh
/// 5/3; relu sqrt(2); leaky_relu sqrt(2 / (1 + slope^2)); selu 3/4. Throws Error for another name.
double calculate_gain(std::string_view nonlinearity, double slope = 0.01);

/// U(-a, a) with a = gain sqrt(6 / (fan_in + fan_out)): Glorot and Bengio (AISTATS 2010).
Tensor xavier_uniform_(const Tensor& t, double gain = 1);
/// N(0, gain^2 * 2 / (fan_in + fan_out)).
Tensor xavier_normal_(const Tensor& t, double gain = 1);

enum class FanMode { fan_in, fan_out };
struct KaimingOptions {
  double a = 0;  ///< the slope of leaky_relu
  FanMode mode = FanMode::fan_in;
  std::string_view nonlinearity = "leaky_relu";
};
/// U(-b, b) with b = gain sqrt(3 / fan): He et al. (ICCV 2015).
Tensor kaiming_uniform_(const Tensor& t, const KaimingOptions& options = {});
/// N(0, gain^2 / fan).
Tensor kaiming_normal_(const Tensor& t, const KaimingOptions& options = {});

}  // namespace downhill::nn::init
#pragma GCC visibility pop

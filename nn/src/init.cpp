#include <downhill/nn/init.h>
#include <downhill/tensor/check.h>
#include <downhill/tensor/factory.h>
#include <downhill/tensor/format.h>
#include <downhill/tensor/graph.h>

#include <cmath>

namespace downhill::nn::init {

namespace {

struct Fans {
  double in, out;
};

Fans fans(const char* op, const Tensor& t) {
  check(t.dim() >= 2, "{}: needs at least 2 dimensions, got {}", op, t.sizes());
  double window = 1;
  for (int i = 2; i < t.dim(); ++i) window *= static_cast<double>(t.size(i));
  return {static_cast<double>(t.size(1)) * window, static_cast<double>(t.size(0)) * window};
}

double kaiming_std(const char* op, const Tensor& t, const KaimingOptions& o) {
  const Fans f = fans(op, t);
  return calculate_gain(o.nonlinearity, o.a) / std::sqrt(o.mode == FanMode::fan_in ? f.in : f.out);
}

double xavier_std(const char* op, const Tensor& t, double gain) {
  const Fans f = fans(op, t);
  return gain * std::sqrt(2 / (f.in + f.out));
}

Tensor filled_uniform(const Tensor& t, double std) {
  return t.numel() == 0 ? t : uniform_(t, -std::sqrt(3.0) * std, std::sqrt(3.0) * std);
}
Tensor filled_normal(const Tensor& t, double std) {
  return t.numel() == 0 ? t : normal_(t, 0, std);
}

}  // namespace

Tensor uniform_(const Tensor& t, double a, double b) {
  NoGradGuard no_grad;
  return t.uniform_(a, b);
}
Tensor normal_(const Tensor& t, double mean, double std) {
  NoGradGuard no_grad;
  return t.normal_(mean, std);
}
Tensor constant_(const Tensor& t, double value) {
  NoGradGuard no_grad;
  return t.fill_(value);
}
Tensor zeros_(const Tensor& t) { return constant_(t, 0); }
Tensor ones_(const Tensor& t) { return constant_(t, 1); }
Tensor eye_(const Tensor& t) {
  check(t.dim() == 2, "eye_: needs a matrix, got {}", t.sizes());
  NoGradGuard no_grad;
  return t.copy_(eye(t.size(0), t.size(1), t.dtype()));
}

double calculate_gain(std::string_view nonlinearity, double slope) {
  if (nonlinearity == "linear" || nonlinearity == "sigmoid") return 1;
  if (nonlinearity == "tanh") return 5.0 / 3;
  if (nonlinearity == "relu") return std::sqrt(2.0);
  if (nonlinearity == "leaky_relu") return std::sqrt(2 / (1 + slope * slope));
  if (nonlinearity == "selu") return 0.75;
  fail("calculate_gain: unknown nonlinearity \"{}\"", nonlinearity);
}

Tensor xavier_uniform_(const Tensor& t, double gain) {
  return filled_uniform(t, xavier_std("xavier_uniform_", t, gain));
}
Tensor xavier_normal_(const Tensor& t, double gain) {
  return filled_normal(t, xavier_std("xavier_normal_", t, gain));
}
Tensor kaiming_uniform_(const Tensor& t, const KaimingOptions& options) {
  return filled_uniform(t, kaiming_std("kaiming_uniform_", t, options));
}
Tensor kaiming_normal_(const Tensor& t, const KaimingOptions& options) {
  return filled_normal(t, kaiming_std("kaiming_normal_", t, options));
}

}  // namespace downhill::nn::init

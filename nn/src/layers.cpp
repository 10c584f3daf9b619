#include <downhill/nn/functional.h>
#include <downhill/nn/init.h>
#include <downhill/nn/layers.h>
#include <downhill/nn/sequential.h>
#include <downhill/tensor/check.h>
#include <downhill/tensor/factory.h>

#include <cmath>

namespace downhill::nn {

namespace {
std::int64_t checked_features(const char* name, std::int64_t n) {
  check(n >= 0, "Linear: {} must be >= 0, got {}", name, n);
  return n;
}
}  // namespace

LinearImpl::LinearImpl(std::int64_t in, std::int64_t out, const LinearOptions& options)
    : in_features(checked_features("in_features", in)),
      out_features(checked_features("out_features", out)) {
  weight = register_parameter("weight", empty({out, in}));
  if (options.bias) bias = register_parameter("bias", empty({out}));
  reset_parameters();
}

void LinearImpl::reset_parameters() {
  const double bound = in_features > 0 ? 1 / std::sqrt(static_cast<double>(in_features)) : 0;
  init::uniform_(weight, -bound, bound);
  if (bias.defined()) init::uniform_(bias, -bound, bound);
}

Tensor LinearImpl::forward(const Tensor& x) const { return downhill::linear(x, weight, bias); }

std::string LinearImpl::extra_repr() const {
  return fmt::format("in_features={}, out_features={}, bias={}", in_features, out_features,
                     bias.defined() ? "True" : "False");
}

Linear::Linear(std::int64_t in_features, std::int64_t out_features, const LinearOptions& options)
    : Handle(std::make_shared<LinearImpl>(in_features, out_features, options)) {}

std::string FlattenImpl::extra_repr() const {
  return fmt::format("start_dim={}, end_dim={}", start_, end_);
}

DropoutImpl::DropoutImpl(double p) : p_(p) {
  check(p >= 0 && p <= 1, "Dropout: p must be in [0, 1], got {}", p);
}
Tensor DropoutImpl::forward(const Tensor& x) const {
  return functional::dropout(x, {.p = p_, .training = is_training()});
}
std::string DropoutImpl::extra_repr() const { return fmt::format("p={}", p_); }

void SequentialImpl::add(std::shared_ptr<Module> layer, Call call) {
  Module* module = layer.get();
  register_module(std::to_string(layers_.size()), Handle<Module>(std::move(layer)));
  layers_.push_back({module, call});
}

Tensor SequentialImpl::forward(const Tensor& x) const {
  Tensor y = x;
  for (const Layer& layer : layers_) y = layer.call(*layer.module, y);
  return y;
}

Module& SequentialImpl::operator[](std::size_t i) const {
  check_index(i < layers_.size(), "Sequential: index {} in {} layers", i, layers_.size());
  return *layers_[i].module;
}

}  // namespace downhill::nn

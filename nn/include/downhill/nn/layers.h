// The layers.
#pragma once
#include <downhill/nn/module.h>
#include <downhill/tensor/ops.h>

#pragma GCC visibility push(default)
namespace downhill::nn {

struct LinearOptions {
  bool bias = true;
};
/// x W^T + b; x [..., in_features], result [..., out_features].
class LinearImpl : public Module {
 public:
  LinearImpl(std::int64_t in_features, std::int64_t out_features, const LinearOptions& options);
  /// Draws weight and bias from U(-1 / sqrt(in_features), 1 / sqrt(in_features)), as PyTorch does.
  void reset_parameters();
  Tensor forward(const Tensor& x) const;
  std::string extra_repr() const override;

  const std::int64_t in_features, out_features;
  Tensor weight;  ///< [out_features, in_features]
  Tensor bias;    ///< [out_features]; undefined without bias
};
struct Linear : Handle<LinearImpl> {
  using Handle::Handle;
  /// Throws Error for negative sizes.
  Linear(std::int64_t in_features, std::int64_t out_features, const LinearOptions& options = {});
};

/// A layer without options that applies one function of F.
template <Tensor (*F)(const Tensor&)> class FunctionImpl : public Module {
 public:
  explicit FunctionImpl(const char* name) : name_(name) {}
  Tensor forward(const Tensor& x) const { return F(x); }
  std::string name() const override { return name_; }

 private:
  const char* name_;
};

/// max(0, x)
struct ReLU : Handle<FunctionImpl<&downhill::relu>> {
  using Handle::Handle;
  ReLU() : Handle(std::make_shared<Impl>("ReLU")) {}
};
struct Tanh : Handle<FunctionImpl<&downhill::tanh>> {
  using Handle::Handle;
  Tanh() : Handle(std::make_shared<Impl>("Tanh")) {}
};
/// 1 / (1 + e^-x)
struct Sigmoid : Handle<FunctionImpl<&downhill::sigmoid>> {
  using Handle::Handle;
  Sigmoid() : Handle(std::make_shared<Impl>("Sigmoid")) {}
};

/// Joins the dimensions from start_dim to end_dim; the default keeps the batch dimension.
class FlattenImpl : public Module {
 public:
  FlattenImpl(std::int64_t start_dim, std::int64_t end_dim) : start_(start_dim), end_(end_dim) {}
  Tensor forward(const Tensor& x) const { return x.flatten(start_, end_); }
  std::string extra_repr() const override;

 private:
  std::int64_t start_, end_;
};
struct Flatten : Handle<FlattenImpl> {
  using Handle::Handle;
  explicit Flatten(std::int64_t start_dim = 1, std::int64_t end_dim = -1)
      : Handle(std::make_shared<FlattenImpl>(start_dim, end_dim)) {}
};

/// In training each element is zeroed with probability p and the others are divided by 1 - p; in
/// evaluation x is returned as it is. Srivastava et al., JMLR 15 (2014), in the inverted form.
class DropoutImpl : public Module {
 public:
  explicit DropoutImpl(double p);
  Tensor forward(const Tensor& x) const;
  std::string extra_repr() const override;

 private:
  double p_;
};
struct Dropout : Handle<DropoutImpl> {
  using Handle::Handle;
  /// Throws Error unless p is in [0, 1].
  explicit Dropout(double p = 0.5) : Handle(std::make_shared<DropoutImpl>(p)) {}
};

}  // namespace downhill::nn
#pragma GCC visibility pop

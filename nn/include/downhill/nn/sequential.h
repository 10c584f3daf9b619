// Sequential: layers one after the other.
#pragma once
#include <downhill/nn/module.h>

#pragma GCC visibility push(default)
namespace downhill::nn {

class SequentialImpl : public Module {
 public:
  /// Adds a handle whose module has `Tensor forward(const Tensor&)`. Its name is its position.
  template <class H> void push_back(const H& layer) {
    using Impl = typename H::Impl;
    add(layer.shared(),
        [](Module& m, const Tensor& x) -> Tensor { return static_cast<Impl&>(m).forward(x); });
  }
  /// The result of the last layer; x itself where there is none.
  Tensor forward(const Tensor& x) const;
  std::size_t size() const { return layers_.size(); }
  /// The i-th layer: `net[0].as<nn::Linear>()->weight`. Throws IndexError.
  Module& operator[](std::size_t i) const;

 private:
  using Call = Tensor (*)(Module&, const Tensor&);
  struct Layer {
    Module* module;
    Call call;
  };
  void add(std::shared_ptr<Module> layer, Call call);

  std::vector<Layer> layers_;
};

/// `nn::Sequential net(nn::Linear(784, 128), nn::ReLU(), nn::Linear(128, 10)); net(x);`
/// Copying a Sequential copies the handle.
struct Sequential : Handle<SequentialImpl> {
  using Handle::Handle;
  template <class... H>
  requires(requires { typename H::Impl; } && ...) explicit Sequential(const H&... layers)
      : Handle(std::make_shared<SequentialImpl>()) {
    (get().push_back(layers), ...);
  }
  std::size_t size() const { return get().size(); }
  Module& operator[](std::size_t i) const { return get()[i]; }
};

}  // namespace downhill::nn
#pragma GCC visibility pop

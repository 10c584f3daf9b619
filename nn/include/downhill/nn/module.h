// Module: parameters, buffers and other modules under names; and Handle, how modules are passed.
#pragma once
#include <downhill/tensor/format.h>
#include <downhill/tensor/serialize.h>
#include <downhill/tensor/tensor.h>

#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)
namespace downhill::nn {

class Module;
using NamedTensors = std::vector<std::pair<std::string, Tensor>>;
using NamedModules = std::vector<std::pair<std::string, Module*>>;

/// What load_state_dict could not use, where strict is false.
struct IncompatibleKeys {
  std::vector<std::string> missing;     ///< in the module, not in the file
  std::vector<std::string> unexpected;  ///< in the file, not in the module
};

/// The base of all networks and layers. A user's network is a struct that derives from it, holds
/// its layers as handles, registers them in its constructor, and has a `forward`:
///
///   struct Net : nn::Module {
///     nn::Linear fc;
///     Net() : fc(register_module("fc", nn::Linear(784, 10))) {}
///     Tensor forward(const Tensor& x) { return fc(x); }
///   };
///
/// Registering a name twice, an empty one or one with a dot is an error, and so is a module that
/// holds the one it is to be put into.
class Module {
 public:
  Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  virtual ~Module();

  /// Makes the handle's module a child and returns the handle. A member that holds a registered
  /// module cannot be assigned to (the registered one would go on being trained): an error.
  template <class H> H register_module(const std::string& name, H handle) {
    add_module(name, handle.shared());
    return handle;
  }
  /// Puts another module in a child's place: `head = replace_module("head", nn::Linear(512, 3))`.
  template <class H> H replace_module(const std::string& name, H handle) {
    exchange_module(name, handle.shared());
    return handle;
  }
  /// Makes `value`, a leaf or a constant, a parameter: a leaf that requires a gradient unless the
  /// last argument says otherwise. Returns it.
  Tensor register_parameter(std::string name, Tensor value, bool requires_grad = true);
  /// A tensor that belongs to the state but is not trained. Returns it.
  Tensor register_buffer(std::string name, Tensor value);

  /// All parameters, the children's included, each once. Kept: calling it costs nothing; the list
  /// is made anew after something was registered anywhere.
  const std::vector<Tensor>& parameters() const;
  NamedTensors named_parameters() const;  ///< "fc1.weight" ...
  NamedTensors named_buffers() const;
  std::vector<Tensor> buffers() const;
  NamedModules named_children() const;
  std::vector<Module*> children() const;
  std::vector<Module*> modules();       ///< this one, then all below it, depth first, each once
  std::int64_t num_parameters() const;  ///< elements of all parameters

  /// Training or evaluation mode (Dropout), for this and all below.
  Module& train(bool on = true);
  Module& eval() { return train(false); }
  bool is_training() const { return training_; }
  /// Drops the gradients of all parameters.
  void zero_grad();
  /// Converts floating-point parameters, their gradients, and buffers. The parameters stay the same
  /// tensors: an optimizer made before goes on with them.
  Module& to(DType dtype);
  /// Calls f for all below, then for this.
  Module& apply(const std::function<void(Module&)>& f);
  /// This module as the Impl of a kind of handle, or null: `m.as<nn::Linear>()->weight`.
  template <class H> auto* as() { return dynamic_cast<typename H::Impl*>(this); }

  /// Parameters and buffers by name, detached, not copied: they change as training goes on.
  StateDict state_dict() const;
  /// Copies the values in, converting dtypes. Names and shapes are checked before anything changes;
  /// the Error lists all that is missing, unexpected or of another shape, and what cannot be
  /// written as it is expanded. Unless strict, missing and unexpected names are returned instead.
  IncompatibleKeys load_state_dict(const StateDict& state, bool strict = true);

  /// "Linear"; unless overridden, the C++ type's name without namespaces and "Impl".
  virtual std::string name() const;
  /// What stands between the brackets when printed: "in_features=2, out_features=3, bias=True".
  virtual std::string extra_repr() const { return {}; }

 private:
  template <class Impl> friend class Handle;
  struct Entry {
    std::string name;
    Tensor value;
  };
  void add_module(std::string name, std::shared_ptr<Module> child);
  void exchange_module(const std::string& name, std::shared_ptr<Module> child);
  void add_tensor(std::vector<Entry>& list, std::string name, Tensor value);
  void check_name(const std::string& name) const;
  void check_child(const char* op, const std::string& name, Module* child) const;
  [[noreturn]] static void throw_assigned(const Module& old);
  [[noreturn]] static void throw_empty();

  std::vector<Entry> parameters_, buffers_;
  std::vector<std::pair<std::string, std::shared_ptr<Module>>> children_;
  mutable std::vector<Tensor> all_parameters_;
  mutable std::uint64_t listed_at_ = 0;  // count of registrations when all_parameters_ was made
  int owners_ = 0;                       // modules that have this as a child
  bool training_ = true;
};

/// A shared handle to a module. A module class of your own becomes usable like nn::Linear so:
///
///   struct BlockImpl : nn::Module { BlockImpl(int64_t n); Tensor forward(const Tensor& x); };
///   struct Block : nn::Handle<BlockImpl> {
///     using Handle::Handle;
///     explicit Block(int64_t n) : Handle(std::make_shared<BlockImpl>(n)) {}
///   };
template <class ImplType> class Handle {
 public:
  using Impl = ImplType;

  Handle(std::nullptr_t) {}  ///< empty, to be assigned to: `nn::Linear fc{nullptr};`
  explicit Handle(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  Handle(const Handle&) = default;
  Handle(Handle&& o) noexcept = default;
  /// Throws Error where this handle's module is registered in another one.
  Handle& operator=(Handle o) {
    if (impl_ && impl_ != o.impl_ && owners(*impl_) > 0) Module::throw_assigned(*impl_);
    impl_.swap(o.impl_);
    return *this;
  }

  /// forward(arguments...)
  template <class... A> decltype(auto) operator()(A&&... arguments) const {
    return get().forward(std::forward<A>(arguments)...);
  }
  Impl* operator->() const { return &get(); }
  Impl& operator*() const { return get(); }
  Impl& get() const {
    if (!impl_) [[unlikely]]
      Module::throw_empty();
    return *impl_;
  }
  operator const Module&() const { return get(); }
  explicit operator bool() const { return impl_ != nullptr; }
  const std::shared_ptr<Impl>& shared() const { return impl_; }

 private:
  static int owners(const Module& m) { return m.owners_; }

  std::shared_ptr<Impl> impl_;
};

/// As PyTorch prints modules: name, arguments, and children indented.
std::string to_string(const Module& m);
std::ostream& operator<<(std::ostream& out, const Module& m);

}  // namespace downhill::nn
#pragma GCC visibility pop

template <class M>
requires std::is_convertible_v<const M&, const downhill::nn::Module&>
struct fmt::formatter<M> {
  constexpr auto parse(format_parse_context& c) { return c.begin(); }
  template <class Context> auto format(const M& m, Context& c) const {
    return fmt::format_to(c.out(), "{}", fmt::string_view(downhill::nn::to_string(m)));
  }
};

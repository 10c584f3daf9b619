#include <cxxabi.h>
#include <downhill/nn/module.h>
#include <downhill/tensor/check.h>
#include <downhill/tensor/graph.h>
#include <downhill/tensor/overlap.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <ostream>
#include <typeinfo>
#include <unordered_set>

namespace downhill::nn {

namespace {

std::atomic<std::uint64_t> registrations{1};

/// Calls f(prefix, module) for m and all below it, depth first, each once.
template <class M, class F> void walk(M& m, F&& f) {
  std::unordered_set<const Module*> seen;
  const auto visit = [&](const auto& self, M& at, const std::string& prefix) -> void {
    if (!seen.insert(&at).second) return;
    f(prefix, at);
    for (const auto& [name, child] : at.named_children()) self(self, *child, prefix + name + ".");
  };
  visit(visit, m, "");
}

std::string demangled(const char* mangled) {
  int status = 0;
  char* text = abi::__cxa_demangle(mangled, nullptr, nullptr, &status);
  std::string name = status == 0 ? text : mangled;
  std::free(text);
  return name;
}

std::string indented(const std::string& text) {
  std::string out;
  for (char c : text) out += c == '\n' ? std::string("\n  ") : std::string(1, c);
  return out;
}

std::string listed(const char* title, const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& n : names) text += (text.empty() ? "" : ", ") + n;
  return text.empty() ? "" : fmt::format("\n  {}: {}", title, text);
}

}  // namespace

Module::~Module() {
  for (auto& [name, child] : children_) --child->owners_;
}

// ---------------------------------------------------------------- registering

void Module::check_name(const std::string& n) const {
  check(!n.empty() && n.find('.') == std::string::npos,
        "{}: a name must not be empty or hold a dot, got \"{}\"", name(), n);
  const auto has_name = [&](const auto& list) {
    return std::any_of(list.begin(), list.end(), [&](const Entry& e) { return e.name == n; });
  };
  const auto children = named_children();
  const bool child =
      std::any_of(children.begin(), children.end(), [&](const auto& c) { return c.first == n; });
  check(!has_name(parameters_) && !has_name(buffers_) && !child,
        "{}: the name \"{}\" is registered already", name(), n);
}

void Module::check_child(const char* op, const std::string& name, Module* child) const {
  check(child != nullptr, "{}: \"{}\" is an empty handle", op, name);
  const auto below = child->modules();
  check(std::find(below.begin(), below.end(), this) == below.end(),
        "{}: \"{}\" would put a module into itself", op, name);
}

void Module::add_module(std::string name, std::shared_ptr<Module> child) {
  check_name(name);
  check_child("register_module", name, child.get());
  ++child->owners_;
  children_.emplace_back(std::move(name), std::move(child));
  ++registrations;
}

void Module::exchange_module(const std::string& name, std::shared_ptr<Module> child) {
  check_child("replace_module", name, child.get());
  for (auto& [known, old] : children_) {
    if (known != name) continue;
    --old->owners_;
    ++child->owners_;
    old = std::move(child);
    ++registrations;
    return;
  }
  fail("replace_module: no module is registered as \"{}\"", name);
}

void Module::add_tensor(std::vector<Entry>& list, std::string name, Tensor value) {
  check_name(name);
  check(value.defined(), "{}: \"{}\" is an undefined tensor", this->name(), name);
  list.push_back({std::move(name), std::move(value)});
  ++registrations;
}

Tensor Module::register_parameter(std::string name, Tensor value, bool requires_grad) {
  check(!value.defined() || value.is_leaf(), "register_parameter: \"{}\" is the result of an op",
        name);
  if (value.defined() && requires_grad && !value.is_floating_point())
    fail(
        "register_parameter: \"{}\" is {}, only floating-point tensors can be trained; use "
        "register_buffer",
        name, name_of(value.dtype()));
  add_tensor(parameters_, std::move(name), value);
  value.requires_grad_(requires_grad);
  return value;
}

Tensor Module::register_buffer(std::string name, Tensor value) {
  add_tensor(buffers_, std::move(name), value);
  return value;
}

void Module::throw_assigned(const Module& old) {
  fail(
      "{}: this module is registered, assigning another one to its handle would not replace it; "
      "use replace_module",
      old.name());
}
void Module::throw_empty() { fail("nn: the module handle is empty"); }

// ---------------------------------------------------------------- looking

const std::vector<Tensor>& Module::parameters() const {
  const std::uint64_t now = registrations;
  if (listed_at_ == now) return all_parameters_;
  std::vector<Tensor> all;
  for (auto& [name, value] : named_parameters()) all.push_back(std::move(value));
  all_parameters_.swap(all);
  listed_at_ = now;
  return all_parameters_;
}

NamedTensors Module::named_parameters() const {
  NamedTensors out;
  std::unordered_set<const void*> seen;
  walk(*this, [&](const std::string& prefix, const Module& m) {
    for (const Entry& e : m.parameters_)
      if (seen.insert(&e.value.impl()).second) out.emplace_back(prefix + e.name, e.value);
  });
  return out;
}

NamedTensors Module::named_buffers() const {
  NamedTensors out;
  walk(*this, [&](const std::string& prefix, const Module& m) {
    for (const Entry& e : m.buffers_) out.emplace_back(prefix + e.name, e.value);
  });
  return out;
}

std::vector<Tensor> Module::buffers() const {
  std::vector<Tensor> out;
  for (auto& [name, value] : named_buffers()) out.push_back(std::move(value));
  return out;
}

NamedModules Module::named_children() const {
  NamedModules out;
  for (const auto& [name, child] : children_) out.emplace_back(name, child.get());
  return out;
}

std::vector<Module*> Module::children() const {
  std::vector<Module*> out;
  for (const auto& [name, child] : children_) out.push_back(child.get());
  return out;
}

std::vector<Module*> Module::modules() {
  std::vector<Module*> out;
  walk(*this, [&](const std::string&, Module& m) { out.push_back(&m); });
  return out;
}

std::int64_t Module::num_parameters() const {
  std::int64_t n = 0;
  for (const Tensor& p : parameters()) n += p.numel();
  return n;
}

// ---------------------------------------------------------------- changing

Module& Module::train(bool on) {
  for (Module* m : modules()) m->training_ = on;
  return *this;
}

void Module::zero_grad() {
  for (const Tensor& p : parameters())
    if (p.requires_grad()) p.mutable_grad() = Tensor();
}

Module& Module::to(DType dtype) {
  check(is_floating(dtype), "{}: to() needs a floating-point dtype, got {}", name(),
        name_of(dtype));
  NoGradGuard no_grad;
  const auto convert = [dtype](Tensor t) {
    if (!t.is_floating_point()) return;
    Tensor grad = t.requires_grad() ? t.grad() : Tensor();
    t.set_data(t.detach().to(dtype));
    if (grad.defined()) t.mutable_grad() = grad.to(dtype);
  };
  for (const Tensor& p : parameters()) convert(p);
  for (const Tensor& b : buffers()) convert(b);
  return *this;
}

Module& Module::apply(const std::function<void(Module&)>& f) {
  for (Module* child : children()) child->apply(f);
  f(*this);
  return *this;
}

// ---------------------------------------------------------------- checkpoints

StateDict Module::state_dict() const {
  StateDict out;
  walk(*this, [&](const std::string& prefix, const Module& m) {
    for (const Entry& e : m.parameters_) out.insert(prefix + e.name, e.value.detach());
    for (const Entry& e : m.buffers_) out.insert(prefix + e.name, e.value.detach());
  });
  return out;
}

IncompatibleKeys Module::load_state_dict(const StateDict& state, bool strict) {
  const StateDict own = state_dict();
  IncompatibleKeys keys;
  std::vector<std::string> mismatched, expanded;
  for (const auto& [name, value] : own) {
    const Tensor* saved = state.find(name);
    if (!saved || !saved->defined()) keys.missing.push_back(name);
    else if (saved->sizes() != value.sizes())
      mismatched.push_back(fmt::format("{} is {}, got {}", name, value.sizes(), saved->sizes()));
    else if (detail::repeats_elements(value.impl())) expanded.push_back(name);
  }
  for (const auto& [name, value] : state)
    if (!own.contains(name)) keys.unexpected.push_back(name);
  std::string problems = listed("other shape", mismatched) +
                         listed("several elements in one place, needs a clone()", expanded);
  if (strict) problems += listed("missing", keys.missing) + listed("unexpected", keys.unexpected);
  check(problems.empty(), "load_state_dict: the state does not fit {}{}", name(), problems);
  NoGradGuard no_grad;
  for (const auto& [name, value] : own)
    if (const Tensor* saved = state.find(name); saved && saved->defined())
      Tensor(value).copy_(*saved);
  return keys;
}

// ---------------------------------------------------------------- printing

std::string Module::name() const {
  std::string n = demangled(typeid(*this).name());
  if (const auto colon = n.rfind("::"); colon != std::string::npos) n.erase(0, colon + 2);
  if (n.size() > 4 && n.ends_with("Impl")) n.resize(n.size() - 4);
  return n;
}

std::string to_string(const Module& m) {
  std::string lines;
  for (const auto& [name, child] : m.named_children())
    lines += fmt::format("\n  ({}): {}", name, indented(to_string(*child)));
  if (lines.empty()) return fmt::format("{}({})", m.name(), m.extra_repr());
  const std::string extra = m.extra_repr();
  return fmt::format("{}({}{}\n)", m.name(), extra.empty() ? "" : "\n  " + extra, lines);
}
std::ostream& operator<<(std::ostream& out, const Module& m) { return out << to_string(m); }

}  // namespace downhill::nn

#include <downhill/tensor/check.h>
#include <downhill/tensor/serialize.h>

namespace downhill {
namespace {

std::string some_names(const StateDict& d) {
  constexpr std::size_t most = 8;
  std::string text;
  std::size_t n = 0;
  for (const auto& [name, value] : d) {
    if (n == most) return text + ", ...";
    text += (n++ ? ", " : "") + name;
  }
  return text;
}

}  // namespace

StateDict::StateDict(std::initializer_list<Item> items) {
  for (const auto& [name, value] : items) insert(name, value);
}

StateDict::StateDict(const std::map<std::string, Tensor>& items) {
  for (const auto& [name, value] : items) insert(name, value);
}

void StateDict::insert(std::string name, Tensor value) {
  const bool added = index_.try_emplace(name, items_.size()).second;
  check(added, "state dict: the name '{}' is there already", name);
  items_.emplace_back(std::move(name), std::move(value));
}

const Tensor* StateDict::find(std::string_view name) const {
  const auto at = index_.find(name);
  return at == index_.end() ? nullptr : &items_[at->second].second;
}

const Tensor& StateDict::at(std::string_view name) const {
  if (const Tensor* found = find(name)) return *found;
  fail("state dict: no tensor is named '{}'; there are {}: {}", name, size(), some_names(*this));
}

void StateDict::merge(std::string_view prefix, const StateDict& other) {
  StateDict all = *this;
  for (const auto& [name, value] : other) all.insert(std::string(prefix) + name, value);
  *this = std::move(all);
}

StateDict StateDict::under(std::string_view prefix) const {
  StateDict r;
  for (const auto& [name, value] : items_)
    if (name.starts_with(prefix)) r.insert(name.substr(prefix.size()), value);
  return r;
}

}  // namespace downhill

#include "fields.h"

#include <downhill/tensor/factory.h>

#include <algorithm>

namespace downhill::optim {

namespace {

void check_range(std::string_view who, const char* name, Range range, double x) {
  const bool low = x >= 0;  // false for NaN
  if (range == Range::not_negative) check(low, "{}: {} must be >= 0, got {}", who, name, x);
  if (range == Range::unit) check(low && x <= 1, "{}: {} must be in [0, 1], got {}", who, name, x);
  if (range == Range::below_one)
    check(low && x < 1, "{}: {} must be in [0, 1), got {}", who, name, x);
}
void check_range(std::string_view who, const char* name, Range range, const Betas& b) {
  check_range(who, name, range, b.first);
  check_range(who, name, range, b.second);
}
void check_range(std::string_view, const char*, Range, bool) {}
void check_range(std::string_view, const char*, Range, Velocity) {}

Tensor to_tensor(double x) { return full({}, x, kFloat64); }
Tensor to_tensor(bool x) { return full({}, x ? 1 : 0, kInt64); }
Tensor to_tensor(Velocity x) { return full({}, static_cast<int>(x), kInt64); }
Tensor to_tensor(const Betas& b) {
  return tensor(std::vector<double>{b.first, b.second}, kFloat64);
}

void from_tensor(const Tensor& t, double& x) { x = t.item<double>(); }
void from_tensor(const Tensor& t, bool& x) { x = t.item<std::int64_t>() != 0; }
void from_tensor(const Tensor& t, Velocity& x) { x = Velocity(t.item<std::int64_t>()); }
void from_tensor(const Tensor& t, Betas& b) {
  check(t.numel() == 2, "betas: must have 2 elements, got {}", t.numel());
  const Tensor pair = t.to(kFloat64);
  b = {pair[0].item<double>(), pair[1].item<double>()};
}

std::string print(double x) { return fmt::format("{}", x); }
std::string print(bool x) { return x ? "True" : "False"; }
std::string print(Velocity x) { return x == Velocity::gradient ? "gradient" : "step"; }
std::string print(const Betas& b) { return fmt::format("({}, {})", b.first, b.second); }

}  // namespace

void check_ranges(std::string_view optimizer, const ParamGroup& group) {
  const auto check_one = [&](const char* name, Range range, const auto& option) {
    if (option) check_range(optimizer, name, range, *option);
  };
  for_fields(check_one, group);
}

void complete(std::string_view optimizer, ParamGroup& group, const ParamGroup& defaults) {
  const auto complete_one = [&](const char* name, Range range, auto& option, const auto& standard) {
    if (range == Range::note) return;
    check(standard || !option, "{}: has no option {}", optimizer, name);
    if (!option) option = standard;
  };
  for_fields(complete_one, group, defaults);
}

void check_complete(std::string_view optimizer, const ParamGroup& group,
                    const ParamGroup& defaults) {
  const auto check_one = [&](const char* name, Range, const auto& option, const auto& standard) {
    check(option || !standard, "{}: the option {} of a group is not set", optimizer, name);
  };
  for_fields(check_one, group, defaults);
}

void save_fields(const ParamGroup& group, const std::string& prefix, StateDict& to) {
  const auto save_one = [&](const char* name, Range, const auto& option) {
    if (option) to.insert(prefix + name, to_tensor(*option));
  };
  for_fields(save_one, group);
}

const Tensor& saved(std::string_view optimizer, const StateDict& from, const std::string& name) {
  const Tensor* found = from.find(name);
  check(found && found->defined(), "{}: the saved state has no {}; is it another optimizer's?",
        optimizer, name);
  return *found;
}

void load_fields(std::string_view optimizer, const StateDict& from, const std::string& prefix,
                 ParamGroup& group) {
  group.initial_lr.reset();
  if (from.contains(prefix + "initial_lr")) group.initial_lr = 0;
  const auto load_one = [&](const char* name, Range, auto& option) {
    if (option) from_tensor(saved(optimizer, from, prefix + name), *option);
  };
  for_fields(load_one, group);
}

std::string print_fields(const ParamGroup& group) {
  std::vector<std::string> lines;
  const auto print_one = [&](const char* name, Range, const auto& option) {
    if (option) lines.push_back(fmt::format("    {}: {}\n", name, print(*option)));
  };
  for_fields(print_one, group);
  std::sort(lines.begin(), lines.end());
  std::string text;
  for (const std::string& line : lines) text += line;
  return text;
}

}  // namespace downhill::optim

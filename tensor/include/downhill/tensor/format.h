// Tensors as text: fmt::format("{}", x), fmt::format("{:.3f}", x), std::cout << x; shapes as
// "[2, 3]".
#pragma once
#include <fmt/core.h>

#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

#include <downhill/tensor/tensor.h>

#pragma GCC visibility push(default)
namespace downhill {

/// How tensors are printed. The defaults are PyTorch's.
struct PrintOptions {
  int precision = 4;              ///< digits after the point
  std::int64_t threshold = 1000;  ///< more elements than this are summarised
  std::int64_t edge_items = 3;    ///< entries shown at each end of a long dimension
  int line_width = 80;
  std::optional<bool> sci_mode = {};  ///< scientific notation; unset: where needed
};
PrintOptions print_options();
/// For the whole process. Throws Error for negative values.
void set_print_options(const PrintOptions& options);

/// As PyTorch prints: nested brackets, elements right-aligned in one width, integer-valued floats
/// as "1.", scientific notation where the largest magnitude exceeds 1e8 or 1000 times the smallest
/// nonzero one, or that is below 1e-4; then the dtype where it does not follow from the elements,
/// and requires_grad=true or grad_fn=<op>. Unlike PyTorch, nan, inf and -0 widen all columns alike,
/// a shape is written [2, 0] and bools are true and false. An undefined tensor is
/// "tensor(undefined)".
/// `spec` formats one element instead, as fmt would a number: ".3f", "+.2e". Throws Error for a
/// spec that does not suit the dtype.
std::string to_string(const Tensor& x, std::string_view spec = {});
std::string to_string(const Shape& s);
std::ostream& operator<<(std::ostream& out, const Tensor& x);
std::ostream& operator<<(std::ostream& out, const Shape& s);

}  // namespace downhill
#pragma GCC visibility pop

template <> struct fmt::formatter<downhill::Shape> {
  constexpr auto parse(format_parse_context& c) { return c.begin(); }
  template <class Context> auto format(const downhill::Shape& s, Context& c) const {
    return fmt::format_to(c.out(), "{}", fmt::string_view(downhill::to_string(s)));
  }
};
template <> struct fmt::formatter<downhill::Tensor> {
  constexpr auto parse(format_parse_context& c) {
    auto end = c.begin();
    while (end != c.end() && *end != '}') ++end;
    spec_ = {c.begin(), static_cast<std::size_t>(end - c.begin())};
    return end;
  }
  template <class Context> auto format(const downhill::Tensor& x, Context& c) const {
    return fmt::format_to(c.out(), "{}", fmt::string_view(downhill::to_string(x, spec_)));
  }

 private:
  std::string_view spec_;
};

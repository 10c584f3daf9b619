#include <downhill/tensor/format.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <ostream>

#include <downhill/tensor/graph.h>
#include <downhill/tensor/op.h>

namespace downhill {
namespace {

std::mutex options_mutex;
PrintOptions current_options;

struct Layout {
  PrintOptions options;
  bool summarize;

  bool cuts(std::int64_t size) const { return summarize && size > 2 * options.edge_items; }
  std::int64_t shown(std::int64_t size) const { return cuts(size) ? 2 * options.edge_items : size; }
  std::int64_t entry(std::int64_t i, std::int64_t size) const {
    return cuts(size) && i >= options.edge_items ? size - 2 * options.edge_items + i : i;
  }
};

using Numbers = std::vector<double>;

/// Calls f(offset) for every element shown, in reading order.
template <class F>
void visit(const Tensor& x, const Layout& layout, int dim, std::int64_t offset, F&& f) {
  if (dim == x.dim()) return f(offset);
  const std::int64_t size = x.sizes()[dim];
  for (std::int64_t i = 0; i < layout.shown(size); ++i)
    visit(x, layout, dim + 1, offset + layout.entry(i, size) * x.strides()[dim], f);
}

bool needs_exponent(double smallest, double largest, bool integers) {
  return largest / smallest > 1000 || largest > 1e8 || (!integers && smallest < 1e-4);
}

/// The fmt format of floating-point elements.
std::string choose_format(const Numbers& values, const PrintOptions& options) {
  double smallest = INFINITY, largest = 0;
  bool integers = true;
  for (double v : values) {
    if (v == 0 || !std::isfinite(v)) continue;
    smallest = std::min(smallest, std::abs(v));
    largest = std::max(largest, std::abs(v));
    integers = integers && v == std::ceil(v);
  }
  const bool found = largest > 0;
  if (options.sci_mode.value_or(found && needs_exponent(smallest, largest, integers)))
    return fmt::format("{{:.{}e}}", options.precision);
  return integers ? "{:#.0f}" : fmt::format("{{:.{}f}}", options.precision);
}

template <class V> std::string format_one(const std::string& format, const V& value) {
  try {
    return fmt::vformat(format, fmt::make_format_args(value));
  } catch (const fmt::format_error& e) {
    fail("format: \"{}\" does not suit {} elements ({})", format, name_of(dtype_of<V>), e.what());
  }
}

bool for_floats(std::string_view spec) {
  return !spec.empty() && std::string_view("aAeEfFgG").find(spec.back()) != std::string_view::npos;
}

std::vector<std::string> format_elements(const Tensor& x, const Layout& layout,
                                         std::string_view spec) {
  std::vector<std::string> cells;
  std::string format = fmt::format("{{:{}}}", spec);
  detail::dispatch_all(x.dtype(), [&](auto t) {
    using T = decltype(t);
    const T* data = x.data_ptr<T>();
    if (!is_floating(x.dtype()) && !for_floats(spec)) {
      visit(x, layout, 0, 0, [&](auto i) { cells.push_back(format_one(format, data[i])); });
    } else {
      Numbers values;
      visit(x, layout, 0, 0, [&](auto i) { values.push_back(static_cast<double>(data[i])); });
      if (spec.empty()) format = choose_format(values, layout.options);
      for (double v : values) cells.push_back(format_one(format, v));
    }
  });
  return cells;
}

std::int64_t align_right(std::vector<std::string>& cells) {
  std::size_t width = 0;
  for (const auto& c : cells) width = std::max(width, c.size());
  for (auto& c : cells) c.insert(0, width - c.size(), ' ');
  return static_cast<std::int64_t>(width);
}

/// Writes the brackets around cells that come in reading order.
class Brackets {
 public:
  Brackets(const Tensor& x, const Layout& layout, std::vector<std::string> cells)
      : x_(x), layout_(layout), cells_(std::move(cells)), width_(align_right(cells_)) {}

  std::string text(int indent) {
    write(0, indent);
    return std::move(out_);
  }

 private:
  void write(int dim, int indent) {
    if (dim == x_.dim()) {
      out_ += cells_[next_++];
      return;
    }
    const bool row = dim == x_.dim() - 1;
    const std::int64_t size = x_.sizes()[dim], shown = layout_.shown(size);
    const std::int64_t a_line =
        std::max<std::int64_t>(1, (layout_.options.line_width - indent) / (width_ + 2));
    std::int64_t column = 0;
    const auto separate = [&] {
      if (column == 0) return;
      if (row && column % a_line != 0) out_ += ", ";
      else out_ += ',' + std::string(row ? 1 : x_.dim() - dim - 1, '\n') + spaces(indent + 1);
    };
    out_ += '[';
    for (std::int64_t i = 0; i < shown; ++i, ++column) {
      separate();
      if (layout_.cuts(size) && i == layout_.options.edge_items) {
        out_ += row ? " ..." : "...";
        ++column;
        separate();
      }
      write(dim + 1, indent + 1);
    }
    out_ += ']';
  }
  static std::string spaces(int n) { return std::string(static_cast<std::size_t>(n), ' '); }

  const Tensor& x_;
  const Layout& layout_;
  std::vector<std::string> cells_;
  std::int64_t width_;
  std::size_t next_ = 0;
  std::string out_;
};

std::vector<std::string> suffixes_of(const Tensor& x) {
  std::vector<std::string> r;
  const bool empty = x.numel() == 0;
  if (empty && x.dim() != 1) r.push_back("size=" + to_string(x.sizes()));
  const DType t = x.dtype();
  const bool obvious = t == default_dtype() || (!empty && (t == kInt64 || t == kBool));
  if (!obvious) r.push_back(fmt::format("dtype={}", name_of(t)));
  if (const Node* made_by = x.grad_fn()) r.push_back(fmt::format("grad_fn=<{}>", made_by->name()));
  else if (x.requires_grad()) r.push_back("requires_grad=true");
  return r;
}

void append_suffixes(std::string& text, const Tensor& x, std::size_t indent, std::size_t width) {
  std::size_t column = text.size() - (text.rfind('\n') + 1) + 2;
  for (const auto& s : suffixes_of(x)) {
    const bool fits = column + s.size() + 2 <= width;
    text += fits ? ", " : ",\n" + std::string(indent, ' ');
    text += s;
    column = fits ? column + s.size() + 2 : indent + s.size();
  }
}

}  // namespace

PrintOptions print_options() {
  const std::lock_guard lock(options_mutex);
  return current_options;
}

void set_print_options(const PrintOptions& o) {
  check(o.precision >= 0 && o.threshold >= 0 && o.edge_items >= 0 && o.line_width >= 0,
        "set_print_options: negative values (precision {}, threshold {}, edge_items {}, "
        "line_width {})",
        o.precision, o.threshold, o.edge_items, o.line_width);
  const std::lock_guard lock(options_mutex);
  current_options = o;
}

std::string to_string(const Tensor& x, std::string_view spec) {
  if (!x.defined()) return "tensor(undefined)";
  const Layout layout{print_options(), x.numel() > print_options().threshold};
  std::string text = "tensor(";
  const int indent = static_cast<int>(text.size());
  if (x.numel() == 0) text += "[]";
  else text += Brackets(x, layout, format_elements(x, layout, spec)).text(indent);
  append_suffixes(text, x, static_cast<std::size_t>(indent),
                  static_cast<std::size_t>(layout.options.line_width));
  return text + ")";
}

std::string to_string(const Shape& s) {
  std::string text = "[";
  for (int i = 0; i < s.size(); ++i) text += (i > 0 ? ", " : "") + std::to_string(s[i]);
  return text + "]";
}

std::ostream& operator<<(std::ostream& out, const Tensor& x) { return out << to_string(x); }
std::ostream& operator<<(std::ostream& out, const Shape& s) { return out << to_string(s); }

}  // namespace downhill

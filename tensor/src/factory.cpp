#include <downhill/tensor/factory.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include <downhill/tensor/format.h>
#include <downhill/tensor/op.h>
#include <downhill/tensor/parallel.h>
#include "copy_elements.h"
#include "inplace.h"

namespace downhill {
namespace {

using detail::check_fits;
using detail::dispatch_all;
using detail::thread_state;

constexpr std::int64_t kBytesPerPart = 1 << 20;

Tensor make(const char* op, const Shape& size, DType dtype) {
  detail::checked_numel(op, size);
  return detail::new_tensor(thread_state(), size, dtype);
}

Tensor finish(Tensor x, const TensorOptions& options) {
  if (options.wants_grad()) x.requires_grad_();
  return x;
}

DType dtype_for(const Scalar& value) {
  switch (value.kind()) {
    case Scalar::Kind::boolean:
      return kBool;
    case Scalar::Kind::integer:
      return kInt64;
    default:
      return default_dtype();
  }
}

template <class T> bool fits(const Scalar& value) {
  if constexpr (!std::is_integral_v<T> || std::is_same_v<T, bool>) return true;
  const double d = value.to<double>();
  if (value.kind() != Scalar::Kind::floating) {
    const auto i = value.to<std::int64_t>();
    return (d < 0) == (i < 0) && static_cast<std::int64_t>(static_cast<T>(i)) == i;
  }
  const double top = std::ldexp(1.0, std::numeric_limits<T>::digits);
  return d > static_cast<double>(std::numeric_limits<T>::min()) - 1 && d < top;
}

void zero(Tensor& x) {
  char* data = static_cast<char*>(x.data_ptr());
  const auto bytes = x.numel() * static_cast<std::int64_t>(size_of(x.dtype()));
  detail::parallel_for(bytes, kBytesPerPart, [&](std::int64_t begin, std::int64_t end) {
    std::memset(data + begin, 0, static_cast<std::size_t>(end - begin));
  });
}

void fill(Tensor& x, const Scalar& value) {
  dispatch_all(x.dtype(), [&](auto t) {
    using T = decltype(t);
    T* data = x.data_ptr<T>();
    const T v = value.to<T>();
    detail::parallel_for(
        x.numel(), kBytesPerPart / static_cast<std::int64_t>(sizeof(T)),
        [&](std::int64_t begin, std::int64_t end) { std::fill(data + begin, data + end, v); });
  });
}

template <class F> void generate(Tensor& x, F&& f) {
  dispatch_all(x.dtype(), [&](auto t) {
    using T = decltype(t);
    T* data = x.data_ptr<T>();
    for (std::int64_t i = 0; i < x.numel(); ++i) data[i] = static_cast<T>(f(i));
  });
}

Tensor like(const char* op, const Tensor& x, const TensorOptions& options) {
  detail::check_defined(op, x);
  return detail::new_like(thread_state(), x.impl(), options.dtype_or(x.dtype()));
}

}  // namespace

void detail::check_fits(const char* op, const Scalar& value, DType dtype) {
  const bool ok = dispatch_all(dtype, [&](auto t) { return fits<decltype(t)>(value); });
  if (!ok) fail("{}: {} cannot hold {}", op, name_of(dtype), value.to<double>());
}

Tensor empty(const Shape& size, const TensorOptions& options) {
  return finish(make("empty", size, options.dtype_or(default_dtype())), options);
}

Tensor zeros(const Shape& size, const TensorOptions& options) {
  Tensor x = make("zeros", size, options.dtype_or(default_dtype()));
  zero(x);
  return finish(std::move(x), options);
}

Tensor ones(const Shape& size, const TensorOptions& options) {
  Tensor x = make("ones", size, options.dtype_or(default_dtype()));
  fill(x, 1);
  return finish(std::move(x), options);
}

Tensor full(const Shape& size, const Scalar& value, const TensorOptions& options) {
  Tensor x = make("full", size, options.dtype_or(dtype_for(value)));
  check_fits("full", value, x.dtype());
  fill(x, value);
  return finish(std::move(x), options);
}

Tensor empty_like(const Tensor& x, const TensorOptions& options) {
  return finish(like("empty_like", x, options), options);
}

Tensor zeros_like(const Tensor& x, const TensorOptions& options) {
  Tensor r = like("zeros_like", x, options);
  zero(r);
  return finish(std::move(r), options);
}

Tensor ones_like(const Tensor& x, const TensorOptions& options) { return full_like(x, 1, options); }

Tensor full_like(const Tensor& x, const Scalar& value, const TensorOptions& options) {
  Tensor r = like("full_like", x, options);
  check_fits("full_like", value, r.dtype());
  fill(r, value);
  return finish(std::move(r), options);
}

Tensor eye(std::int64_t n, const TensorOptions& options) { return eye(n, n, options); }

Tensor eye(std::int64_t n, std::int64_t m, const TensorOptions& options) {
  Tensor x = make("eye", {n, m}, options.dtype_or(default_dtype()));
  zero(x);
  dispatch_all(x.dtype(), [&](auto t) {
    auto* data = x.data_ptr<decltype(t)>();
    for (std::int64_t i = 0; i < std::min(n, m); ++i) data[i * m + i] = 1;
  });
  return finish(std::move(x), options);
}

namespace {

std::int64_t count_exact(std::int64_t start, std::int64_t end, std::int64_t step) {
  if (start == end) return 0;
  const auto from = static_cast<std::uint64_t>(start), to = static_cast<std::uint64_t>(end);
  const auto stride = static_cast<std::uint64_t>(step);
  const std::uint64_t n = step > 0 ? (to - from - 1) / stride : (from - to - 1) / (0 - stride);
  return static_cast<std::int64_t>(std::min(n, std::uint64_t(1) << 62)) + 1;
}

/// first + i * step: exact where that fits, though the product may not.
std::int64_t term(std::int64_t first, std::int64_t step, std::int64_t i) {
  const std::uint64_t way = static_cast<std::uint64_t>(i) * static_cast<std::uint64_t>(step);
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(first) + way);
}

std::int64_t count(double start, double end, double step) {
  const double n = std::ceil((end - start) / step);
  check(n < 1e18, "arange: from {} to {} by {} has too many elements", start, end, step);
  return static_cast<std::int64_t>(n);
}

}  // namespace

Tensor arange(const Scalar& end, const TensorOptions& options) {
  return arange(end.kind() == Scalar::Kind::floating ? Scalar(0.0) : Scalar(0), end, 1, options);
}

Tensor arange(const Scalar& start, const Scalar& end, const TensorOptions& options) {
  return arange(start, end, 1, options);
}

Tensor arange(const Scalar& start, const Scalar& end, const Scalar& step,
              const TensorOptions& options) {
  const auto from = start.to<double>(), to = end.to<double>(), by = step.to<double>();
  check(std::isfinite(from) && std::isfinite(to) && std::isfinite(by),
        "arange: start, end and step must be finite ({}, {}, {})", from, to, by);
  check(by != 0, "arange: the step must not be zero (from {} to {})", from, to);
  check(by > 0 ? from <= to : from >= to, "arange: a step of {} leads away from the end ({} to {})",
        by, from, to);
  const auto floating = Scalar::Kind::floating;
  if (start.kind() == floating || end.kind() == floating || step.kind() == floating) {
    Tensor x = make("arange", {count(from, to, by)}, options.dtype_or(default_dtype()));
    generate(x, [=](std::int64_t i) { return from + by * static_cast<double>(i); });
    return finish(std::move(x), options);
  }
  const auto first = start.to<std::int64_t>(), stride = step.to<std::int64_t>();
  const std::int64_t n = count_exact(first, end.to<std::int64_t>(), stride);
  Tensor x = make("arange", {n}, options.dtype_or(kInt64));
  if (n > 0) check_fits("arange", term(first, stride, n - 1), x.dtype());
  if (n > 0) check_fits("arange", first, x.dtype());
  generate(x, [=](std::int64_t i) { return term(first, stride, i); });
  return finish(std::move(x), options);
}

namespace {

double between(double start, double end, std::int64_t i, std::int64_t steps) {
  if (steps == 1) return start;
  const double step = (end - start) / static_cast<double>(steps - 1);
  const std::int64_t back = steps - 1 - i;
  return i < back ? start + step * static_cast<double>(i) : end - step * static_cast<double>(back);
}

Tensor spaced(const char* op, std::int64_t steps, const TensorOptions& options, auto&& f) {
  check(steps >= 0, "{}: the number of steps must not be negative ({})", op, steps);
  Tensor x = make(op, {steps}, options.dtype_or(default_dtype()));
  generate(x, f);
  return finish(std::move(x), options);
}

}  // namespace

Tensor linspace(double start, double end, std::int64_t steps, const TensorOptions& options) {
  return spaced("linspace", steps, options,
                [=](std::int64_t i) { return between(start, end, i, steps); });
}

Tensor logspace(double start, double end, std::int64_t steps, double base,
                const TensorOptions& options) {
  return spaced("logspace", steps, options,
                [=](std::int64_t i) { return std::pow(base, between(start, end, i, steps)); });
}

namespace {

using List = std::vector<TensorData>;

struct Survey {
  Shape size;
  std::vector<const Scalar*> values;
  Scalar::Kind kind = Scalar::Kind::boolean;
};

std::string describe(const TensorData& x) {
  return x.is_list() ? fmt::format("a list of {}", x.list().size()) : "a number";
}

void survey(const TensorData& x, int depth, const std::string& place, Survey& s) {
  const bool as_first = x.is_list() ? depth < s.size.size() && s.size[depth] == std::ssize(x.list())
                                    : depth == s.size.size();
  if (!as_first) {
    const auto expected =
        depth < s.size.size() ? fmt::format("a list of {}", s.size[depth]) : "a number";
    fail("tensor: ragged list: expected {} at {}, got {}", expected, place, describe(x));
  }
  if (!x.is_list()) {
    s.values.push_back(&x.value());
    s.kind = std::max(s.kind, x.value().kind());
  }
  for (std::size_t i = 0; i < x.list().size(); ++i)
    survey(x.list()[i], depth + 1, fmt::format("{}[{}]", place, i), s);
}

DType dtype_for(const Survey& s) {
  if (s.values.empty() || s.kind == Scalar::Kind::floating) return default_dtype();
  return s.kind == Scalar::Kind::integer ? kInt64 : kBool;
}

}  // namespace

Tensor tensor(const Scalar& value, const TensorOptions& options) {
  Tensor x = make("tensor", {}, options.dtype_or(dtype_for(value)));
  check_fits("tensor", value, x.dtype());
  fill(x, value);
  return finish(std::move(x), options);
}

Tensor tensor(std::initializer_list<TensorData> values, const TensorOptions& options) {
  const TensorData root(values);
  Survey s;
  for (const TensorData* p = &root; p->is_list(); p = &p->list().front()) {
    s.size.push_back(std::ssize(p->list()));
    if (p->list().empty()) break;
  }
  survey(root, 0, "the list", s);
  Tensor x = make("tensor", s.size, options.dtype_or(dtype_for(s)));
  for (const Scalar* v : s.values) check_fits("tensor", *v, x.dtype());
  dispatch_all(x.dtype(), [&](auto t) {
    auto* data = x.data_ptr<decltype(t)>();
    for (std::size_t i = 0; i < s.values.size(); ++i) data[i] = s.values[i]->to<decltype(t)>();
  });
  return finish(std::move(x), options);
}

Tensor detail::tensor_from(const void* values, DType type, std::int64_t n,
                           const TensorOptions& options) {
  const DType kind = is_floating(type) ? default_dtype() : type == kBool ? kBool : kInt64;
  Tensor x = make("tensor", {n}, options.dtype_or(kind));
  copy_elements(type, x.dtype())(x.data_ptr(), 1, values, 1, n);
  return finish(std::move(x), options);
}

Tensor from_blob(void* data, const Shape& size, const TensorOptions& options) {
  const std::int64_t n = detail::checked_numel("from_blob", size);
  check(data || n == 0, "from_blob: null memory for a tensor of shape {}", size);
  const DType dtype = options.dtype_or(default_dtype());
  Tensor x = detail::new_tensor(thread_state(), {0}, dtype);
  detail::TensorImpl& p = x.impl();
  const auto bytes = static_cast<std::size_t>(n) * size_of(dtype);
  p.storage = detail::Storage::wrap(data, bytes, nullptr, nullptr);
  p.data = data;
  p.size = size;
  p.stride = detail::contiguous_strides(size);
  detail::update_layout(p);
  return finish(std::move(x), options);
}

}  // namespace downhill

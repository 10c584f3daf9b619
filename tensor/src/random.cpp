#include <downhill/tensor/random.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include <downhill/tensor/format.h>
#include <downhill/tensor/op.h>
#include <downhill/tensor/parallel.h>
#include <downhill/tensor/vecmath.h>
#include "inplace.h"
#include "philox.h"

namespace downhill {
namespace detail {
namespace {

DOWNHILL_INLINE std::int32_t high24(std::uint32_t w) { return static_cast<std::int32_t>(w >> 8); }

/// A multiple of 2^-24 or 2^-53 in [0, 1).
template <class T> DOWNHILL_INLINE Real<T> unit(const Words& w, int i) {
  if constexpr (sizeof(T) == 4) return Real<T>(high24(w.w[i])) * 0x1p-24;
  const auto high = static_cast<std::int32_t>(w.w[2 * i] >> 5);
  const auto low = static_cast<std::int32_t>(w.w[2 * i + 1] >> 6);
  return (Real<T>(high) * 0x1p26 + low) * 0x1p-53;
}

/// In (0, 1], finer towards 0.
template <class T> DOWNHILL_INLINE Real<T> positive_unit(const Words& w, int i) {
  if constexpr (sizeof(T) == 8) return unit<T>(w, i) + 0x1p-54;
  const auto low = static_cast<std::int32_t>(w.w[i] & 255);
  return (Real<T>(high24(w.w[i])) + (Real<T>(low) + 0.5) * 0x1p-8) * 0x1p-24;
}

template <class T> struct Uniform {
  using Element = T;
  static constexpr int count = sizeof(T) == 4 ? 4 : 2;
  T from, range, last;

  DOWNHILL_INLINE void draw(const Words& w, T* v) const {
    for (int i = 0; i < count; ++i) {
      const Real<T> x = Real<T>(from) + Real<T>(range) * unit<T>(w, i);
      v[i] = where(x < last, x, last).v;
    }
  }
};

template <class T> struct Normal {
  using Element = T;
  static constexpr int count = sizeof(T) == 4 ? 4 : 2;
  T mean, std;

  DOWNHILL_INLINE void draw(const Words& w, T* v) const {
    draw_pair(w, 0, v);
    if constexpr (count == 4) draw_pair(w, 2, v + 2);
  }
  DOWNHILL_INLINE void draw_pair(const Words& w, int i, T* v) const {
    constexpr double two_pi = 6.283185307179586;
    const Real<T> radius = vec::sqrt(-2 * vec::log(positive_unit<T>(w, i))) * std;
    const Real<T> angle = (unit<T>(w, i + 1) - 0.5) * two_pi;
    v[0] = (radius * vec::cos(angle) + mean).v;
    v[1] = (radius * vec::sin(angle) + mean).v;
  }
};

struct Bernoulli {
  using Element = float;
  static constexpr int count = 4;
  std::int32_t below;

  DOWNHILL_INLINE void draw(const Words& w, float* v) const {
    for (int i = 0; i < count; ++i) v[i] = high24(w.w[i]) < below ? 1.0f : 0.0f;
  }
};

constexpr int kLanes = 16;
template <class Draw> constexpr std::int64_t numbers_at = kLanes* Draw::count;

/// Counter after counter; within one, number k of lane j is element k * kLanes + j.
template <class Draw> struct Fill {
  using T = typename Draw::Element;
  DOWNHILL_STEP static void run(T* out, std::int64_t n, std::uint64_t seed, std::uint64_t counter,
                                Draw draw) {
    alignas(64) T rest[numbers_at<Draw>];
    for (std::int64_t i = 0; i < n; i += numbers_at<Draw>, ++counter) {
      const bool whole = n - i >= numbers_at<Draw>;
      T* to = whole ? out + i : rest;
      DOWNHILL_VECTORIZE
      for (int lane = 0; lane < kLanes; ++lane) {
        T v[Draw::count];
        draw.draw(philox_at(seed, counter, static_cast<std::uint32_t>(lane)), v);
        for (int k = 0; k < Draw::count; ++k) to[k * kLanes + lane] = v[k];
      }
      if (!whole)
        for (std::int64_t k = 0; k < n - i; ++k) out[i + k] = rest[k];
    }
  }
};

constexpr std::int64_t groups_of(std::int64_t n, std::int64_t group) {
  return (n + group - 1) / group;
}

template <class Draw> void fill(const Tensor& x, Generator& generator, Draw draw) {
  constexpr std::int64_t group = numbers_at<Draw>, grain = 256;
  auto* out = x.data_ptr<typename Draw::Element>();
  const std::int64_t n = x.numel(), groups = groups_of(n, group);
  const std::uint64_t seed = generator.seed();
  const std::uint64_t first = generator.advance(static_cast<std::uint64_t>(groups));
  parallel_for(groups, grain, [&](std::int64_t begin, std::int64_t end) {
    kernel<Fill<Draw>>(out + begin * group, std::min(n, end * group) - begin * group, seed,
                       first + static_cast<std::uint64_t>(begin), draw);
  });
}

template <class FillContiguous>
void fill_in_order(const Tensor& x, FillContiguous&& fill_contiguous) {
  if (x.is_contiguous()) {
    fill_contiguous(x);
    return bump_version(x);
  }
  const Tensor numbers = new_tensor(thread_state(), x.sizes(), x.dtype());
  fill_contiguous(numbers);
  const NoGradGuard guard;
  x.copy_(numbers);
}

void check_fillable(const char* op, const Tensor& x) {
  check_writable(op, x, false);
  check(!grad_mode() || !x.requires_grad(),
        "{}: this tensor requires a gradient (made by {}), and random numbers are not recorded; "
        "use a NoGradGuard, or detach() it",
        op, x.requires_grad() ? x.impl().history->name() : "");
}

Tensor make(const char* op, const Shape& size, DType dtype) {
  checked_numel(op, size);
  return new_tensor(thread_state(), size, dtype);
}

Tensor make_like(const Tensor& x) { return new_like(thread_state(), x.impl(), x.dtype()); }

void fill_uniform(const char* op, const Tensor& x, double from, double to, Generator& generator) {
  dispatch_floating(op, x.dtype(), [&](auto t) {
    using T = decltype(t);
    const T low = static_cast<T>(from), high = static_cast<T>(to), range = high - low;
    check(low <= high && std::isfinite(range), "{}: [{}, {}) is no range of {}", op, from, to,
          name_of(x.dtype()));
    const Uniform<T> draw{low, range, std::nextafter(high, low)};
    fill_in_order(x, [&](const Tensor& y) { fill(y, generator, draw); });
  });
}

void fill_normal(const char* op, const Tensor& x, double mean, double std, Generator& generator) {
  check(std >= 0, "{}: the standard deviation must not be negative ({})", op, std);
  dispatch_floating(op, x.dtype(), [&](auto t) {
    using T = decltype(t);
    const Normal<T> draw{static_cast<T>(mean), static_cast<T>(std)};
    fill_in_order(x, [&](const Tensor& y) { fill(y, generator, draw); });
  });
}

Tensor finish(Tensor x, const TensorOptions& options) {
  if (options.wants_grad()) x.requires_grad_();
  return x;
}

/// Unbiased integers below a bound: Lemire, "Fast random integer generation in an interval", 2019.
class Bounded {
 public:
  Bounded(std::uint64_t seed, std::uint64_t first) : seed_(seed), first_(first) {}

  std::uint64_t operator()(std::uint64_t i, std::uint64_t bound) {
    __extension__ using Wide = unsigned __int128;
    Wide product = Wide(number(i, 0)) * bound;
    if (static_cast<std::uint64_t>(product) < bound) {
      const std::uint64_t least = (0 - bound) % bound;
      for (std::uint32_t attempt = 1; static_cast<std::uint64_t>(product) < least; ++attempt)
        product = Wide(number(i, attempt)) * bound;
    }
    return static_cast<std::uint64_t>(product >> 64);
  }
  static std::uint64_t counters(std::int64_t n) { return static_cast<std::uint64_t>(n / 2 + 1); }

 private:
  std::uint64_t number(std::uint64_t i, std::uint32_t attempt) {
    if (attempt > 0 || !fresh_ || i / 2 != at_)
      words_ = philox_at(seed_, first_ + i / 2, 0, attempt);
    at_ = i / 2;
    fresh_ = attempt == 0;
    const std::uint32_t* w = words_.w + 2 * (i % 2);
    return std::uint64_t(w[0]) << 32 | w[1];
  }

  std::uint64_t seed_, first_, at_ = 0;
  bool fresh_ = false;
  Words words_;
};

template <class T> bool holds_exactly(std::int64_t low, std::int64_t last) {
  if constexpr (std::is_same_v<T, std::int64_t>) return true;
  constexpr std::int64_t top = std::int64_t(1) << std::min(62, std::numeric_limits<T>::digits);
  if constexpr (std::is_integral_v<T>)
    return low >= std::int64_t(std::numeric_limits<T>::min()) && last < top;
  return low >= -top && last <= top;
}

void fill_integers(const Tensor& x, std::int64_t low, std::int64_t high, Generator& generator) {
  auto* data = x.data_ptr<std::int64_t>();
  const std::uint64_t base = static_cast<std::uint64_t>(low), seed = generator.seed();
  const std::uint64_t bound = static_cast<std::uint64_t>(high) - base;
  const std::uint64_t first = generator.advance(Bounded::counters(x.numel()));
  parallel_for(x.numel(), 8192, [&](std::int64_t begin, std::int64_t end) {
    Bounded bounded(seed, first);
    for (std::int64_t i = begin; i < end; ++i)
      data[i] = static_cast<std::int64_t>(base + bounded(static_cast<std::uint64_t>(i), bound));
  });
}

Tensor converted(const Tensor& x, DType dtype) {
  if (x.dtype() == dtype) return x;
  const NoGradGuard guard;
  return x.to(dtype);
}

}  // namespace
}  // namespace detail

std::uint64_t Generator::next() {
  const detail::Words w = detail::philox_at(seed(), advance(1));
  return std::uint64_t(w.w[0]) << 32 | w.w[1];
}

Generator& default_generator() {
  static Generator generator;
  return generator;
}

void manual_seed(std::uint64_t seed) { default_generator().manual_seed(seed); }

const Tensor& uniform_(const Tensor& x, double from, double to, Generator& generator) {
  detail::check_fillable("uniform_", x);
  detail::fill_uniform("uniform_", x, from, to, generator);
  return x;
}

const Tensor& normal_(const Tensor& x, double mean, double std, Generator& generator) {
  detail::check_fillable("normal_", x);
  detail::fill_normal("normal_", x, mean, std, generator);
  return x;
}

const Tensor& Tensor::uniform_(double from, double to) const {
  return downhill::uniform_(*this, from, to, default_generator());
}

const Tensor& Tensor::normal_(double mean, double std) const {
  return downhill::normal_(*this, mean, std, default_generator());
}

Tensor rand(const Shape& size, Generator& generator, const TensorOptions& options) {
  Tensor x = detail::make("rand", size, options.dtype_or(default_dtype()));
  detail::fill_uniform("rand", x, 0, 1, generator);
  return detail::finish(std::move(x), options);
}

Tensor randn(const Shape& size, Generator& generator, const TensorOptions& options) {
  Tensor x = detail::make("randn", size, options.dtype_or(default_dtype()));
  detail::fill_normal("randn", x, 0, 1, generator);
  return detail::finish(std::move(x), options);
}

Tensor rand(const Shape& size, const TensorOptions& options) {
  return rand(size, default_generator(), options);
}

Tensor randn(const Shape& size, const TensorOptions& options) {
  return randn(size, default_generator(), options);
}

Tensor rand_like(const Tensor& x) {
  Tensor r = detail::make_like(x);
  detail::fill_uniform("rand_like", r, 0, 1, default_generator());
  return r;
}

Tensor randn_like(const Tensor& x) {
  Tensor r = detail::make_like(x);
  detail::fill_normal("randn_like", r, 0, 1, default_generator());
  return r;
}

Tensor randint(std::int64_t low, std::int64_t high, const Shape& size, Generator& generator,
               const TensorOptions& options) {
  check(low < high, "randint: no integer in [{}, {})", low, high);
  const DType dtype = options.dtype_or(kInt64);
  const bool held = detail::dispatch_all(
      dtype, [&](auto t) { return detail::holds_exactly<decltype(t)>(low, high - 1); });
  check(held, "randint: {} does not hold all of [{}, {})", name_of(dtype), low, high);
  const Tensor x = detail::make("randint", size, kInt64);
  detail::fill_integers(x, low, high, generator);
  return detail::finish(detail::converted(x, dtype), options);
}

Tensor randint(std::int64_t low, std::int64_t high, const Shape& size,
               const TensorOptions& options) {
  return randint(low, high, size, default_generator(), options);
}

Tensor randint(std::int64_t high, const Shape& size, const TensorOptions& options) {
  return randint(0, high, size, default_generator(), options);
}

Tensor randperm(std::int64_t n) { return randperm(n, default_generator()); }

Tensor randperm(std::int64_t n, Generator& generator) {
  Tensor x = detail::make("randperm", {n}, kInt64);
  auto* data = x.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < n; ++i) data[i] = i;
  const std::uint64_t seed = generator.seed();
  detail::Bounded bounded(seed, generator.advance(detail::Bounded::counters(n)));
  for (std::int64_t i = n - 1; i > 0; --i) {
    const auto draw = static_cast<std::uint64_t>(n - 1 - i);
    std::swap(data[i], data[bounded(draw, static_cast<std::uint64_t>(i) + 1)]);
  }
  return x;
}

Tensor bernoulli_like(const Tensor& x, double p, Generator& generator) {
  check(p >= 0 && p <= 1, "bernoulli_like: the probability must lie in [0, 1] ({})", p);
  const detail::Bernoulli draw{static_cast<std::int32_t>(std::lround(p * 0x1p24))};
  Tensor r = detail::new_like(detail::thread_state(), x.impl(), kFloat32);
  detail::fill_in_order(r, [&](const Tensor& y) { detail::fill(y, generator, draw); });
  return detail::converted(r, x.dtype());
}

Tensor bernoulli_like(const Tensor& x, double p) {
  return bernoulli_like(x, p, default_generator());
}

}  // namespace downhill

#include <downhill/tensor/factory.h>
#include <downhill/tensor/multi_tensor.h>
#include <downhill/tensor/op.h>
#include <downhill/tensor/ops.h>
#include <downhill/tensor/parallel.h>
#include <downhill/tensor/registry.h>

#include <algorithm>
#include <cmath>
#include <limits>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace downhill {
namespace detail {
namespace {

constexpr std::int64_t chunk = 4096;  // elements; of sums: the fixed block
constexpr std::int64_t chunks_a_thread = 8;
constexpr std::int64_t serial_elements = 1 << 16;

class FlushDenormals {
 public:
#if defined(__x86_64__)
  FlushDenormals() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040); }
  ~FlushDenormals() { _mm_setcsr(before_); }

 private:
  unsigned before_;
#endif
};

template <class V, class T> DOWNHILL_INLINE void load(V& v, const T* p) {
  __builtin_memcpy(&v, p, sizeof v);
}

typedef double Doubles __attribute__((vector_size(64)));
typedef float Floats __attribute__((vector_size(32)));
typedef std::int64_t Bits __attribute__((vector_size(64)));
constexpr int lanes = 8, rows = 4;

DOWNHILL_INLINE void load_as_double(Doubles& v, const double* p) { load(v, p); }
DOWNHILL_INLINE void load_as_double(Doubles& v, const float* p) {
  Floats f;
  load(f, p);
  v = __builtin_convertvector(f, Doubles);
}

template <class T> struct SumBlock {
  DOWNHILL_STEP static void run(const void* data, std::int64_t n, MultiSums* out) {
    DOWNHILL_CONTRACT
    const T* x = static_cast<const T*>(data);
    Doubles magnitude[rows] = {}, square[rows] = {};
    std::int64_t i = 0;
    for (; i + lanes * rows <= n; i += lanes * rows) {
#pragma GCC unroll 4
      for (int r = 0; r < rows; ++r) {
        Doubles v;
        load_as_double(v, x + i + lanes * r);
        square[r] += v * v;
        magnitude[r] += (Doubles)((Bits)v & INT64_MAX);
      }
    }
    MultiSums sum;
    for (; i < n; ++i) {
      const double v = x[i];
      sum.squares += v * v, sum.magnitudes += v < 0 ? -v : v;
    }
    const Doubles m = (magnitude[0] + magnitude[1]) + (magnitude[2] + magnitude[3]);
    const Doubles s = (square[0] + square[1]) + (square[2] + square[3]);
    for (int l = 0; l < lanes; ++l) sum.magnitudes += m[l], sum.squares += s[l];
    *out = sum;
  }
};

template <class T> struct LargestBlock {  // compared as bit patterns: NaN is above infinity
  using Int = typename IntOf<sizeof(T)>::Signed;
  DOWNHILL_STEP static void run(const void* data, std::int64_t n, MultiSums* out) {
    const T* x = static_cast<const T*>(data);
    Int top = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      const Int bits = __builtin_bit_cast(Int, x[i]) & std::numeric_limits<Int>::max();
      top = bits > top ? bits : top;
    }
    out->magnitudes = __builtin_bit_cast(T, top);
  }
};

MultiList& scratch_list() {
  static thread_local MultiList list;
  list.clear();
  return list;
}

}  // namespace

void MultiList::add(DType dtype, std::int64_t n, const void* const* data, int operands) {
  Item& item = items_.emplace_back();
  for (int i = 0; i < operands; ++i) item.data[i] = const_cast<void*>(data[i]);
  item.n = n, item.first_chunk = chunks_, item.dtype = dtype;
  chunks_ += (n + chunk - 1) / chunk;
  elements_ += n;
}

template <class F> void MultiList::over_chunks(F&& f) const {
  if (elements_ <= serial_elements) f(std::int64_t(0), chunks_);
  else parallel_for(chunks_, chunks_a_thread, f);
}

/// Calls f(item, first element, last) for the parts of the items that lie in chunks [begin, end).
template <class F> void MultiList::over_parts(std::int64_t begin, std::int64_t end, F&& f) const {
  auto it = items_.begin();
  if (begin > 0) {
    const auto after = [](std::int64_t b, const Item& i) { return b < i.first_chunk; };
    it = std::upper_bound(items_.begin(), items_.end(), begin, after) - 1;
  }
  for (; it != items_.end() && it->first_chunk < end; ++it) {
    const std::int64_t lo = std::max<std::int64_t>(begin - it->first_chunk, 0) * chunk;
    const std::int64_t hi = std::min(it->n, (end - it->first_chunk) * chunk);
    if (lo < hi) f(*it, lo, hi);
  }
}

void MultiList::run(const MultiRule& rule, const void* coefficients) const {
  over_chunks([&](std::int64_t begin, std::int64_t end) {
    FlushDenormals guard;
    over_parts(begin, end, [&](const Item& item, std::int64_t lo, std::int64_t hi) {
      const MultiKernel& kernel = *rule.kernels[item.dtype == kFloat64];
      if (lo == 0) return kernel(coefficients, item.data, hi);
      void* part[kMaxRuleOperands];
      const auto offset = lo * static_cast<std::int64_t>(size_of(item.dtype));
      for (int i = 0; i < rule.operands; ++i) part[i] = static_cast<char*>(item.data[i]) + offset;
      kernel(coefficients, part, hi - lo);
    });
  });
}

std::span<const MultiSums> MultiList::blocks(const BlockKernel& single,
                                             const BlockKernel& twice) const {
  static thread_local std::vector<MultiSums> buffer;
  buffer.resize(static_cast<std::size_t>(chunks_));
  MultiSums* const out = buffer.data();
  over_chunks([&, out](std::int64_t begin, std::int64_t end) {
    FlushDenormals guard;
    over_parts(begin, end, [&](const Item& item, std::int64_t lo, std::int64_t hi) {
      const BlockKernel& kernel = item.dtype == kFloat64 ? twice : single;
      const auto* data = static_cast<const char*>(item.data[0]);
      for (; lo < hi; lo += chunk)
        kernel(data + lo * static_cast<std::int64_t>(size_of(item.dtype)), std::min(chunk, hi - lo),
               out + item.first_chunk + lo / chunk);
    });
  });
  return buffer;
}

MultiSums MultiList::sums() const {
  MultiSums total;
  for (const MultiSums& b : blocks(kernel<SumBlock<float>>, kernel<SumBlock<double>>))
    total.magnitudes += b.magnitudes, total.squares += b.squares;
  return total;
}

double MultiList::largest_magnitude() const {
  double top = 0;
  for (const MultiSums& b : blocks(kernel<LargestBlock<float>>, kernel<LargestBlock<double>>))
    if (top == top && !(b.magnitudes <= top)) top = b.magnitudes;
  return top;
}

double MultiList::sum_of_powers(double p) const {
  double total = 0;
  for (const Item& item : items_)
    dispatch_floating("norm", item.dtype, [&](auto t) {
      const auto* x = static_cast<const decltype(t)*>(item.data[0]);
      for (std::int64_t begin = 0; begin < item.n; begin += chunk) {
        double part = 0;
        for (std::int64_t i = begin; i < std::min(begin + chunk, item.n); ++i)
          part += std::pow(std::abs(double(x[i])), p);
        total += part;
      }
    });
  return total;
}

// ---------------------------------------------------------------- elastic_net

using MultiTensorOps = OpList<struct ElasticNet>;

namespace {

struct ElasticNetGradient {  // the first operand becomes the gradient of the second
  static constexpr int operands = 2;
  struct Coefficients {
    double l1, l2;
  };
  DOWNHILL_INLINE static void update(auto& out, const auto& w, const auto& c) {
    out = sign(w) * ((2 * c.l2) * abs(w) + c.l1);
  }
};

}  // namespace

struct ElasticNet {
  static constexpr std::string_view name = "elastic_net";
  using Family = MultiTensorOps;
  static constexpr int inputs = 8;  // a node takes up to so many; longer lists make several nodes
  struct Values {
    Saved w[inputs];
    double l1 = 0, l2 = 0;
  };
  static void vjp(Backward& b, const Values& v) {
    if (b.create_graph()) return differentiable_vjp(b, v);
    MultiList& list = scratch_list();
    for (int i = 0; i < inputs; ++i) {
      if (!b.needs(i)) continue;
      const TensorImpl& w = v.w[i].value(b.node());
      Tensor grad = new_like(thread_state(), w, w.dtype);
      const void* data[] = {grad.data_ptr(), w.data};
      list.add(w.dtype, w.numel, data, 2);
      b.set(i, std::move(grad));
    }
    const double g = b.grad().item<double>();
    const ElasticNetGradient::Coefficients c{g * v.l1, g * v.l2};
    list.run(multi_rule<ElasticNetGradient>, &c);
  }
  static void differentiable_vjp(Backward& b, const Values& v) {
    for (int i = 0; i < inputs; ++i) {
      if (!b.needs(i)) continue;
      const Tensor w = v.w[i].input(b, i);
      Tensor slope = (2 * v.l2) * w;
      if (v.l1 != 0) slope = slope + v.l1 * sign(w);
      b.set(i, b.grad() * slope);
    }
  }
  static std::vector<Sample> samples();
  static std::vector<BadSample> bad_samples();
};

namespace {

Tensor elastic_net_part(std::span<const Tensor> w, double l1, double l2) {
  MultiList& list = scratch_list();
  std::array<Tensor, ElasticNet::inputs> dense;
  std::array<const Tensor*, ElasticNet::inputs> in;
  for (const Tensor& t : w) check_defined("elastic_net", t);
  DType dtype = w[0].dtype();
  for (std::size_t i = 0; i < w.size(); ++i) {
    if (!w[i].is_floating_point())
      fail("elastic_net: needs floating-point tensors, got {}", name_of(w[i].dtype()));
    dense[i] = w[i].impl().dense ? w[i] : contiguous(w[i]);
    in[i] = &dense[i];
    dtype = promote(dtype, w[i].dtype());
    list.add(dense[i].impl());
  }
  const MultiSums sums = list.sums();
  Tensor out = full({}, l1 * sums.magnitudes + l2 * sums.squares, dtype);
  const std::span<const Tensor* const> inputs(in.data(), w.size());
  return record<ElasticNet>(std::move(out), inputs, [&] {
    ElasticNet::Values values;
    for (std::size_t i = 0; i < w.size(); ++i) values.w[i] = save_if(dense[i], dense[i]);
    values.l1 = l1, values.l2 = l2;
    return values;
  });
}

}  // namespace

std::vector<Sample> ElasticNet::samples() {
  const auto fn = [](double l1, double l2) {
    return [=](const std::vector<Tensor>& x) { return std::vector{elastic_net(x, l1, l2)}; };
  };
  const Tensor a = sample_tensor({3, 4}, 1), b = sample_tensor({5}, 2),
               none = sample_tensor({0}, 3);
  return {{"squares", {a, b}, fn(0, 0.7)},
          {"magnitudes", {a}, fn(0.5, 0)},
          {"both, one tensor empty", {a, none, b}, fn(0.5, 0.7)},
          {"more than a node's inputs", std::vector<Tensor>(20, b), fn(0.1, 0.2)},
          {"transposed and strided", {a.t(), a.slice(1, 0, 4, 2)}, fn(0.5, 0.7)}};
}
std::vector<BadSample> ElasticNet::bad_samples() {
  return {{[] {
             elastic_net({tensor({1, 2})}, 1, 1);
           },
           "elastic_net: needs floating-point tensors, got int64"}};
}
template <> std::vector<OpEntry> entries<MultiTensorOps>() { return {entry_of<ElasticNet>()}; }

}  // namespace detail

Tensor elastic_net(const std::vector<Tensor>& tensors, double l1, double l2) {
  constexpr std::size_t most = detail::ElasticNet::inputs;
  if (tensors.empty()) return full({}, 0.0);
  const std::span<const Tensor> all = tensors;
  Tensor sum = detail::elastic_net_part(all.first(std::min(most, all.size())), l1, l2);
  for (std::size_t i = most; i < all.size(); i += most)
    sum = sum + detail::elastic_net_part(all.subspan(i, std::min(most, all.size() - i)), l1, l2);
  return sum;
}

}  // namespace downhill

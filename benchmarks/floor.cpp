#include "floor.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#if DOWNHILL_WITH_ONEDNN
#include <oneapi/dnnl/dnnl.h>
#endif

namespace bench::floor {
namespace {

constexpr std::size_t huge_page = 2 << 20;

float* allocate(std::int64_t n) {
  const std::size_t bytes = static_cast<std::size_t>(n) * sizeof(float);
  const std::size_t alignment = bytes >= 2 * huge_page ? huge_page : 64;
  void* p = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
#ifdef MADV_HUGEPAGE
  if (alignment == huge_page) madvise(p, bytes, MADV_HUGEPAGE);
#endif
  return static_cast<float*>(p);
}

}  // namespace

Buffer::Buffer(std::int64_t n, float value) : data_(allocate(n), &std::free), size_(n) {
  std::fill_n(data(), n, value);
}

Buffer::Buffer(const std::vector<float>& values)
    : Buffer(static_cast<std::int64_t>(values.size())) {
  std::ranges::copy(values, data());
}

void adamw(float* __restrict p, const float* __restrict g, float* __restrict m, float* __restrict v,
           std::int64_t n, std::int64_t step) {
  const double beta1 = 0.9, beta2 = 0.999, lr = adamw_lr, t = static_cast<double>(step);
  const float b1 = 0.9f, b2 = 0.999f, a1 = 0.1f, a2 = 1 - b2, eps = 1e-8f;
  const float shrink = static_cast<float>(1 - lr * adamw_decay);
  const float size = static_cast<float>(lr / (1 - std::pow(beta1, t)));
  const float scale = static_cast<float>(1 / std::sqrt(1 - std::pow(beta2, t)));
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) {
    m[i] = b1 * m[i] + a1 * g[i];
    v[i] = b2 * v[i] + a2 * g[i] * g[i];
    p[i] = shrink * p[i] - size * m[i] / (scale * std::sqrt(v[i]) + eps);
  }
}

void sgd(float* __restrict p, const float* __restrict g, std::int64_t n, float lr) {
  for (std::int64_t i = 0; i < n; ++i) p[i] -= lr * g[i];
}

void momentum(float* __restrict p, const float* __restrict g, float* __restrict v, std::int64_t n) {
  const float keep = static_cast<float>(bench::momentum), lr = static_cast<float>(sgd_lr);
  for (std::int64_t i = 0; i < n; ++i) {
    v[i] = keep * v[i] + g[i];
    p[i] -= lr * v[i];
  }
}

void column_sums(const float* __restrict x, float* __restrict sums, std::int64_t rows,
                 std::int64_t columns) {
  std::fill_n(sums, columns, 0.0f);
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j) sums[j] += x[i * columns + j];
}

void relu_backward(float* __restrict g, const float* __restrict h, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) g[i] = h[i] > 0 ? g[i] : 0;
}

namespace {

/// C: the number of classes where the compiler may know it, else 0.
template <int C>
double cross_entropy_of(float* s, const std::int64_t* target, std::int64_t batch,
                        std::int64_t classes) {
  const std::int64_t n = C ? C : classes;
  const float scale = 1 / static_cast<float>(batch);
  double loss = 0;
  for (std::int64_t i = 0; i < batch; ++i) {
    float top = s[i * n];
    for (std::int64_t j = 1; j < n; ++j) top = s[i * n + j] > top ? s[i * n + j] : top;
    for (std::int64_t j = 0; j < n; ++j) s[i * n + j] -= top;
    loss -= s[i * n + target[i]];
  }
#pragma omp simd
  for (std::int64_t i = 0; i < batch * n; ++i) s[i] = std::exp(s[i]);
  for (std::int64_t i = 0; i < batch; ++i) {
    float sum = 0;
    for (std::int64_t j = 0; j < n; ++j) sum += s[i * n + j];
    for (std::int64_t j = 0; j < n; ++j) s[i * n + j] *= scale / sum;
    s[i * n + target[i]] -= scale;
    loss += std::log(sum);
  }
  return loss * scale;
}

}  // namespace

double cross_entropy(float* scores, const std::int64_t* target, std::int64_t batch,
                     std::int64_t classes) {
  const auto f = classes == 10 ? cross_entropy_of<10> : cross_entropy_of<0>;
  return f(scores, target, batch, classes);
}

double multiclass_hinge(float* scores, const std::int64_t* target, std::int64_t batch,
                        std::int64_t classes) {
  double loss = 0;
  const float scale = 1 / static_cast<float>(batch);
  for (std::int64_t i = 0; i < batch; ++i) {
    float* s = scores + i * classes;
    const float own = s[target[i]] - 1;
    float sum = 0, count = 0;
    s[target[i]] = own;
    for (std::int64_t j = 0; j < classes; ++j) {
      const float excess = s[j] - own;
      sum += excess > 0 ? excess : 0;
      count += s[j] = excess > 0 ? scale : 0;
    }
    s[target[i]] = -count;
    loss += sum;
  }
  return loss * scale;
}

namespace {

std::string start(int) {
#if DOWNHILL_WITH_ONEDNN
  const auto* v = dnnl_version();
  return fmt::format("loops for this processor, oneDNN {}.{}.{}", v->major, v->minor, v->patch);
#else
  return "loops for this processor, no oneDNN";
#endif
}

const Part part("floor", [](Contender& c) { c.start = start; });

}  // namespace
}  // namespace bench::floor

// What the hand-coded contender is made of: arrays, products and plain loops. No framework: memory
// is taken once, nothing is recorded, every loop knows its sizes. These files are compiled for the
// machine at hand and with -ffast-math, so that exp and tanh are glibc's vector functions.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <vector>

#include "harness.h"
#include "rows.h"

namespace bench::floor {

/// Aligned floats that stay where they are; big ones ask for huge pages.
class Buffer {
 public:
  explicit Buffer(std::int64_t n, float value = 0);
  Buffer(const std::vector<float>& values);
  float* data() { return data_.get(); }
  const float* data() const { return data_.get(); }
  std::int64_t size() const { return size_; }
  float& operator[](std::int64_t i) { return data_.get()[i]; }
  float operator[](std::int64_t i) const { return data_.get()[i]; }
  Numbers summary() const { return bench::summary(data(), size_); }

 private:
  std::unique_ptr<float, decltype(&std::free)> data_;
  std::int64_t size_;
};

/// The weights of a model in one array, their gradients in another of the same layout.
struct Parameters {
  explicit Parameters(const std::vector<std::vector<float>>& parts) : p(total(parts)), g(p.size()) {
    std::int64_t at = 0;
    for (const auto& part : parts) {
      offset.push_back(at);
      for (const float x : part) p[at++] = x;
    }
  }
  float* value(std::size_t i) { return p.data() + offset[i]; }
  float* grad(std::size_t i) { return g.data() + offset[i]; }

  Buffer p, g;
  std::vector<std::int64_t> offset;

 private:
  static std::int64_t total(const std::vector<std::vector<float>>& parts) {
    std::size_t n = 0;
    for (const auto& part : parts) n += part.size();
    return static_cast<std::int64_t>(n);
  }
};

/// c [m, n] = a b, row-major, where a is stored [m, k] (or [k, m], transposed) and b [k, n] (or
/// [n, k]). Then, where asked for: + c's old value, + bias [n], max(0, .).
struct Gemm {
  std::int64_t m, n, k;
  const float *a, *b;
  float* c;
  bool a_transposed = false, b_transposed = false, accumulate = false;
  const float* bias = nullptr;
  bool relu = false;
};

/// A product whose way of being computed was chosen when it was made, by trying: tiles of its
/// own, dnnl_sgemm, a oneDNN matmul primitive. The trials overwrite c.
class Product {
 public:
  explicit Product(const Gemm& gemm);
  void operator()() const { run_(); }

 private:
  std::function<void()> run_;
};

/// Fused AdamW on n parameters (Loshchilov and Hutter, ICLR 2019); `step` counts from 1.
void adamw(float* p, const float* g, float* m, float* v, std::int64_t n, std::int64_t step);
/// p -= lr g
void sgd(float* p, const float* g, std::int64_t n, float lr);
/// v = momentum v + g, p -= lr v
void momentum(float* p, const float* g, float* v, std::int64_t n);

/// sums[j] = sum over i of x[i, j].
void column_sums(const float* x, float* sums, std::int64_t rows, std::int64_t columns);
/// g[i] = 0 where h[i] = 0.
void relu_backward(float* g, const float* h, std::int64_t n);
/// Mean cross-entropy of scores [batch, classes]; the scores become its gradient.
double cross_entropy(float* scores, const std::int64_t* target, std::int64_t batch,
                     std::int64_t classes);
/// Mean multiclass hinge loss, margin 1; the scores become its gradient.
double multiclass_hinge(float* scores, const std::int64_t* target, std::int64_t batch,
                        std::int64_t classes);

}  // namespace bench::floor

// Small things: the chain of multiplications, products of matrices.
#include "floor.h"

namespace bench::floor {
namespace {

/// y_k = y_(k-1) w; the values are kept where the gradient in w needs them.
struct Chain {
  explicit Chain(bool parameter)
      : parameter(parameter), w(uniform(small_size, 2, 0.999f, 1.001f)),
        y(small_size * (chain_length + 1)), dy(small_size), dw(small_size) {
    const auto first = uniform(small_size, 1);
    for (std::int64_t i = 0; i < small_size; ++i) y[i] = first[static_cast<std::size_t>(i)];
  }
  void step() {
    for (std::int64_t k = 0; k < chain_length; ++k) multiply(at(k), w.data(), at(k + 1));
    for (std::int64_t i = 0; i < small_size; ++i) dy[i] = 1, dw[i] = 0;
    for (std::int64_t k = chain_length; k-- > 0;) {
      if (parameter) accumulate(dy.data(), at(k), dw.data());
      multiply(dy.data(), w.data(), dy.data());
    }
  }
  float* at(std::int64_t k) { return y.data() + (parameter || k < 2 ? k : 1) * small_size; }
  static void multiply(const float* a, const float* b, float* out) {
    for (std::int64_t i = 0; i < small_size; ++i) out[i] = a[i] * b[i];
    keep(*out);
  }
  static void accumulate(const float* a, const float* b, float* out) {
    for (std::int64_t i = 0; i < small_size; ++i) out[i] += a[i] * b[i];
  }
  Numbers result() { return parameter ? join(dy.summary(), dw.summary()) : dy.summary(); }
  bool parameter;
  Buffer w, y, dy, dw;
};

struct Matmul {
  Matmul(const bench::Product& p, bool backward)
      : size(p), backward(backward), a(uniform(p.m * p.k, 1)), b(uniform(p.k * p.n, 2)),
        g(uniform(p.m * p.n, 3)), c(g.size()), da(a.size()), db(b.size()) {}
  void step() {
    forward();
    if (backward) to_a(), to_b();
  }
  Numbers result() { return backward ? join(da.summary(), db.summary()) : c.summary(); }
  bench::Product size;
  bool backward;
  Buffer a, b, g, c, da, db;
  Product forward{
      {.m = size.m, .n = size.n, .k = size.k, .a = a.data(), .b = b.data(), .c = c.data()}};
  Product to_a{{.m = size.m,
                .n = size.k,
                .k = size.n,
                .a = g.data(),
                .b = b.data(),
                .c = da.data(),
                .b_transposed = true}};
  Product to_b{{.m = size.k,
                .n = size.n,
                .k = size.m,
                .a = a.data(),
                .b = g.data(),
                .c = db.data(),
                .a_transposed = true}};
};

const Part part("floor", [](Contender& c) {
  c.add(chain_by_constant, maker<Chain>(false));
  c.add(chain_by_parameter, maker<Chain>(true));
  for (const bench::Product& p : products)
    for (const bool backward : {false, true})
      c.add(product_name(p, backward), maker<Matmul>(p, backward));
});

}  // namespace
}  // namespace bench::floor

#include <algorithm>
#include <chrono>

#include "floor_tiles.h"
#if DOWNHILL_WITH_ONEDNN
#include <oneapi/dnnl/dnnl.hpp>
#endif

namespace bench::floor {
namespace {

void finish_rows(const Gemm& g) {
  for (std::int64_t i = 0; i < g.m; ++i) {
    float* c = g.c + i * g.n;
    if (g.bias)
      for (std::int64_t j = 0; j < g.n; ++j) c[j] += g.bias[j];
    if (g.relu)
      for (std::int64_t j = 0; j < g.n; ++j) c[j] = c[j] > 0 ? c[j] : 0;
  }
}

#if DOWNHILL_WITH_ONEDNN
void sgemm(const Gemm& g) {
  dnnl_sgemm(g.a_transposed ? 'T' : 'N', g.b_transposed ? 'T' : 'N', g.m, g.n, g.k, 1, g.a,
             g.a_transposed ? g.m : g.k, g.b, g.b_transposed ? g.k : g.n, g.accumulate ? 1 : 0, g.c,
             g.n);
  finish_rows(g);
}

dnnl::matmul::primitive_desc describe(const dnnl::engine& engine, const Gemm& g,
                                      const dnnl::primitive_attr& attr) {
  using D = dnnl::memory::desc;
  const auto f32 = dnnl::memory::data_type::f32;
  const D a({g.m, g.k}, f32,
            g.a_transposed ? dnnl::memory::dims{1, g.m} : dnnl::memory::dims{g.k, 1});
  const D b({g.k, g.n}, f32,
            g.b_transposed ? dnnl::memory::dims{1, g.k} : dnnl::memory::dims{g.n, 1});
  const D c({g.m, g.n}, f32, dnnl::memory::dims{g.n, 1});
  const D bias = g.bias ? D({1, g.n}, f32, dnnl::memory::dims{g.n, 1}) : D();
#if DNNL_VERSION_MAJOR >= 3
  return {engine, a, b, bias, c, attr};
#else
  return {dnnl::matmul::desc(a, b, bias, c), attr, engine};
#endif
}

dnnl::primitive_attr attributes(const Gemm& g) {
  dnnl::post_ops ops;
  if (g.accumulate) ops.append_sum(1);
#if DNNL_VERSION_MAJOR >= 3
  if (g.relu) ops.append_eltwise(dnnl::algorithm::eltwise_relu, 0, 0);
#else
  if (g.relu) ops.append_eltwise(1, dnnl::algorithm::eltwise_relu, 0, 0);
#endif
  dnnl::primitive_attr attr;
  attr.set_post_ops(ops);
  return attr;
}

std::function<void()> primitive(const Gemm& g) {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  static dnnl::stream stream(engine);
  const auto pd = describe(engine, g, attributes(g));
  const auto at = [&](const dnnl::memory::desc& d, const float* p) {
    return dnnl::memory(d, engine, const_cast<float*>(p));
  };
  std::unordered_map<int, dnnl::memory> arguments{{DNNL_ARG_SRC, at(pd.src_desc(), g.a)},
                                                  {DNNL_ARG_WEIGHTS, at(pd.weights_desc(), g.b)},
                                                  {DNNL_ARG_DST, at(pd.dst_desc(), g.c)}};
  if (g.bias) arguments.emplace(DNNL_ARG_BIAS, at(pd.query_md(dnnl::query::weights_md, 1), g.bias));
  return [p = dnnl::matmul(pd), arguments] { p.execute(stream, arguments); };
}
#endif

/// A small transposed b is copied first, so that vectors run along its rows.
std::function<void()> transposing(Gemm g) {
  const float* b = g.b;
  const auto copy = std::make_shared<Buffer>(g.k * g.n);
  g.b = copy->data(), g.b_transposed = false;
  return [=] {
    for (std::int64_t j = 0; j < g.n; ++j)
      for (std::int64_t p = 0; p < g.k; ++p) (*copy)[p * g.n + j] = b[j * g.k + p];
    rows(g), finish_rows(g);
  };
}

std::vector<std::function<void()>> ways(const Gemm& g) {
  std::vector<std::function<void()>> all;
#if DOWNHILL_WITH_ONEDNN
  all.push_back([g] { sgemm(g); });
  all.push_back(primitive(g));
  if (g.m * g.n * g.k > 50'000'000) return all;
#endif
  const auto tiles = g.b_transposed ? dots : rows;
  all.push_back([=] { tiles(g), finish_rows(g); });
  if (g.b_transposed && g.n * g.k <= 4096) all.push_back(transposing(g));
  return all;
}

double least_seconds(const std::function<void()>& run) {
  double least = 1e9;
  for (int i = 0; i < 30; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    for (int k = 0; k < 5; ++k) run();
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
    least = std::min(least, time.count());
    if (i > 5 && least > 5e-3) break;
  }
  return least;
}

}  // namespace

Product::Product(const Gemm& gemm) {
  double best = 1e9;
  for (auto& way : ways(gemm)) {
    const double seconds = least_seconds(way);
    if (seconds < best) best = seconds, run_ = std::move(way);
  }
}

}  // namespace bench::floor

// The same bits for 1 to 8 threads, on inputs large enough to be divided.
#include <doctest/doctest.h>

#include <fmt/format.h>

#include <functional>
#include <string>

#include <downhill/autograd.h>
#include <downhill/data.h>
#include <downhill/nn.h>
#include <downhill/optim.h>
#include <downhill/tensor.h>

#include "digests.h"

using namespace downhill;
using determinism::mix;
namespace F = nn::functional;

namespace {

using Tensors = std::vector<Tensor>;

struct WithThreads {
  explicit WithThreads(int n) : before(get_num_threads()) { set_num_threads(n); }
  ~WithThreads() { set_num_threads(before); }
  int before;
};

/// Fails unless `work`, whose results are compared bit by bit, gives the same for every number of
/// threads.
void check_same_bits(const std::string& what, const std::function<Tensors()>& work) {
  CAPTURE(what);
  const auto with = [&](int threads) {
    const WithThreads guard(threads);
    manual_seed(7);
    return mix(1, work());
  };
  const std::uint64_t alone = with(1);
  for (const int threads : {2, 3, 4, 8}) CHECK(with(threads) == alone);
}

Tensor numbers(const Shape& size, DType dtype = kFloat32) {
  return randn(size, TensorOptions(dtype).requires_grad());
}

/// y, and the gradients of a weighted sum of its elements.
Tensors with_gradients(const Tensor& y, const Tensors& inputs) {
  const Tensor weights = linspace(-1, 1, y.numel(), y.dtype()).reshape(y.sizes());
  Tensors r = autograd::grad({y}, inputs, {weights});
  r.push_back(y.detach());
  return r;
}

struct ProductSize {
  std::int64_t m, k, n;
};

/// Few and many rows, columns and terms: every kernel, and what each hands to several threads.
const ProductSize product_sizes[] = {
    {512, 512, 512}, {64, 784, 128},  {128, 784, 10},  {256, 3072, 10},
    {33, 1027, 65},  {1, 4096, 1000}, {2000, 16, 16},  {1000, 1, 1000},
    {10, 20000, 10}, {300, 300, 1},   {9000, 60, 100},
};

}  // namespace

TEST_CASE("pointwise operations give the same bits for any number of threads") {
  check_same_bits("exp, tanh", [] {
    const Tensor x = numbers({1 << 18});
    return with_gradients(exp(x) * tanh(x), {x});
  });
  check_same_bits("broadcast", [] {
    const Tensor x = numbers({600, 700}), row = numbers({700}), column = numbers({600, 1});
    return with_gradients(x * row + column / (row * row + 1), {x, row, column});
  });
  check_same_bits("transposed, float64", [] {
    const Tensor x = numbers({600, 700}, kFloat64), y = numbers({700, 600}, kFloat64);
    return with_gradients(sigmoid(x.t()) - where(y > 0, y, x.t()), {x, y});
  });
  check_same_bits("own formula", [] {
    const Tensor x = numbers({1 << 18}), y = numbers({1 << 18});
    return with_gradients(elementwise([](auto a, auto b) { return tanh(a) * b; }, x, y), {x, y});
  });
}

TEST_CASE("reductions give the same bits for any number of threads") {
  for (const Shape& size : {Shape{1048576}, Shape{3, 200000}, Shape{200000, 3}, Shape{900, 1100}})
    check_same_bits("sum, mean, norms", [&] {
      const Tensor x = numbers(size);
      Tensors r = with_gradients(x.sum() * x.mean() + logsumexp(x, {-1}).sum(), {x});
      for (const int dim : {0, -1})
        for (const Tensor& y :
             Tensors{sum(x, {dim}), mean(x, {dim}), amax(x, {dim}), argmax(x, dim)})
          r.push_back(y.detach());
      return r;
    });
}

TEST_CASE("softmax and losses give the same bits for any number of threads") {
  for (const Shape& size : {Shape{20000, 10}, Shape{300, 1000}, Shape{7, 40000}})
    check_same_bits("softmax", [&] {
      const Tensor x = numbers(size);
      const Tensor target = randint(0, size[1], {size[0]});
      Tensors r = with_gradients(softmax(x, -1) + log_softmax(x, 0), {x});
      for (const Tensor& loss :
           Tensors{F::cross_entropy(x, target), F::multiclass_hinge_loss(x, target)})
        for (const Tensor& y : with_gradients(loss, {x})) r.push_back(y);
      return r;
    });
}

TEST_CASE("products give the same bits for any number of threads") {
  for (const ProductSize& s : product_sizes)
    for (const DType dtype : {kFloat32, kFloat64}) {
      const std::string what = fmt::format("{} x {} x {} {}", s.m, s.k, s.n, name_of(dtype));
      check_same_bits(what, [&] {
        const Tensor x = numbers({s.m, s.k}, dtype), w = numbers({s.n, s.k}, dtype);
        const Tensor b = numbers({s.n}, dtype);
        return with_gradients(linear(x, w, b), {x, w, b});
      });
      check_same_bits(what + " plain", [&] {
        const Tensor x = numbers({s.m, s.k}, dtype), w = numbers({s.k, s.n}, dtype);
        return with_gradients(matmul(x, w), {x, w});
      });
    }
  check_same_bits("a batch", [] {
    const Tensor x = numbers({12, 100, 80}), w = numbers({12, 80, 90});
    return with_gradients(matmul(x, w), {x, w});
  });
}

TEST_CASE("products of slices and long sums give the same bits for any number of threads") {
  check_same_bits("rows with gaps", [] {
    const Tensor x = numbers({128, 1000}), w = numbers({512, 950});
    return with_gradients(linear(x.narrow(1, 0, 900), w.narrow(1, 30, 900)), {x, w});
  });
  check_same_bits("columns with gaps", [] {
    const Tensor x = numbers({300, 90}), w = numbers({300, 140});
    return with_gradients(matmul(x.narrow(1, 0, 70).t(), w.narrow(1, 0, 120)), {x, w});
  });
  check_same_bits("a batch of slices", [] {
    const Tensor x = numbers({11, 60, 600}), w = numbers({11, 600, 130});
    return with_gradients(matmul(x.narrow(2, 0, 590), w.narrow(1, 0, 590)), {x, w});
  });
  check_same_bits("long sums, both transposed", [] {
    const Tensor x = numbers({6000, 50}), w = numbers({70, 6000});
    return with_gradients(matmul(x.t(), w.t()), {x, w});
  });
  check_same_bits("long sums in rows", [] {
    const Tensor x = numbers({118, 39033}), w = numbers({39033, 76});
    return with_gradients(matmul(x, w), {x, w});
  });
}

TEST_CASE("indexing and joining give the same bits for any number of threads") {
  check_same_bits("index, gather, cat", [] {
    const Tensor x = numbers({500, 400}), rows = randint(0, 500, {3000});
    const Tensor places = randint(0, 400, {500, 1000});
    const Tensor all = cat({x.index({rows}).reshape({-1}), gather(x, 1, places).reshape({-1})});
    return with_gradients(all, {x});
  });
}

TEST_CASE("random numbers are the same for any number of threads") {
  check_same_bits("random", [] {
    Tensor x = empty({300001}), y = empty({300001}, kFloat64);
    return Tensors{rand({300001}), randn({300001}),   randint(0, 1000, {300001}), randperm(100001),
                   x.normal_(),    y.uniform_(-1, 1), F::dropout(ones({300001}))};
  });
}

TEST_CASE("optimizer steps and clipping give the same bits for any number of threads") {
  check_same_bits("steps", [] {
    const Tensors params{numbers({700, 500}), numbers({3}), numbers({100000}, kFloat64)};
    const auto step = [&](auto&& optimizer) {
      for (const Tensor& p : params) p.mutable_grad() = randn_like(p);
      nn::utils::clip_grad_norm_(params, 10);
      for (int i = 0; i < 2; ++i) optimizer.step();
    };
    step(optim::SGD(params, {.lr = 0.1, .momentum = 0.9}));
    step(optim::Adam(params, {.lr = 0.01}));
    step(optim::AdamW(params, {.lr = 0.01}));
    Tensors r;
    for (const Tensor& p : params) r.push_back(p.detach());
    return r;
  });
}

TEST_CASE("a network trained with any number of threads is the same network") {
  check_same_bits("training", [] {
    const auto set = data::spiral({.points_per_class = 1000});
    auto loader = data::DataLoader(set, {.batch_size = 500, .shuffle = true});
    const nn::Sequential net(nn::Linear(2, 300), nn::ReLU(), nn::Dropout(0.1), nn::Linear(300, 200),
                             nn::Tanh(), nn::Linear(200, 3));
    optim::AdamW optimizer(net->parameters(), {.lr = 1e-2});
    Tensors r;
    for (int epoch = 0; epoch < 3; ++epoch)
      for (auto [x, y] : loader) {
        optimizer.zero_grad();
        const Tensor loss = F::cross_entropy(net(x), y) +
                            nn::elastic_net_penalty(net->parameters(), {.l1 = 1e-4, .l2 = 1e-3});
        loss.backward();
        optimizer.step();
        r.push_back(loss.detach());
      }
    for (const Tensor& p : net->parameters()) r.push_back(p.detach());
    return r;
  });
}

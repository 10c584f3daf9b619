// Deep graphs, threads, and what is left in memory afterwards.
#include <doctest/doctest.h>
#include <pthread.h>

#include <cmath>
#include <functional>
#include <thread>

#include <downhill/autograd.h>
#include <downhill/tensor.h>

#include "sweep/new_counter.h"

using namespace downhill;

namespace {

Tensor scalar_leaf(double value) { return tensor(value, dtype(kFloat64).requires_grad()); }

void run_on_small_stack(std::function<void()> fn) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  REQUIRE(pthread_attr_setstacksize(&attributes, 256 * 1024) == 0);
  pthread_t thread;
  const auto start = [](void* f) -> void* {
    (*static_cast<std::function<void()>*>(f))();
    return nullptr;
  };
  REQUIRE(pthread_create(&thread, &attributes, start, &fn) == 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

// Live objects before and after `fn`.
bool leaves_nothing(const std::function<void()>& fn) {
  const MemoryStats a = memory_stats();
  fn();
  const MemoryStats b = memory_stats();
  return a.live_nodes == b.live_nodes && a.live_tensors == b.live_tensors &&
         a.live_bytes == b.live_bytes;
}

}  // namespace

TEST_CASE("a chain of 10^6 nodes lives and dies on a stack of 256 KiB") {
  double gradient = 0;
  std::int64_t nodes = 0;
  const MemoryStats before = memory_stats();
  run_on_small_stack([&] {
    const Tensor x = scalar_leaf(1);
    {
      Tensor y = x;
      for (int i = 0; i < 1'000'000; ++i) y = y * 1.0000001;
      nodes = memory_stats().live_nodes - before.live_nodes;
      y.backward();
    }
    gradient = x.grad().item();
    Tensor y = x;
    for (int i = 0; i < 1'000'000; ++i) y = -y;
  });
  CHECK(nodes == 1'000'001);
  CHECK(gradient == doctest::Approx(1.10517).epsilon(1e-4));
  CHECK(memory_stats().live_nodes == before.live_nodes);
  CHECK(memory_stats().live_bytes == before.live_bytes);
}

TEST_CASE("grad with inputs walks a deep chain on a small stack, too") {
  double g = 0;
  run_on_small_stack([&] {
    const Tensor x = scalar_leaf(1);
    Tensor y = x;
    for (int i = 0; i < 200'000; ++i) y = y + 1;
    g = autograd::grad({y}, {x})[0].item();
  });
  CHECK(g == 1);
}

TEST_CASE("a graph built on two threads is differentiated in the right order") {
  const Tensor x = scalar_leaf(2);
  Tensor a, b;
  std::thread first([&] {
    a = x * 3;
    for (int i = 0; i < 50; ++i) a = a + 0;
  });
  first.join();
  std::thread second([&] { b = exp(x * 0) * a + x; });
  second.join();
  const Tensor y = a * b;
  y.backward();
  CHECK(y.item() == 48);
  CHECK(x.grad().item() == doctest::Approx(3 * 8 + 6 * 4));
}

TEST_CASE("concurrent backwards of separate graphs add up in a leaf that they share") {
  const Tensor w = ones({64}, dtype(kFloat64).requires_grad());
  auto work = [&](double factor) {
    for (int i = 0; i < 200; ++i) (w * factor).sum().backward();
  };
  std::thread first(work, 1.0), second(work, 2.0);
  first.join();
  second.join();
  CHECK(w.grad()[0].item() == 600);
  CHECK(w.grad()[63].item() == 600);
}

TEST_CASE("graphs leave nothing behind, whether differentiated or not") {
  const auto forward = [] {
    const Tensor x = scalar_leaf(0.3), w = scalar_leaf(0.7);
    return tanh(exp(x) * w) + sigmoid(x);
  };
  CHECK(leaves_nothing([&] { forward(); }));
  CHECK(leaves_nothing([&] { forward().backward(); }));
  CHECK(leaves_nothing([&] { forward().backward({}, true); }));
}

TEST_CASE("create_graph and ops that save their output make no cycle") {
  CHECK(leaves_nothing([] {
    const Tensor x = scalar_leaf(0.3);
    const Tensor y = exp(x);
    const Tensor g = autograd::grad({y}, {x}, {}, {}, true)[0];
    CHECK(autograd::grad({g}, {x})[0].item() == doctest::Approx(std::exp(0.3)));
  }));
  CHECK(leaves_nothing([] {
    const Tensor x = scalar_leaf(0.3), y = tanh(x).sqrt();
    const auto g = autograd::grad({y}, {x}, {}, {}, true);
    autograd::grad({g[0]}, {x}, {}, {}, true);
  }));
}

TEST_CASE("in-place ops make no cycle") {
  CHECK(leaves_nothing([] {
    const Tensor x = scalar_leaf(0.3), w = scalar_leaf(2);
    Tensor y = x * 1;
    y.add_(y * w);
    y.exp_();
    y.mul_(y);
    y.sigmoid_();
  }));
  CHECK(leaves_nothing([] {
    const Tensor x = scalar_leaf(0.3), w = scalar_leaf(2);
    Tensor y = x * 1;
    y.add_(x * w);
    y.exp_();
    y.backward();
    CHECK(w.grad().item() == doctest::Approx(0.3 * std::exp(0.9)));
  }));
}

TEST_CASE("hooks and retained gradients leave nothing behind") {
  CHECK(leaves_nothing([] {
    const Tensor x = scalar_leaf(0.3), y = exp(x);
    y.retain_grad();
    y.register_hook([](const Tensor& g) { return g * 2; });
    (y * y).backward();
  }));
}

TEST_CASE("a value that no rule needs is freed while the graph lives") {
  const Tensor x = ones({1000}, dtype(kFloat64).requires_grad());
  Tensor y = x + 1;
  const auto bytes = memory_stats().live_bytes;
  y = y + 1;
  y = y - x;
  y = y * 3;
  CHECK(memory_stats().live_bytes == bytes);
  y = exp(y);
  y = y + 1;
  CHECK(memory_stats().live_bytes == bytes + 8000);
}

TEST_CASE("backward frees what was saved unless the graph is retained") {
  const Tensor x = ones({1000}, dtype(kFloat64).requires_grad());
  const Tensor y = exp(exp(x)).sum();
  const auto before = memory_stats().live_bytes;
  y.backward({}, true);
  CHECK(memory_stats().live_bytes == before + 8000);
  y.backward();
  CHECK(memory_stats().live_bytes == before + 8000 - 16000);
}

#ifndef DOWNHILL_PLAIN  // sanitizer builds have no pools
TEST_CASE("a training step of a small network allocates nothing in the steady state") {
  const Tensor x = randn({16, 20}), target = randint(4, {16});
  Tensor w1 = randn({32, 20}, requires_grad()), b1 = zeros({32}, requires_grad());
  Tensor w2 = randn({4, 32}, requires_grad()), b2 = zeros({4}, requires_grad());
  const std::vector<Tensor> parameters = {w1, b1, w2, b2};
  auto step = [&] {
    cross_entropy(linear(relu(linear(x, w1, b1)), w2, b2), target).backward();
    NoGradGuard guard;
    for (const Tensor& p : parameters) {
      Tensor(p).sub_(p.grad() * 0.01);
      p.mutable_grad() = Tensor();
    }
  };
  for (int i = 0; i < 5; ++i) step();
  const auto blocks = memory_stats().mallocs, news = operator_new_calls();
  for (int i = 0; i < 5; ++i) step();
  CHECK(memory_stats().mallocs == blocks);
  CHECK(operator_new_calls() == news);
}
#endif

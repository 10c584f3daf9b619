// What backward and grad do on one thread: values, accumulation, hooks, errors.
#include <doctest/doctest.h>

#include <cmath>

#include <downhill/autograd.h>
#include <downhill/tensor.h>

using namespace downhill;
using doctest::Contains;

namespace {

Tensor leaf(std::initializer_list<TensorData> values) {
  return tensor(values, dtype(kFloat64).requires_grad());
}
Tensor scalar_leaf(double value) { return tensor(value, dtype(kFloat64).requires_grad()); }
bool equal(const Tensor& a, std::initializer_list<TensorData> b) {
  return a.defined() && to_string(a.detach()) == to_string(tensor(b, kFloat64));
}

}  // namespace

TEST_CASE("y = y + y sixty times takes sixty node visits") {
  const Tensor x = scalar_leaf(1);
  Tensor y = x;
  int visits = 0;
  for (int i = 0; i < 60; ++i) {
    y = y + y;
    y.register_hook([&](const Tensor&) { return ++visits, Tensor(); });
  }
  y.backward();
  CHECK(visits == 60);
  CHECK(x.grad().item() == double(std::int64_t(1) << 60));
}

TEST_CASE("derivatives of x^4 to the fourth order by create_graph") {
  const Tensor x = scalar_leaf(3);
  Tensor d = square(x) * square(x);
  for (double expected : {108.0, 108.0, 72.0, 24.0}) {
    d = autograd::grad({d}, {x}, {}, {}, true)[0];
    CHECK(d.item() == doctest::Approx(expected));
  }
}

TEST_CASE("a second backward over freed values is an error that names the op") {
  const Tensor x = scalar_leaf(2);
  const Tensor y = exp(x);
  y.backward();
  CHECK_THROWS_WITH_AS(y.backward(), Contains("saved by exp were freed by an earlier backward"),
                       Error);
}

TEST_CASE("retain_graph allows a second backward, which adds to the gradient") {
  const Tensor x = scalar_leaf(3);
  const Tensor y = x * x;
  y.backward({}, true);
  y.backward();
  CHECK(x.grad().item() == 12);
}

TEST_CASE("backward from more than one element takes a gradient of its shape") {
  const Tensor x = leaf({1.0, 2.0});
  const Tensor y = x * 3;
  y.backward(tensor({1.0, 10.0}, kFloat64));
  CHECK(equal(x.grad(), {3.0, 30.0}));
}

TEST_CASE("a leaf that requires a gradient cannot be changed in place while recording") {
  Tensor x = leaf({1.0});
  CHECK_THROWS_WITH_AS(x.add_(1), Contains("a leaf that requires a gradient"), Error);
  NoGradGuard guard;
  x.add_(1);
  CHECK(x.item() == 2);
  CHECK(x.is_leaf());
}

TEST_CASE("a saved value that was changed in place is an error that names op and versions") {
  const Tensor x = leaf({1.0, 2.0});
  Tensor y = x * 1, z = y * y;
  y.add_(1);
  CHECK_THROWS_WITH_AS(z.sum().backward(), Contains("that mul needs was changed in place"), Error);
  CHECK(!x.grad().defined());
}

TEST_CASE("x[0] = v on a recorded intermediate is an error, on a constant it writes") {
  Tensor c = zeros({2}, kFloat64);
  c[0] = tensor(5.0, kFloat64);
  CHECK(equal(c, {5.0, 0.0}));
  const Tensor x = leaf({1.0, 2.0});
  Tensor y = x * 2;
  CHECK_THROWS_WITH_AS(y[0] = scalar_leaf(1), Contains("in place into a view"), Error);
  CHECK_THROWS_WITH_AS(y[0] = tensor(1.0, kFloat64), Contains("in place into a view"), Error);
  y.sum().backward();
  CHECK(equal(x.grad(), {2.0, 2.0}));
}

TEST_CASE("in-place ops on an intermediate are recorded") {
  const Tensor x = leaf({1.0, 2.0}), w = leaf({3.0, 4.0});
  Tensor y = x * 1;
  y.add_(x * w);
  y.mul_(2);
  y.sum().backward();
  CHECK(equal(x.grad(), {8.0, 10.0}));
  CHECK(equal(w.grad(), {2.0, 4.0}));
}

TEST_CASE("of a node with several outputs some may be unused") {
  const Tensor x = leaf({3.0, 1.0, 2.0});
  aminmax(x).max.backward();
  CHECK(equal(x.grad(), {1.0, 0.0, 0.0}));
  const auto m = aminmax(x);
  CHECK(equal(autograd::grad({m.min * 5}, {x}, {}, true)[0], {0.0, 5.0, 0.0}));
  CHECK(equal(autograd::grad({m.min + m.max * 2}, {x}, {}, true)[0], {2.0, 1.0, 0.0}));
  CHECK(equal(autograd::grad({m.max, m.min}, {x})[0], {1.0, 1.0, 0.0}));
}

TEST_CASE("grad touches no leaf and walks only what leads to its inputs") {
  const Tensor x = scalar_leaf(2), w = scalar_leaf(3);
  int visits = 0;
  const Tensor side = exp(w), y = x * x;
  side.register_hook([&](const Tensor&) { return ++visits, Tensor(); });
  CHECK(autograd::grad({y * side}, {x}, {}, true)[0].item() == doctest::Approx(4 * std::exp(3)));
  CHECK(!x.grad().defined());
  CHECK(!w.grad().defined());
  CHECK(autograd::grad({y * 7}, {y}, {}, true)[0].item() == 7);
  CHECK(autograd::grad({y}, {y, x})[0].item() == 1);
}

TEST_CASE("an unused input is an error unless it is allowed") {
  const Tensor x = scalar_leaf(2), w = scalar_leaf(3);
  const Tensor y = x * x;
  CHECK_THROWS_WITH_AS(autograd::grad({y}, {x, w}, {}, true), Contains("do not depend on input 1"),
                       Error);
  const auto g = autograd::grad({y}, {x, w}, {}, true, false, true);
  CHECK(g[0].item() == 4);
  CHECK(!g[1].defined());
  CHECK_THROWS_WITH_AS(autograd::grad({y}, {x.detach()}), Contains("input 0 does not require"),
                       Error);
}

TEST_CASE("backward with inputs collects gradients there only") {
  const Tensor x = scalar_leaf(2), w = scalar_leaf(3);
  const Tensor y = x * w;
  autograd::backward({y}, {}, true, false, {w});
  CHECK(!x.grad().defined());
  CHECK(w.grad().item() == 2);
  autograd::backward({y, y * 2}, {});
  CHECK(x.grad().item() == 9);
  CHECK(w.grad().item() == 8);
}

TEST_CASE("retain_grad keeps the gradient of an intermediate") {
  const Tensor x = scalar_leaf(2);
  const Tensor y = x * 3, z = y * y;
  CHECK(!y.grad().defined());
  y.retain_grad();
  z.backward();
  CHECK(y.grad().item() == 12);
  CHECK(x.grad().item() == 36);
}

TEST_CASE("hooks see the gradient, may replace it and may be removed") {
  const Tensor x = scalar_leaf(2);
  const Tensor y = x * 3;
  double seen = 0;
  y.register_hook([&](const Tensor& g) { return seen = g.item(), g * 10; });
  const auto id = x.register_hook([](const Tensor& g) { return -g; });
  y.backward({}, true);
  CHECK(seen == 1);
  CHECK(x.grad().item() == -30);
  x.remove_hook(id);
  x.mutable_grad() = Tensor();
  y.backward();
  CHECK(x.grad().item() == 30);
}

TEST_CASE("a hook of an intermediate sees the sum of all its uses, once") {
  const Tensor x = scalar_leaf(2);
  const Tensor y = x * 1;
  std::vector<double> seen;
  y.register_hook([&](const Tensor& g) { return seen.push_back(g.item()), Tensor(); });
  (y * 2 + y * 3 + exp(y * 0)).backward();
  CHECK(seen == std::vector<double>{5});
}

TEST_CASE("a hook that throws leaves the graph clean for another backward") {
  const Tensor x = scalar_leaf(2), w = scalar_leaf(5);
  const Tensor y = x * w, z = y * y + exp(x * 0) * y;
  bool angry = true;
  y.register_hook([&](const Tensor&) -> Tensor {
    if (angry) throw std::runtime_error("hook");
    return {};
  });
  CHECK_THROWS_WITH(z.backward({}, true), "hook");
  CHECK_THROWS_WITH(autograd::grad({z}, {x}, {}, true), "hook");
  angry = false;
  x.mutable_grad() = w.mutable_grad() = Tensor();
  z.backward();
  CHECK(x.grad().item() == doctest::Approx(105));
  CHECK(w.grad().item() == doctest::Approx(42));
}

TEST_CASE("backward from inside a hook: another graph works, a pending node is refused") {
  const Tensor x = scalar_leaf(2), w = scalar_leaf(3);
  const Tensor y = x * x, z = y * 5, other = w * w;
  std::string message;
  z.register_hook([&](const Tensor&) {
    other.backward();
    return Tensor();
  });
  const Tensor sum = z + y;  // y waits for z while the hook of z runs
  z.register_hook([&](const Tensor&) {
    try {
      y.backward({}, true);
    } catch (const Error& e) { message = e.what(); }
    return Tensor();
  });
  sum.backward();
  CHECK(w.grad().item() == 6);
  CHECK(x.grad().item() == 24);
  CHECK(message.find("is being differentiated by another backward") != std::string::npos);
}

TEST_CASE("the gradients of leaves are dense and nobody else's memory") {
  const Tensor x = leaf({1.0, 2.0}), w = leaf({3.0, 4.0}), v = ones({2}, kFloat64);
  for (bool create_graph : {false, true}) {
    CAPTURE(create_graph);
    x.mutable_grad() = w.mutable_grad() = Tensor();
    (x + w).backward(v, true, create_graph);
    NoGradGuard guard;
    x.grad().data_ptr<double>()[0] = 7;
    CHECK(equal(w.grad(), {1.0, 1.0}));
    CHECK(equal(v, {1.0, 1.0}));
  }
  const Tensor e = leaf({1.0});
  e.expand({3}).sum().backward();
  CHECK(e.grad().item() == 3);
  const Tensor wide = leaf({1.0, 2.0, 3.0});
  wide.sum().backward();
  CHECK(wide.grad().is_contiguous());
}

TEST_CASE("gradients add up over backwards and over the uses of a leaf") {
  const Tensor x = leaf({1.0, 2.0});
  (x * x + x).sum().backward();
  CHECK(equal(x.grad(), {3.0, 5.0}));
  x.sum().backward();
  CHECK(equal(x.grad(), {4.0, 6.0}));
}

TEST_CASE("nothing is recorded under NoGradGuard, and detach cuts the graph") {
  const Tensor x = scalar_leaf(2);
  {
    NoGradGuard guard;
    CHECK(!(x * x).requires_grad());
    AutoGradMode on(true);
    CHECK((x * x).requires_grad());
  }
  (x * x.detach()).backward();
  CHECK(x.grad().item() == 2);
}

TEST_CASE("what was broadcast is summed and what was promoted is cast back") {
  const Tensor x = tensor({1.5, 2.5}, requires_grad()), b = scalar_leaf(2);
  const Tensor m = ones({3, 2}, kFloat64);
  (x * m * b).sum().backward();
  CHECK(x.grad().dtype() == kFloat32);
  CHECK(x.grad().sizes() == Shape{2});
  CHECK(x.grad()[0].item() == 6);
  CHECK(b.grad().sizes() == Shape{});
  CHECK(b.grad().item() == 12);
}

// What must not go wrong quietly: graphs walked twice, views out of date, hooks and inputs=
// misused.
#include <doctest/doctest.h>
#include <downhill/autograd.h>
#include <downhill/nn.h>
#include <downhill/optim.h>
#include <downhill/tensor.h>

using namespace downhill;

namespace {
Tensor parameter(double value, const Shape& size = {2}) {
  return full(size, value, kFloat64).requires_grad_();
}
double at(const Tensor& x, std::int64_t i = 0) { return x.flatten()[i].item(); }
}  // namespace

TEST_CASE(
    "a second backward is an error or gives the same gradient again, for every kind of node") {
  const std::function<Tensor(const Tensor&)> functions[] = {
      [](const Tensor& w) { return (w * w).sum(); },
      [](const Tensor& w) { return w.square().mean(); },
      [](const Tensor& w) {
        return cat({w, w}, 0).sum();
      },
      [](const Tensor& w) { return w.slice(0, 1).sum(); },
      [](const Tensor& w) { return max(w, 0).values; },
      [](const Tensor& w) { return nn::l2_penalty({w}); },
      [](const Tensor& w) { return elementwise([](auto x) { return x * x; }, w).sum(); }};
  for (const auto& f : functions) {
    const Tensor w = tensor({3.0, 4.0}, kFloat64).requires_grad_();
    const Tensor y = f(w);
    y.backward();
    const Tensor once = w.grad().clone();
    try {
      y.backward();
      CHECK(at(w.grad(), 1) == 2 * at(once, 1));
    } catch (const Error& e) {
      CHECK(std::string(e.what()).find("freed by an earlier backward") != std::string::npos);
    }
  }
}

TEST_CASE("a penalty shared by two losses is not lost in the second") {
  const Tensor w = parameter(2);
  const Tensor penalty = nn::l2_penalty({w});
  (w.sum() + penalty).backward();
  CHECK_THROWS_AS((w.sum() + penalty).backward(), Error);
}

TEST_CASE("a hook's gradient takes the dtype of the tensor it belongs to") {
  const Tensor w = full({2}, 3.0).requires_grad_();
  const Tensor y = w * w;
  y.register_hook([](const Tensor& g) { return g.to(kFloat64) * 10; });
  y.sum().backward();
  CHECK(w.grad().dtype() == kFloat32);
  CHECK(at(w.grad()) == 60);
  const Tensor z = w * w;
  z.register_hook([](const Tensor& g) { return g.to(kInt64); });
  CHECK_THROWS_AS(z.sum().backward(), Error);
}

TEST_CASE("hook ids are never used again") {
  const Tensor w = parameter(1);
  const auto first = w.register_hook([](const Tensor& g) { return g; });
  w.remove_hook(first);
  CHECK(w.register_hook([](const Tensor& g) { return g; }) != first);
}

TEST_CASE("backward with inputs adds once to intermediates and shares no memory") {
  const Tensor w = parameter(2), a = parameter(1), c = parameter(1), g = ones({2}, kFloat64);
  const Tensor m = w * 3;
  for (int i = 0; i < 2; ++i) autograd::backward({(m * 4).sum()}, {}, true, false, {m});
  CHECK(at(m.grad()) == 8);
  autograd::backward({a + c}, {g}, {}, false, {a, c});
  (a * 10).sum().backward();
  CHECK(at(a.grad()) == 11);
  CHECK(at(c.grad()) == 1);
  CHECK(at(g) == 1);
}

TEST_CASE("backward with a leaf among its inputs twice adds to it once") {
  const Tensor w = parameter(2);
  for (const bool create_graph : {false, true})
    autograd::backward({(w * 3).sum()}, {}, {}, create_graph, {w, w});
  CHECK(at(w.grad()) == 6);
}

TEST_CASE("backward that refuses an input makes no other retain its gradient") {
  const Tensor w = parameter(2), m = w * 3, y = (m * 4).sum();
  CHECK_THROWS_AS(autograd::backward({y}, {}, true, false, {m, ones({2})}), Error);
  CHECK_THROWS_AS(autograd::backward({m}, {}, true, false, {m}), Error);
  y.backward();
  CHECK_FALSE(m.grad().defined());
  CHECK(at(w.grad()) == 12);
}

TEST_CASE("a view made before its base was changed in place is refused wherever it matters") {
  const Tensor w = parameter(2), u = parameter(1);
  const Tensor y = w * 1, v = y.view({2, 1});
  y.mul_(3);
  CHECK_THROWS_AS(v.sum(), Error);
  CHECK_THROWS_AS(v.backward(ones({2, 1}, kFloat64)), Error);
  CHECK_THROWS_AS(zeros({2, 1}, kFloat64).copy_(v), Error);
  const Tensor b = zeros({2}, kFloat64), before = b.view({2});
  b.add_(w);
  CHECK_THROWS_AS((before * u).sum(), Error);
}

TEST_CASE("set_data is refused while backward still needs the value") {
  const Tensor w = parameter(2), x = parameter(5);
  const Tensor y = w * x;
  Tensor target = w;
  CHECK_THROWS_AS(target.set_data(full({2}, 100.0, kFloat64)), Error);
  y.sum().backward();
  CHECK(at(x.grad()) == 2);
}

TEST_CASE("an ignored target counts for nothing even where its probability is zero") {
  const Tensor log_p = tensor({{-1.0 / 0.0, 0.0}, {-1.0, -0.5}}, kFloat64);
  const Tensor loss = nn::functional::nll_loss(log_p, tensor({-100, 1}));
  CHECK(loss.item() == 0.5);
}

TEST_CASE("clamp with crossed bounds gives the upper one everywhere") {
  const Tensor y = clamp(tensor({0.0, 5.0}, kFloat64), 3, 1);
  CHECK(at(y, 0) == 1);
  CHECK(at(y, 1) == 1);
}

TEST_CASE("parameters can be frozen and changed in a loop over const references") {
  nn::Linear layer(3, 2);
  {
    NoGradGuard guard;
    for (const auto& p : layer->parameters()) p.fill_(1).mul_(2);
  }
  for (const auto& p : layer->parameters()) p.requires_grad_(false);
  CHECK_FALSE(layer->weight.requires_grad());
  CHECK(layer->weight.sum().item() == 12);
}

TEST_CASE("an optimizer step after one that threw changes each parameter once") {
  const Tensor a = parameter(1);
  Tensor b = parameter(1);
  optim::SGD optimizer({a, b}, {.lr = 1, .momentum = 0.5});
  (a + b).sum().backward();
  optimizer.step();
  optimizer.zero_grad();
  b.set_data(ones({3}, kFloat64));
  (a.sum() + b.sum()).backward();
  CHECK_THROWS_AS(optimizer.step(), Error);
  const double before = at(a);
  b.mutable_grad() = {};
  optimizer.step();
  CHECK(before - at(a) < 2);
}

#include <doctest/doctest.h>

#include <downhill/autograd/backward.h>
#include <downhill/tensor.h>

using namespace downhill;

namespace {

Tensor counting(const Shape& size) {
  std::int64_t n = 1;
  for (std::int64_t s : size) n *= s;
  return arange(n, kFloat64).reshape(size);
}

std::vector<double> values(const Tensor& x) {
  const Tensor d = x.detach().to(kFloat64).contiguous();
  return {d.data_ptr<double>(), d.data_ptr<double>() + d.numel()};
}
using V = std::vector<double>;

// The gradient of the sum of squares' half of f(x): x itself where f shows an element once.
template <class F> Tensor pulled_back(const Tensor& x, F f) {
  const Tensor leaf = x.clone().requires_grad_();
  const Tensor y = f(leaf);
  return autograd::grad({y}, {leaf}, {y.detach()})[0];
}

}  // namespace

TEST_CASE("every view writes through to its tensor") {
  const auto views = std::vector<Tensor (*)(const Tensor&)>{
      [](const Tensor& x) { return x.t(); },
      [](const Tensor& x) {
        return x.permute({1, 0});
      },
      [](const Tensor& x) {
        return x.reshape({3, 2});
      },
      [](const Tensor& x) { return x.flatten(); },
      [](const Tensor& x) { return x.squeeze(); },
      [](const Tensor& x) { return x.unsqueeze(1); },
      [](const Tensor& x) { return x.select(1, 2); },
      [](const Tensor& x) { return x.slice(0, 1); },
      [](const Tensor& x) { return x.narrow(1, 1, 2); },
  };
  for (auto view : views) {
    Tensor x = zeros({2, 3}), part = view(x);
    part.fill_(1);
    CHECK(x.sum().item() == static_cast<double>(part.numel()));
  }
}

TEST_CASE("a view allocates no elements and outlives its tensor") {
  Tensor x = counting({2, 3});
  const std::int64_t before = memory_stats().live_bytes;
  const Tensor row = x.t()[1];
  CHECK(memory_stats().live_bytes == before);
  x = {};
  CHECK(values(row) == V{1, 4});
}

TEST_CASE("reshape keeps the order of elements and fills in one -1") {
  const Tensor x = counting({2, 6});
  CHECK(x.reshape({3, -1}).sizes() == Shape{3, 4});
  CHECK(values(x.reshape({3, -1})[1]) == V{4, 5, 6, 7});
  CHECK(x.reshape({-1}).sizes() == Shape{12});
  CHECK(zeros({3, 0}).reshape({-1, 2}).sizes() == Shape{0, 2});
  CHECK(zeros({1, 1}).reshape({}).dim() == 0);
}

TEST_CASE("reshape shows strided elements where it can and copies them where it must") {
  const Tensor x = counting({2, 3, 4}).transpose(0, 1);
  const Tensor seen = x.reshape({3, 2, 2, 2}), copied = x.reshape({6, 4});
  CHECK(seen.data_ptr() == x.data_ptr());
  CHECK(seen.strides() == Shape{4, 12, 2, 1});
  CHECK(copied.data_ptr() != x.data_ptr());
  CHECK(values(seen) == values(x));
  CHECK(values(copied) == values(x));
}

TEST_CASE("reshape splits and joins the dimensions of a slice") {
  const Tensor x = counting({4, 6}).slice(0, 0, 4, 2).slice(1, 0, 6, 3);
  CHECK(x.view({2, 1, 2, 1}).strides() == Shape{12, 6, 3, 3});
  CHECK(values(x.reshape({4})) == V{0, 3, 12, 15});
  CHECK(values(counting({6}).slice(0, 0, 6, 2).view({3, 1})) == V{0, 2, 4});
}

TEST_CASE("reshape to more elements than fit into memory is an error, not an overflow") {
  const std::int64_t huge = std::int64_t(1) << 32;
  CHECK_THROWS_AS(zeros({4}).reshape({huge, huge}), Error);
  CHECK_THROWS_AS(zeros({0}).reshape({huge, huge}), Error);
}

TEST_CASE("flatten joins a range of dimensions") {
  const Tensor x = counting({2, 3, 4, 5});
  CHECK(x.flatten().sizes() == Shape{120});
  CHECK(x.flatten(1, 2).sizes() == Shape{2, 12, 5});
  CHECK(x.flatten(-2).sizes() == Shape{2, 3, 20});
  CHECK(zeros({}).flatten().sizes() == Shape{1});
  CHECK_THROWS_WITH(x.flatten(2, 1), "flatten: start_dim 2 comes after end_dim 1");
}

TEST_CASE("transpose swaps two dimensions, t those of a matrix") {
  const Tensor x = counting({2, 3});
  CHECK(values(x.transpose(0, -1)) == V{0, 3, 1, 4, 2, 5});
  CHECK(values(x.t()) == V{0, 3, 1, 4, 2, 5});
  CHECK(counting({2, 3, 4}).mT().sizes() == Shape{2, 4, 3});
  CHECK(counting({3}).t().sizes() == Shape{3});
  CHECK(zeros({}).transpose(0, -1).dim() == 0);
  CHECK(x.t().t().is_contiguous());
}

TEST_CASE("permute puts dimension dims[d] at d") {
  const Tensor x = counting({2, 3, 4}), y = x.permute({2, 0, -2});
  CHECK(y.sizes() == Shape{4, 2, 3});
  CHECK(y[3][1][2].item() == x[1][2][3].item());
  CHECK_THROWS_AS(x.permute({0, 1, 1}), Error);
  CHECK_THROWS_AS(x.permute({0, 1}), Error);
}

TEST_CASE("expand repeats elements without storing them") {
  const Tensor x = counting({2, 1}), y = x.expand({2, -1, 3});
  CHECK(y.sizes() == Shape{2, 2, 3});
  CHECK(y.strides() == Shape{0, 1, 0});
  CHECK(values(y) == V{0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1});
}

TEST_CASE("squeeze drops dimensions of size 1 and no others, unsqueeze adds one") {
  const Tensor x = counting({1, 3, 1});
  CHECK(x.squeeze().sizes() == Shape{3});
  CHECK(x.squeeze(-1).sizes() == Shape{1, 3});
  CHECK(x.squeeze(1).sizes() == Shape{1, 3, 1});
  CHECK(zeros({}).squeeze(0).dim() == 0);
  CHECK(zeros({}).unsqueeze(-1).sizes() == Shape{1});
  CHECK(counting({2, 3}).unsqueeze(1).sizes() == Shape{2, 1, 3});
  CHECK(counting({2, 3}).unsqueeze(-1).is_contiguous());
}

TEST_CASE("select counts negative indices from the back and refuses those out of range") {
  const Tensor x = counting({2, 3});
  CHECK(values(x.select(1, -1)) == V{2, 5});
  CHECK(x[1][2].item() == 5);
  CHECK_THROWS_WITH_AS(x.select(1, 3), "select: index 3 is out of range for dimension 1 of size 3",
                       IndexError);
  CHECK_THROWS_AS(x[-3], IndexError);
  CHECK_THROWS_AS(x[0][0][0], IndexError);
}

TEST_CASE("slice clamps and wraps its bounds as Python does") {
  const Tensor x = counting({5});
  CHECK(values(x.slice(0, 1, 4)) == V{1, 2, 3});
  CHECK(values(x.slice(0, {}, {}, 2)) == V{0, 2, 4});
  CHECK(values(x.slice(0, -2)) == V{3, 4});
  CHECK(values(x.slice(0, {}, -3)) == V{0, 1});
  CHECK(values(x.slice(0, -9, 9, 4)) == V{0, 4});
  CHECK(values(x.slice(0, 3, 1)) == V{});
  CHECK(values(x.slice(0, 7)) == V{});
  CHECK(values(x.slice(0, 4, 9, INT64_MAX)) == V{4});
  CHECK_THROWS_AS(x.slice(0, 0, 5, 0), Error);
}

TEST_CASE("narrow takes length elements and never fewer") {
  const Tensor x = counting({2, 4});
  CHECK(values(x.narrow(1, 1, 2)) == V{1, 2, 5, 6});
  CHECK(values(x.narrow(1, -1, 1)) == V{3, 7});
  CHECK(x.narrow(0, 2, 0).sizes() == Shape{0, 4});
  CHECK_THROWS_AS(x.narrow(1, 3, 2), IndexError);
  CHECK_THROWS_AS(x.narrow(1, 0, INT64_MAX), IndexError);
}

TEST_CASE("the gradient of a view is the same view backward") {
  const Tensor x = counting({2, 3, 4}) + 1;
  auto same = [&](auto f) { return values(pulled_back(x, f)) == values(x); };
  CHECK(same([](const Tensor& v) { return v.permute({2, 0, 1}); }));
  CHECK(same([](const Tensor& v) { return v.transpose(0, -1); }));
  CHECK(same([](const Tensor& v) { return v.reshape({4, 6}); }));
  CHECK(same([](const Tensor& v) { return v.mT().reshape({-1}); }));
  CHECK(same([](const Tensor& v) { return v.unsqueeze(2).squeeze(); }));
  CHECK(same([](const Tensor& v) { return v.flatten(1); }));
}

TEST_CASE("the gradient of a part is zero elsewhere") {
  const Tensor x = counting({2, 3}) + 1;
  CHECK(values(pulled_back(x, [](const Tensor& v) { return v[1]; })) == V{0, 0, 0, 4, 5, 6});
  CHECK(values(pulled_back(x, [](const Tensor& v) { return v.slice(1, 0, 3, 2); })) ==
        V{1, 0, 3, 4, 0, 6});
  CHECK(values(pulled_back(x, [](const Tensor& v) { return v.narrow(1, 1, 1).t(); })) ==
        V{0, 2, 0, 0, 5, 0});
}

TEST_CASE("the gradient of an expanded tensor sums its copies") {
  const Tensor x = counting({2, 1}) + 1;
  CHECK(values(pulled_back(x, [](const Tensor& v) { return v.expand({5, 2, 3}); })) == V{15, 30});
}

TEST_CASE("views record only what leads to a leaf") {
  const Tensor x = counting({2, 3}), w = counting({2, 3}).requires_grad_();
  const std::int64_t before = memory_stats().live_nodes;
  const Tensor a = x.t().reshape({6}).unsqueeze(0).expand({2, 6}).slice(1, 2)[0];
  CHECK(!a.requires_grad());
  CHECK(memory_stats().live_nodes == before);
  CHECK(w.t().grad_fn()->name() == "permute");
  NoGradGuard guard;
  CHECK(!w.t().requires_grad());
}

TEST_CASE("cat joins along a dimension") {
  const Tensor a = counting({2, 2}), b = counting({2, 1}) + 10;
  CHECK(values(cat({a, b}, -1)) == V{0, 1, 10, 2, 3, 11});
  CHECK(values(cat({a, b.t()})) == V{0, 1, 2, 3, 10, 11});
  CHECK(values(cat({a, a.t(), b}, 1)) == V{0, 1, 0, 2, 10, 2, 3, 1, 3, 11});
  CHECK(cat({a, zeros({0, 2}, kFloat64)}).sizes() == Shape{2, 2});
  CHECK(cat({zeros({0}), a, a}, 1).sizes() == Shape{2, 4});
  CHECK(cat({zeros({0}), zeros({0})}).sizes() == Shape{0});
}

TEST_CASE("cat promotes dtypes, and each gradient keeps its own") {
  const Tensor a = ones({2}, requires_grad()), b = ones({3}, kInt64);
  const Tensor c = ones({1}, TensorOptions(kFloat64).requires_grad()), y = cat({a, b, c});
  CHECK(cat({b, ones({1}, kUInt8)}).dtype() == kInt64);
  CHECK(y.dtype() == kFloat64);
  (y * y).sum().backward();
  CHECK(a.grad().dtype() == kFloat32);
  CHECK(values(a.grad()) == V{2, 2});
  CHECK(values(c.grad()) == V{2});
}

TEST_CASE("cat of large tensors has every element in its place") {
  const Tensor a = counting({500, 300}), b = counting({500, 500}).t();
  const Tensor y = cat({a, b}, 1);
  CHECK(values(y.narrow(1, 0, 300)) == values(a));
  CHECK(values(y.narrow(1, 300, 500)) == values(b));
}

TEST_CASE("stack joins along a new dimension") {
  const Tensor a = counting({2}), b = counting({2}) + 10;
  CHECK(values(stack({a, b})) == V{0, 1, 10, 11});
  CHECK(values(stack({a, b}, -1)) == V{0, 10, 1, 11});
  CHECK(stack({zeros({}), zeros({}), zeros({})}).sizes() == Shape{3});
}

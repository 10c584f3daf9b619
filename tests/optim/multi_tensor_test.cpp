// The driver over many tensors: rules, sums, and the penalty made of them.
#include <doctest/doctest.h>
#include <downhill/downhill.h>
#include <downhill/tensor/multi_tensor.h>

#include <cmath>
#include <limits>

using namespace downhill;
using detail::MultiList;

namespace {

/// Sizes around the chunks of 4096 elements, empty ones among them, float and double.
std::vector<Tensor> many() {
  manual_seed(9);
  std::vector<Tensor> all;
  for (std::int64_t n : {1, 0, 31, 4095, 4096, 4097, 0, 100000, 7})
    for (DType t : {kFloat32, kFloat64}) all.push_back(randn({n}, t));
  return all;
}

MultiList list_of(const std::vector<Tensor>& tensors) {
  MultiList list;
  for (const Tensor& t : tensors) list.add(t.impl());
  return list;
}

}  // namespace

TEST_CASE("a rule reaches every element of every tensor once") {
  const std::vector<Tensor> all = many();
  std::vector<Tensor> before;
  for (const Tensor& t : all) before.push_back(t.clone());
  const detail::ScaleRule::Coefficients twice{2};
  list_of(all).run(detail::multi_rule<detail::ScaleRule>, &twice);
  for (std::size_t i = 0; i < all.size(); ++i)
    CHECK((all[i] == before[i] * 2).to(kInt64).sum().item<std::int64_t>() == all[i].numel());
}

TEST_CASE("sums over many tensors agree with sums over each") {
  const std::vector<Tensor> all = many();
  double squares = 0, magnitudes = 0, largest = 0, cubes = 0;
  for (const Tensor& x : all) {
    const Tensor t = abs(x.to(kFloat64));
    squares += square(t).sum().item();
    magnitudes += t.sum().item();
    cubes += t.pow(3).sum().item();
    if (t.numel() > 0) largest = std::max(largest, t.max().item());
  }
  const MultiList list = list_of(all);
  CHECK(list.sums().squares == doctest::Approx(squares).epsilon(1e-13));
  CHECK(list.sums().magnitudes == doctest::Approx(magnitudes).epsilon(1e-13));
  CHECK(list.largest_magnitude() == largest);
  CHECK(list.sum_of_powers(3) == doctest::Approx(cubes).epsilon(1e-12));
}

TEST_CASE("sums are the same bits on every number of threads") {
  const std::vector<Tensor> all = many();
  const MultiList empty, list = list_of(all);
  CHECK(empty.sums().squares == 0);
  const int before = get_num_threads();
  set_num_threads(1);
  const double one = list.sums().squares;
  set_num_threads(3);
  CHECK(list.sums().squares == one);
  set_num_threads(before);
}

TEST_CASE("sums do not overflow in float and show NaN and infinity") {
  const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
  CHECK(list_of({full({4}, 1e30)}).sums().squares == doctest::Approx(4e60));
  CHECK(std::isnan(list_of({full({4}, nan), ones({3})}).sums().squares));
  CHECK(std::isnan(list_of({full({4}, nan), ones({3})}).largest_magnitude()));
  CHECK(list_of({full({40}, -infinity)}).largest_magnitude() == infinity);
}

TEST_CASE(
    "elastic_net has first and second derivatives, also over more tensors than a node takes") {
  const auto fn = [](const std::vector<Tensor>& x) { return elastic_net(x, 0.5, 0.7); };
  manual_seed(2);
  for (std::size_t n : {1, 2, 8, 9, 20}) {
    std::vector<Tensor> x;
    for (std::size_t i = 0; i < n; ++i) x.push_back(randn({3}, kFloat64).requires_grad_());
    CHECK(autograd::gradcheck(fn, x).ok());
    CHECK(autograd::gradgradcheck(fn, x).ok());
  }
}

TEST_CASE("elastic_net takes transposed, strided, empty and mixed tensors") {
  const Tensor a = arange(6).to(kFloat64).reshape({2, 3});
  const Tensor strided = a.slice(1, 0, 3, 2), none = zeros({0});
  CHECK(elastic_net({a.t(), strided, none}, 1, 0).item() == 15 + 0 + 2 + 3 + 5);
  CHECK(elastic_net({ones({2}), a}, 0, 1).dtype() == kFloat64);
  CHECK(elastic_net({}, 1, 1).item() == 0);
  CHECK_THROWS_AS(elastic_net({tensor({1, 2})}, 1, 1), Error);
}

TEST_CASE("elastic_net works out nothing for tensors that need no gradient") {
  const Tensor a = ones({3}, requires_grad()), b = ones({3});
  const Tensor y = elastic_net({b, a, b}, 1, 1);
  y.backward();
  CHECK(a.grad().sum().item() == 9);
  CHECK(!elastic_net({b}, 1, 1).requires_grad());
}

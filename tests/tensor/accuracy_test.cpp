// Sums, means and norms of numbers that are hard to add, against compensated sums in long double.
#include <doctest/doctest.h>
#include <downhill/nn/penalties.h>
#include <downhill/nn/utils.h>
#include <downhill/tensor/factory.h>
#include <downhill/tensor/graph.h>
#include <downhill/tensor/ops.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

using namespace downhill;

namespace {

using std::int64_t;
constexpr double inf = INFINITY;
template <class T> constexpr double eps = std::numeric_limits<T>::epsilon();

/// Neumaier's sum, and that of the magnitudes.
struct Exact {
  long double sum = 0, lost = 0, magnitudes = 0;

  void add(long double x) {
    const long double next = sum + x;
    lost += std::fabs(sum) >= std::fabs(x) ? (sum - next) + x : (x - next) + sum;
    sum = next;
    magnitudes += std::fabs(x);
  }
  long double value() const { return sum + lost; }
};

double noise(int64_t i) {
  const auto bits = static_cast<std::uint64_t>(i) * 0x9e3779b97f4a7c15u;
  return static_cast<double>((bits ^ bits >> 29) * 0xbf58476d1ce4e5b9u >> 11) * 0x1p-52 - 1;
}

// A lane of a block adds 64 numbers one by one, all else is added in pairs: of the sum of
// magnitudes, in eps. Equal numbers are the worst: where all roundings of a lane go one way, so do
// all lanes'.
constexpr double usual = 4, equal = 12;

struct Numbers {
  std::string what;
  double (*at)(int64_t i);
  double bound = usual;
};
const Numbers hard[] = {
    {"0.1", [](int64_t) { return 0.1; }, equal},
    {"all 1e8 and a bit", [](int64_t) { return 123456789.0; }, equal},
    {"1e8 with a small spread", [](int64_t i) { return 1e8 + 1000 * noise(i); }},
    {"huge, alternating", [](int64_t i) { return (i % 2 ? -1e30 : 1e30) * (1 + noise(i) / 9); }},
    {"signs at random", noise},
    {"many magnitudes", [](int64_t i) { return std::ldexp(noise(i), int(i * 7 % 41) - 20); }},
    {"one large among small", [](int64_t i) { return i == 1000 ? 1e7 : noise(i); }},
    {"denormal in float", [](int64_t i) { return 1e-41 * noise(i); }},
};

template <class T> Tensor filled(const Shape& size, const Numbers& numbers) {
  Tensor x = empty(size, dtype_of<T>);
  for (int64_t i = 0; i < x.numel(); ++i) x.data_ptr<T>()[i] = static_cast<T>(numbers.at(i));
  return x;
}

/// The exact sums of a 3-d tensor over one dimension, the others row-major.
template <class T> std::vector<Exact> exact_sums(const Tensor& x, int dim) {
  const auto from = x.accessor<T, 3>();
  const int64_t columns = dim == 2 ? x.size(1) : x.size(2);
  std::vector<Exact> sums(static_cast<std::size_t>(x.numel() / x.size(dim)));
  for (int64_t i = 0; i < x.size(0); ++i)
    for (int64_t j = 0; j < x.size(1); ++j)
      for (int64_t k = 0; k < x.size(2); ++k) {
        const int64_t row = dim == 0 ? j : i, column = dim == 2 ? j : k;
        sums[static_cast<std::size_t>(row * columns + column)].add(from[i][j][k]);
      }
  return sums;
}

/// The largest error of got * n, as a multiple of eps times the sum of magnitudes.
template <class T> double error(const Tensor& got, const std::vector<Exact>& exact, double n = 1) {
  const Tensor dense = got.contiguous();
  REQUIRE(dense.numel() == std::ssize(exact));
  double worst = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const long double off = dense.data_ptr<T>()[i] * static_cast<long double>(n) - exact[i].value();
    const long double unit =
        eps<T> * exact[i].magnitudes + std::numeric_limits<T>::denorm_min() * n;
    const double e = static_cast<double>(std::fabs(off) / unit);
    if (!(e <= worst)) worst = e;
  }
  return worst;
}

template <class T> void check_sums(const Tensor& x, double bound) {
  CAPTURE(x.sizes()[0]);
  CAPTURE(x.sizes()[1]);
  CAPTURE(x.strides()[2]);
  for (int dim = 0; dim < 3; ++dim) {
    CAPTURE(dim);
    const auto exact = exact_sums<T>(x, dim);
    const double n = static_cast<double>(x.size(dim));
    CHECK(error<T>(sum(x, {dim}), exact) <= bound);
    CHECK(error<T>(mean(x, {dim}), exact, n) <= bound + 1);
  }
  Exact all;
  for (const Exact& part : exact_sums<T>(x, 0))
    all.add(part.value()), all.magnitudes += part.magnitudes - std::fabs(part.value());
  CHECK(error<T>(sum(x), {all}) <= bound);
  CHECK(error<T>(mean(x), {all}, static_cast<double>(x.numel())) <= bound + 1);
}

template <class T> void check_all_sums(const std::vector<Shape>& sizes) {
  for (const Numbers& numbers : hard) {
    CAPTURE(numbers.what);
    for (const Shape& size : sizes) {
      const Tensor x = filled<T>(size, numbers);
      check_sums<T>(x, numbers.bound);
      check_sums<T>(x.permute({2, 0, 1}), numbers.bound);
      if (size[1] > 1) check_sums<T>(x.slice(1, 1, size[1], 2), numbers.bound);
    }
  }
}

Tensor with_gradient(const Tensor& grad) {
  Tensor p = zeros(grad.sizes(), TensorOptions(grad.dtype()).requires_grad());
  p.mutable_grad() = grad.clone();
  return p;
}

double total_norm(const Tensor& grad, double p) {
  return nn::utils::clip_grad_norm_({with_gradient(grad)}, inf, p);
}

template <class T> double exact_norm(const Tensor& x, int p) {
  Exact powers;
  const T* from = x.data_ptr<T>();
  for (int64_t i = 0; i < x.numel(); ++i) {
    const long double size = std::fabs(from[i]);
    powers.add(p == 1 ? size : p == 2 ? size * size : size * size * size);
  }
  return static_cast<double>(std::pow(powers.value(), 1.0L / p));
}

template <class T> void check_norms(const Tensor& x, double bound) {
  for (int p : {1, 2, 3}) {
    CAPTURE(p);
    const double exact = exact_norm<T>(x, p);
    CHECK(std::abs(total_norm(x, p) / exact - 1) <= bound);
  }
  CHECK(total_norm(x, inf) == amax(abs(x)).template item<double>());
}

constexpr double kInDouble = 1e-13;  // of sums in double

template <class T> void check_penalties(const Tensor& x) {
  const Tensor w = x.clone().requires_grad_();
  const double one = exact_norm<T>(x, 1), two = exact_norm<T>(x, 2);
  CHECK(std::abs(nn::l1_penalty({w}).item<double>() / one - 1) <= eps<T> + kInDouble);
  CHECK(std::abs(nn::l2_penalty({w}).item<double>() / (two * two) - 1) <= eps<T> + kInDouble);
  nn::l2_penalty({w}).backward();
  CHECK((w.grad() == 2 * x).sum().template item<int64_t>() == x.numel());
}

}  // namespace

TEST_CASE("sums and means are within a few eps of the magnitudes, over any dimension and layout") {
  const std::vector<Shape> sizes = {{1, 1, 1}, {5, 67, 90}, {2, 4999, 3}, {1, 9001, 2}};
  check_all_sums<float>(sizes);
  check_all_sums<double>(sizes);
}

TEST_CASE("sums and means of ten million numbers are as accurate" * doctest::test_suite("slow")) {
  for (const Numbers& numbers : hard) {
    CAPTURE(numbers.what);
    check_sums<float>(filled<float>({10, 1000, 1000}, numbers), numbers.bound);
    check_sums<float>(filled<float>({100003, 10, 10}, numbers), numbers.bound);
    check_sums<double>(filled<double>({10, 1000, 1000}, numbers), numbers.bound);
  }
}

TEST_CASE("the gradient of a mean of millions is 1 / n") {
  Tensor x = zeros({4000001}, requires_grad());
  mean(x).backward();
  CHECK((x.grad() == 1 / 4000001.0f).sum().item<int64_t>() == x.numel());
}

TEST_CASE("nan, infinity and opposite infinities reach sums and means") {
  for (int64_t n : {1, 3, 17, 300, 5000})
    for (int dim : {0, 1}) {
      Tensor x = ones({n, 3});
      x[n / 2].fill_(inf);
      const Tensor y = dim == 0 ? x : x.t().contiguous();
      CHECK(sum(y, {dim})[1].item() == inf);
      CHECK(mean(y, {dim})[2].item() == inf);
      Tensor z = cat({y, -y}, dim);
      CHECK(std::isnan(sum(z, {dim})[0].item()));
      CHECK(std::isnan(mean(z).item()));
      x[n / 2].fill_(NAN);
      CHECK(std::isnan(sum(x, {0})[2].item()));
      CHECK(std::isnan(sum(x).item()));
    }
}

TEST_CASE("norms and penalties of gradients are sums in double") {
  for (const Numbers& numbers : hard) {
    if (numbers.at(1) < 1e-40 && numbers.at(1) > -1e-40) continue;
    CAPTURE(numbers.what);
    const Tensor x = filled<float>({2, 5, 4999}, numbers), wide = filled<double>({30011}, numbers);
    check_norms<float>(x, 1e-13);
    check_norms<double>(wide, 1e-13);
    if (std::abs(numbers.at(0)) < 1e15) check_penalties<float>(x);
    check_penalties<double>(wide);
  }
}

TEST_CASE("the norm of ten million gradients is as accurate" * doctest::test_suite("slow")) {
  for (const Numbers& numbers : {hard[0], hard[2], hard[5]}) {
    check_norms<float>(filled<float>({10000000}, numbers), 1e-12);
    check_norms<double>(filled<double>({10000000}, numbers), 1e-12);
  }
}

TEST_CASE("squares of floats neither overflow nor vanish in a norm") {
  for (float size : {1e-37f, 1e-30f, 1e30f, 1e36f}) {
    const Tensor x = full({100}, size);
    CHECK(std::abs(total_norm(x, 2) / (10 * static_cast<double>(size)) - 1) <= 1e-14);
    const Tensor p = with_gradient(x);
    nn::utils::clip_grad_norm_({p}, 1);
    if (size > 1) CHECK(std::abs(total_norm(p.grad(), 2) - 1) <= eps<float>);
    else CHECK((p.grad() == x).sum().item<int64_t>() == 100);
  }
}

TEST_CASE("squares of doubles beyond the range of double are infinite or 0, as in PyTorch") {
  CHECK(total_norm(full({4}, 1e200, kFloat64), 2) == inf);
  CHECK(total_norm(full({4}, 1e-200, kFloat64), 2) == 0);
  CHECK(total_norm(full({4}, 1e200, kFloat64), 1) == 4e200);
  CHECK(total_norm(full({4}, 1e200, kFloat64), inf) == 1e200);
}

TEST_CASE("denormal gradients may count as 0, never as more than they are") {
  const Tensor x = full({100}, 1e-41);
  CHECK(total_norm(x, 1) <= 1.01e-39);
  CHECK(total_norm(x, 2) <= 1.01e-40);
  CHECK(total_norm(x, inf) <= 1.01e-41);
}

TEST_CASE("nan and infinity reach every norm") {
  for (int64_t n : {1, 31, 5000})
    for (double p : {1.0, 2.0, 3.0, inf}) {
      Tensor x = ones({n});
      x.data_ptr<float>()[n - 1] = -static_cast<float>(inf);
      CHECK(total_norm(x, p) == inf);
      x.data_ptr<float>()[n / 2] = NAN;
      CHECK(std::isnan(total_norm(x, p)));
    }
}

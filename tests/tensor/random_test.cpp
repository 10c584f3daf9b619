#include <doctest/doctest.h>

#include <downhill/tensor/factory.h>
#include <downhill/tensor/graph.h>
#include <downhill/tensor/isa.h>
#include <downhill/tensor/ops.h>
#include <downhill/tensor/parallel.h>
#include <downhill/tensor/random.h>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "data/files.h"
#include "philox.h"

using namespace downhill;

namespace {

template <class T> std::vector<T> values(const Tensor& x) {
  const Tensor c = x.contiguous();
  return {c.data_ptr<T>(), c.data_ptr<T>() + c.numel()};
}

std::vector<std::uint32_t> philox_words(detail::Words counter, std::uint32_t k0, std::uint32_t k1) {
  const detail::Words w = detail::philox(counter, k0, k1);
  return {w.w, w.w + 4};
}

struct Moments {
  double mean = 0, variance = 0, skew = 0, kurtosis = 0;
};
template <class T> Moments moments(const Tensor& x) {
  Moments m;
  const auto v = values<T>(x);
  const double n = static_cast<double>(v.size());
  for (T e : v) m.mean += e / n;
  for (T e : v) m.variance += (e - m.mean) * (e - m.mean) / n;
  for (T e : v) m.skew += std::pow((e - m.mean) / std::sqrt(m.variance), 3) / n;
  for (T e : v) m.kurtosis += std::pow((e - m.mean) / std::sqrt(m.variance), 4) / n;
  return m;
}

/// Largest distance between the empirical and a given distribution function.
template <class T, class F> double kolmogorov_distance(const Tensor& x, F&& distribution) {
  auto v = values<T>(x);
  std::ranges::sort(v);
  double d = 0;
  for (std::size_t i = 0; i < v.size(); ++i) {
    const double p = distribution(double(v[i])), n = static_cast<double>(v.size());
    d = std::max({d, p - double(i) / n, double(i + 1) / n - p});
  }
  return d;
}

double normal_distribution(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

}  // namespace

TEST_CASE("Philox gives the published known answers") {
  using V = std::vector<std::uint32_t>;
  CHECK(philox_words({{0, 0, 0, 0}}, 0, 0) == V{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  const std::uint32_t f = 0xffffffff;
  CHECK(philox_words({{f, f, f, f}}, f, f) == V{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox_words({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0xa4093822, 0x299f31d0) ==
        V{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("the same seed gives the same numbers") {
  manual_seed(7);
  const auto a = values<float>(randn({100}));
  const auto next = values<float>(randn({100}));
  manual_seed(7);
  CHECK(values<float>(randn({100})) == a);
  CHECK(values<float>(randn({100})) == next);
  CHECK(a != next);
  manual_seed(8);
  CHECK(values<float>(randn({100})) != a);
}

TEST_CASE("a copied or restored generator continues from the same place") {
  Generator g(3);
  rand({1000}, g);
  Generator copy = g, restored(g.seed());
  restored.set_offset(g.offset());
  const auto a = values<float>(rand({50}, g));
  CHECK(values<float>(rand({50}, copy)) == a);
  CHECK(values<float>(rand({50}, restored)) == a);
  CHECK(g.next() == copy.next());
  CHECK(g.next() != g.next());
}

TEST_CASE("the numbers do not depend on the number of threads") {
  const int before = get_num_threads();
  std::vector<float> first;
  std::vector<std::int64_t> first_ints;
  for (int threads : {1, 2, 3}) {
    set_num_threads(threads);
    Generator g(5);
    const auto x = values<float>(randn({100003}, g));
    const auto k = values<std::int64_t>(randint(0, 1000, {100003}, g));
    if (threads == 1) first = x, first_ints = k;
    CHECK(x == first);
    CHECK(k == first_ints);
  }
  set_num_threads(before);
}

TEST_CASE("element i does not depend on how many follow it") {
  Generator a(1), b(1);
  const auto few = values<double>(randn({37}, a, kFloat64));
  const auto many = values<double>(randn({1000}, b, kFloat64));
  CHECK(std::equal(few.begin(), few.end(), many.begin()));
}

TEST_CASE("draws from one generator do not overlap") {
  Generator g(1);
  auto all = values<double>(rand({33}, g, kFloat64));
  for (double v : values<double>(rand({33}, g, kFloat64))) all.push_back(v);
  all.push_back(static_cast<double>(g.next() >> 11) * 0x1p-53);
  std::ranges::sort(all);
  CHECK(std::ranges::adjacent_find(all) == all.end());
}

TEST_CASE("uniform numbers are multiples of 2^-24 or 2^-53 in [0, 1)") {
  Generator g(1);
  bool odd = false;
  for (float v : values<float>(rand({10000}, g))) {
    REQUIRE((v >= 0 && v < 1 && v * 0x1p24f == std::floor(v * 0x1p24f)));
    odd = odd || std::fmod(v * 0x1p24f, 2.0f) == 1;
  }
  CHECK(odd);
  odd = false;
  for (double v : values<double>(rand({10000}, g, kFloat64))) {
    REQUIRE((v >= 0 && v < 1));
    odd = odd || std::fmod(v * 0x1p53, 2.0) == 1;
  }
  CHECK(odd);
}

TEST_CASE_TEMPLATE("uniform numbers fill [0, 1) evenly", T, float, double) {
  Generator g(11);
  const Tensor x = rand({100000}, g, dtype_of<T>);
  CHECK(kolmogorov_distance<T>(x, [](double p) { return p; }) < 1.95 / std::sqrt(100000.0));
}

TEST_CASE_TEMPLATE("normal numbers have the normal distribution", T, float, double) {
  Generator g(12);
  const Tensor x = randn({100000}, g, dtype_of<T>);
  CHECK(kolmogorov_distance<T>(x, normal_distribution) < 1.95 / std::sqrt(100000.0));
  const Moments m = moments<T>(x);
  CHECK(std::abs(m.mean) < 0.015);
  CHECK(m.variance == doctest::Approx(1).epsilon(0.02));
  CHECK(std::abs(m.skew) < 0.04);
  CHECK(m.kurtosis == doctest::Approx(3).epsilon(0.03));
}

TEST_CASE("neighbouring normal numbers are not correlated") {
  Generator g(13);
  const auto v = values<float>(randn({100000}, g));
  for (std::size_t lag : {1, 2, 16, 32, 48, 64}) {
    double sum = 0;
    for (std::size_t i = lag; i < v.size(); ++i) sum += double(v[i]) * v[i - lag];
    CHECK(std::abs(sum) / double(v.size()) < 4 / std::sqrt(double(v.size())));
  }
}

TEST_CASE("normal numbers agree at all instruction sets") {
  const Isa best = isa();
  Generator a(2), b(2);
  const auto x = values<float>(randn({1000}, a));
  set_max_isa(Isa::baseline);
  const auto y = values<float>(randn({1000}, b));
  set_max_isa(best);
  for (std::size_t i = 0; i < x.size(); ++i)
    CHECK(std::abs(x[i] - y[i]) <= 1e-6f * (1 + std::abs(x[i])));
}

TEST_CASE("uniform_ stays in [from, to), also where rounding would reach the end") {
  Tensor x = empty({10000});
  x.uniform_(-3, 5);
  for (float v : values<float>(x)) REQUIRE((v >= -3 && v < 5));
  CHECK(moments<float>(x).mean == doctest::Approx(1).epsilon(0.1));
  x.uniform_(16777214, 16777216);
  for (float v : values<float>(x)) REQUIRE((v >= 16777214 && v < 16777216));
  x.uniform_(2, 2);
  CHECK(values<float>(x) == std::vector<float>(10000, 2));
}

TEST_CASE("normal_ has the mean and standard deviation asked for") {
  Tensor x = empty({50000}, kFloat64);
  x.normal_(3, 0.5);
  const Moments m = moments<double>(x);
  CHECK(m.mean == doctest::Approx(3).epsilon(0.005));
  CHECK(m.variance == doctest::Approx(0.25).epsilon(0.03));
  x.normal_(3, 0);
  CHECK(values<double>(x) == std::vector<double>(50000, 3));
}

TEST_CASE("random fills follow the order of elements, whatever the strides") {
  Generator a(4), b(4);
  Tensor plain = empty({3, 50}), transposed = empty({50, 3}).t();
  normal_(plain, 0, 1, a);
  normal_(transposed, 0, 1, b);
  CHECK(values<float>(plain) == values<float>(transposed));
}

TEST_CASE("random fills write through views only where the view is") {
  Tensor x = zeros({4, 4});
  x.select(1, 2).uniform_(1, 2);
  const auto v = values<float>(x);
  for (std::size_t i = 0; i < v.size(); ++i) CHECK((v[i] != 0) == (i % 4 == 2));
}

TEST_CASE("random fills bump the version and are not recorded") {
  Tensor x = zeros({3});
  const auto before = x.version();
  x.uniform_();
  x.normal_();
  CHECK(x.version() > before + 1);
  CHECK_FALSE(x.requires_grad());
}

TEST_CASE("random fills refuse tensors that require a gradient, unless recording is off") {
  Tensor w = zeros({3}, requires_grad()), y = w * 2;
  CHECK(message_of([&] { w.uniform_(); }).starts_with("uniform_: a leaf that requires a gradient"));
  CHECK(message_of([&] { y.normal_(); }).starts_with("normal_: this tensor requires a gradient"));
  const NoGradGuard guard;
  w.normal_();
  CHECK(values<float>(w) != std::vector<float>(3, 0));
}

TEST_CASE("wrong parameters of a distribution are errors with the values") {
  Tensor x = empty({2});
  CHECK(message_of([&] { x.uniform_(2, 1); }) == "uniform_: [2, 1) is no range of float32");
  CHECK(message_of([&] { x.uniform_(0, 1e300); }) ==
        "uniform_: [0, 1e+300) is no range of float32");
  CHECK(message_of([&] { x.normal_(0, -1); }) ==
        "normal_: the standard deviation must not be negative (-1)");
  CHECK(message_of([] { rand({2}, kInt64); }) == "rand: needs a floating-point tensor, got int64");
  CHECK(message_of([] { empty({2}, kInt64).normal_(); }) ==
        "normal_: needs a floating-point tensor, got int64");
  CHECK(message_of([] { randn({-1}); }) == "randn: negative size in [-1]");
  CHECK(message_of([&] { bernoulli_like(x, 1.5); }) ==
        "bernoulli_like: the probability must lie in [0, 1] (1.5)");
}

TEST_CASE("rand_like and randn_like have the shape and dtype of their model") {
  const Tensor x = zeros({2, 3}, kFloat64).t();
  CHECK(rand_like(x).sizes() == Shape{3, 2});
  CHECK(randn_like(x).dtype() == kFloat64);
  CHECK(rand({2}, requires_grad()).requires_grad());
}

TEST_CASE("randint gives every integer of its range equally often") {
  Generator g(21);
  std::vector<int> count(7);
  for (auto v : values<std::int64_t>(randint(-3, 4, {70000}, g)))
    ++count.at(static_cast<std::size_t>(v + 3));
  for (int n : count) CHECK(std::abs(n - 10000) < 400);
}

TEST_CASE("randint is unbiased where the range does not divide 2^64") {
  Generator g(22);
  const std::int64_t high = std::int64_t(3) << 61;  // 2^64 numbers, 3 * 2^62 places
  std::vector<int> count(3);
  for (auto v : values<std::int64_t>(randint(-high, high, {30000}, g)))
    ++count[(static_cast<std::uint64_t>(v) + static_cast<std::uint64_t>(high)) % 3];
  for (int n : count) CHECK(std::abs(n - 10000) < 400);
}

TEST_CASE("randint takes other dtypes that hold the range") {
  CHECK(randint(0, 256, {5}, kUInt8).dtype() == kUInt8);
  CHECK(randint(10, {5}, kFloat32).dtype() == kFloat32);
  CHECK(values<std::int64_t>(randint(5, 6, {3})) == std::vector<std::int64_t>{5, 5, 5});
  CHECK_THROWS_WITH(randint(0, 257, {5}, kUInt8), "randint: uint8 does not hold all of [0, 257)");
  CHECK_THROWS_WITH(randint(0, 1 << 25, {5}, kFloat32),
                    "randint: float32 does not hold all of [0, 33554432)");
  CHECK_THROWS_WITH(randint(3, 3, {5}), "randint: no integer in [3, 3)");
}

TEST_CASE("randperm holds every number once") {
  Generator g(31);
  auto v = values<std::int64_t>(randperm(1000, g));
  CHECK_FALSE(std::ranges::is_sorted(v));
  std::ranges::sort(v);
  std::vector<std::int64_t> all(1000);
  std::iota(all.begin(), all.end(), 0);
  CHECK(v == all);
  CHECK(randperm(0).numel() == 0);
  CHECK_THROWS_WITH(randperm(-1), "randperm: negative size in [-1]");
}

TEST_CASE("randperm gives every order equally often") {
  Generator g(32);
  std::vector<int> count(27);
  for (int i = 0; i < 6000; ++i) {
    const auto v = values<std::int64_t>(randperm(3, g));
    ++count[static_cast<std::size_t>(9 * v[0] + 3 * v[1] + v[2])];
  }
  for (std::size_t k : {5, 7, 11, 15, 19, 21}) CHECK(std::abs(count[k] - 1000) < 150);
}

TEST_CASE("bernoulli_like is 1 with its probability, exact at 0 and 1") {
  const Tensor x = zeros({50000});
  CHECK(moments<float>(bernoulli_like(x, 0.3)).mean == doctest::Approx(0.3).epsilon(0.03));
  CHECK(values<float>(bernoulli_like(x, 0)) == std::vector<float>(50000, 0));
  CHECK(values<float>(bernoulli_like(x, 1)) == std::vector<float>(50000, 1));
  CHECK(bernoulli_like(zeros({3}, kBool), 0.5).dtype() == kBool);
}

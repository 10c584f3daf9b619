#include <doctest/doctest.h>
#include <downhill/data/toy.h>

#include <cmath>

#include "files.h"

using namespace downhill;

namespace {

std::vector<float> points(const data::TensorDataset& d) {
  return {d.data.data_ptr<float>(), d.data.data_ptr<float>() + d.data.numel()};
}
std::int64_t label(const data::TensorDataset& d, std::int64_t i) {
  return d.target.data_ptr<std::int64_t>()[i];
}

}  // namespace

TEST_CASE("the spiral has an arm for each class") {
  const auto d = data::spiral({.points_per_class = 50, .classes = 4});
  CHECK(d.data.sizes() == Shape{200, 2});
  CHECK(d.data.dtype() == kFloat32);
  CHECK(d.target.dtype() == kInt64);
  for (std::int64_t i = 0; i < 200; ++i) REQUIRE(label(d, i) == i / 50);
}

TEST_CASE("without noise the spiral follows its formula") {
  const auto d = data::spiral({.points_per_class = 5, .classes = 2, .noise = 0});
  const auto p = points(d);
  for (int j = 0; j < 2; ++j)
    for (int i = 0; i < 5; ++i) {
      const double r = i / 4.0, angle = 4 * j + 4 * r;
      const auto k = static_cast<std::size_t>(2 * (5 * j + i));
      CHECK(p[k] == doctest::Approx(r * std::sin(angle)));
      CHECK(p[k + 1] == doctest::Approx(r * std::cos(angle)));
    }
}

TEST_CASE("noise moves the spiral's points around, not outward") {
  const auto p = points(data::spiral({.points_per_class = 100, .generator = Generator(1)}));
  double turned = 0;
  for (std::size_t i = 0; i < 300; ++i) {
    const double r = double(i % 100) / 99;
    CHECK(std::hypot(p[2 * i], p[2 * i + 1]) == doctest::Approx(r).epsilon(1e-5));
    const double expected = 4 * double(i / 100) + 4 * r;
    if (r > 0)
      turned +=
          std::pow(std::remainder(std::atan2(p[2 * i], p[2 * i + 1]) - expected, 2 * M_PI), 2);
  }
  CHECK(std::sqrt(turned / 297) == doctest::Approx(0.2).epsilon(0.15));
}

TEST_CASE("the moons are two half circles with noise") {
  const auto clean = data::two_moons({.points_per_class = 3, .noise = 0});
  const float expected[] = {1, 0, 0, 1, -1, 0, 0, 0.5, 1, -0.5, 2, 0.5};
  for (std::size_t i = 0; i < 12; ++i)
    CHECK(points(clean)[i] == doctest::Approx(expected[i]).epsilon(1e-6));
  CHECK(label(clean, 2) == 0);
  CHECK(label(clean, 3) == 1);
  const auto noisy = points(data::two_moons({.points_per_class = 3, .noise = 0.1}));
  for (std::size_t i = 0; i < 12; ++i) {
    CHECK(noisy[i] != points(clean)[i]);
    CHECK(std::abs(noisy[i] - expected[i]) < 0.6);
  }
}

TEST_CASE("toy sets depend on their generator only") {
  const data::SpiralOptions options{.generator = Generator(4)};
  const auto a = points(data::spiral(options));
  CHECK(points(data::spiral(options)) == a);
  manual_seed(1);
  const auto b = points(data::two_moons());
  CHECK(points(data::two_moons()) != b);
  manual_seed(1);
  CHECK(points(data::two_moons()) == b);
}

TEST_CASE("toy sets refuse empty classes and negative noise") {
  CHECK(message_of([] {
          data::two_moons({.points_per_class = 0});
        }).starts_with("two_moons: needs at least one point"));
  CHECK(message_of([] { data::spiral({.noise = -1}); }) ==
        "spiral: the noise must not be negative (-1)");
  CHECK(data::spiral({.points_per_class = 1}).size() == 3);
}

#include <downhill/data/toy.h>

#include <cmath>

#include <downhill/tensor/check.h>
#include <downhill/tensor/factory.h>

namespace downhill::data {
namespace {

void check_options(const char* name, std::int64_t points, std::int64_t classes, double noise) {
  check(points >= 1 && classes >= 1, "{}: needs at least one point and one class ({} and {})", name,
        points, classes);
  check(noise >= 0 && std::isfinite(noise), "{}: the noise must not be negative ({})", name, noise);
}

/// i / (n - 1), 0 for a single point.
double along(std::int64_t i, std::int64_t n) {
  return n > 1 ? static_cast<double>(i) / static_cast<double>(n - 1) : 0;
}

/// f(j, i, noise of point i in class j) is the place of that point.
struct Point {
  double x, y;
};
TensorDataset points(std::int64_t classes, std::int64_t n, std::optional<Generator>& own,
                     auto&& f) {
  Generator& generator = own ? *own : default_generator();
  const Tensor noise = randn({classes * n, 2}, generator, kFloat64);
  const Tensor data = empty({classes * n, 2}, kFloat32), target = empty({classes * n}, kInt64);
  const auto* z = noise.data_ptr<double>();
  for (std::int64_t k = 0; k < classes * n; ++k) {
    const Point p = f(k / n, k % n, Point{z[2 * k], z[2 * k + 1]});
    data.data_ptr<float>()[2 * k] = static_cast<float>(p.x);
    data.data_ptr<float>()[2 * k + 1] = static_cast<float>(p.y);
    target.data_ptr<std::int64_t>()[k] = k / n;
  }
  return {data, target};
}

}  // namespace

TensorDataset spiral(SpiralOptions o) {
  check_options("spiral", o.points_per_class, o.classes, o.noise);
  return points(o.classes, o.points_per_class, o.generator,
                [&](std::int64_t arm, std::int64_t i, Point z) {
                  const double r = along(i, o.points_per_class);
                  const double angle = 4 * (static_cast<double>(arm) + r) + o.noise * z.x;
                  return Point{r * std::sin(angle), r * std::cos(angle)};
                });
}

TensorDataset two_moons(TwoMoonsOptions o) {
  check_options("two_moons", o.points_per_class, 2, o.noise);
  return points(
      2, o.points_per_class, o.generator, [&](std::int64_t moon, std::int64_t i, Point z) {
        const double t = 3.141592653589793 * along(i, o.points_per_class);
        const Point p =
            moon == 0 ? Point{std::cos(t), std::sin(t)} : Point{1 - std::cos(t), 0.5 - std::sin(t)};
        return Point{p.x + o.noise * z.x, p.y + o.noise * z.y};
      });
}

}  // namespace downhill::data

// Small made-up classification problems in the plane: data [N, 2] float32, target [N] int64.
#pragma once
#include <optional>

#include <downhill/data/dataset.h>

#pragma GCC visibility push(default)
namespace downhill::data {

struct SpiralOptions {
  std::int64_t points_per_class = 100;
  std::int64_t classes = 3;
  double noise = 0.2;  ///< standard deviation of the angle, in radians
  /// The default generator where left out.
  std::optional<Generator> generator = {};
};
/// Interleaved spiral arms, as in Stanford's CS231n notes: point i of n in class j has radius
/// r = i / (n - 1) and angle a = 4 j + 4 r + noise, and lies at (r sin a, r cos a). The classes
/// come one after the other. Throws Error for counts below 1 and negative noise.
TensorDataset spiral(SpiralOptions options = {});

struct TwoMoonsOptions {
  std::int64_t points_per_class = 100;
  double noise = 0.1;  ///< standard deviation of each coordinate
  std::optional<Generator> generator = {};
};
/// Two interleaved half circles, as scikit-learn's make_moons: with t from 0 to pi, class 0 at
/// (cos t, sin t), class 1 at (1 - cos t, 1/2 - sin t), plus normal noise.
TensorDataset two_moons(TwoMoonsOptions options = {});

}  // namespace downhill::data
#pragma GCC visibility pop

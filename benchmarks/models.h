// What all contenders of a training row start from: inputs, targets and weights.
#pragma once
#include <cmath>

#include "harness.h"
#include "rows.h"

namespace bench {

using Arrays = std::vector<std::vector<float>>;

/// Weight [out, in] and bias [out], as PyTorch draws them.
inline void add_linear(Arrays& weights, std::int64_t in, std::int64_t out) {
  const float bound = 1 / std::sqrt(static_cast<float>(in));
  for (const std::int64_t n : {out * in, out})
    weights.push_back(uniform(n, 100 + weights.size(), -bound, bound));
}

inline std::vector<std::vector<std::int64_t>> make_targets(std::int64_t batch,
                                                           std::int64_t classes) {
  std::vector<std::vector<std::int64_t>> sets;
  for (std::int64_t i = 0; i < target_sets; ++i)
    sets.push_back(labels(batch, classes, 10 + static_cast<std::uint64_t>(i)));
  return sets;
}

struct MlpData {
  explicit MlpData(const Mlp& m)
      : x(uniform(m.batch * m.inputs, 1)), targets(make_targets(m.batch, m.classes)) {
    add_linear(weights, m.inputs, m.hidden);
    add_linear(weights, m.hidden, m.classes);
  }
  std::vector<float> x;
  std::vector<std::vector<std::int64_t>> targets;
  Arrays weights;  ///< weight 1, bias 1, weight 2, bias 2
};

struct ClassifierData {
  explicit ClassifierData(const Classifier& c)
      : x(uniform(c.batch * c.inputs, 1)), targets(make_targets(c.batch, c.classes)) {
    add_linear(weights, c.inputs, c.classes);
  }
  std::vector<float> x;
  std::vector<std::vector<std::int64_t>> targets;
  Arrays weights;  ///< weight, bias
};

struct PenaltyData {
  explicit PenaltyData(const Penalty& p) : x(uniform(p.batch * p.inputs, 1)) {
    add_linear(weights, p.inputs, p.hidden);
    add_linear(weights, p.hidden, 1);
  }
  std::vector<float> x;
  Arrays weights;  ///< weight 1, bias 1, weight 2, bias 2
};

}  // namespace bench

#include "harness.h"

#include <algorithm>
#include <cmath>

namespace bench {
namespace {

std::vector<std::unique_ptr<Contender>>& registry() {
  static std::vector<std::unique_ptr<Contender>> all;
  return all;
}

/// SplitMix64 of a counter (Steele, Lea, Flood, OOPSLA 2014).
std::uint64_t mix(std::uint64_t seed, std::uint64_t i) {
  std::uint64_t z = (seed + 1) * 0xd1342543de82ef95u + i * 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

int rank(const Contender& c) { return c.name == "ours" ? 0 : c.name == "floor" ? 1 : 2; }

}  // namespace

Contender& contender(std::string_view name) {
  for (auto& c : registry())
    if (c->name == name) return *c;
  registry().push_back(std::make_unique<Contender>());
  registry().back()->name = name;
  return *registry().back();
}

std::vector<Contender*> contenders() {
  std::vector<Contender*> all;
  for (auto& c : registry()) all.push_back(c.get());
  std::ranges::stable_sort(all, {}, [](const Contender* c) { return rank(*c); });
  return all;
}

std::vector<float> uniform(std::int64_t n, std::uint64_t seed, float low, float high) {
  std::vector<float> x(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = low + (high - low) * static_cast<float>(mix(seed, i) >> 40) * 0x1p-24f;
  return x;
}

std::vector<std::int64_t> labels(std::int64_t n, std::int64_t classes, std::uint64_t seed) {
  std::vector<std::int64_t> y(static_cast<std::size_t>(n));
  const auto count = static_cast<std::uint64_t>(classes);
  for (std::size_t i = 0; i < y.size(); ++i)
    y[i] = static_cast<std::int64_t>((mix(seed, i) >> 32) % count);
  return y;
}

Numbers summary(const float* x, std::int64_t n) {
  double squares = 0, sum = 0, weighted = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const double v = x[i];
    squares += v * v;
    sum += v;
    weighted += v * (static_cast<double>(i * 37 % 101) / 50 - 1);
  }
  const double count = static_cast<double>(n), rms = std::sqrt(squares / count) + 1e-30;
  return {std::log(rms), sum / count / rms, weighted / count / rms, x[0] / rms, x[n - 1] / rms};
}

Numbers join(Numbers a, const Numbers& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace bench

#include <downhill/tensor/registry.h>

#include "families.h"

namespace downhill {
namespace {

template <class... Family> std::vector<OpEntry> join() {
  std::vector<OpEntry> all;
  auto append = [&](std::vector<OpEntry> part) { all.insert(all.end(), part.begin(), part.end()); };
  (append(detail::entries<Family>()), ...);
  return all;
}

}  // namespace

std::span<const OpEntry> all_ops() {
  using namespace detail;
  static const std::vector<OpEntry> all =
      join<UnaryOps, BinaryOps, CompareOps, CopyOps, ProductOps, ViewOps, IndexOps, CatOps,
           ReduceOps, SoftmaxOps, LossOps, MultiTensorOps>();
  return all;
}

}  // namespace downhill

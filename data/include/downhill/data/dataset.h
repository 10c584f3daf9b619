// Examples and their targets, held in two tensors.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <downhill/tensor/random.h>
#include <downhill/tensor/tensor.h>

#pragma GCC visibility push(default)
namespace downhill::data {

/// Some examples and their targets: `auto [x, y] = batch`.
struct Batch {
  Tensor data, target;
};

/// A row of `data` for each example, and its row of `target`. Copies share the tensors.
class TensorDataset {
 public:
  /// Throws Error unless both have at least one dimension and the first is equally long.
  TensorDataset(Tensor data, Tensor target);
  std::int64_t size() const { return data.size(0); }
  /// Example i, without the first dimension: views. Negative i count from the back. Throws
  /// IndexError.
  Batch get(std::int64_t i) const;

  Tensor data, target;
};

/// The examples in a random order, cut into parts of these lengths, which must be the dataset's
/// size in sum. Each part has memory of its own.
std::vector<TensorDataset> random_split(const TensorDataset& dataset,
                                        const std::vector<std::int64_t>& lengths,
                                        Generator& generator = default_generator());
std::vector<TensorDataset> random_split(const TensorDataset& dataset,
                                        const std::vector<std::int64_t>& lengths,
                                        Generator&& generator);

namespace detail {
template <std::size_t... I>
std::array<TensorDataset, sizeof...(I)> to_array(std::vector<TensorDataset> parts,
                                                 std::index_sequence<I...>) {
  return {std::move(parts[I])...};
}
}  // namespace detail

/// The same for lengths in braces:
/// `auto [train, validation] = random_split(all, {55000, 5000}, Generator(231));`
template <std::size_t N>
std::array<TensorDataset, N> random_split(const TensorDataset& dataset,
                                          const std::int64_t (&lengths)[N],
                                          Generator& generator = default_generator()) {
  const std::vector<std::int64_t> list(lengths, lengths + N);
  return detail::to_array(random_split(dataset, list, generator), std::make_index_sequence<N>());
}
template <std::size_t N>
std::array<TensorDataset, N> random_split(const TensorDataset& dataset,
                                          const std::int64_t (&lengths)[N], Generator&& generator) {
  return random_split(dataset, lengths, generator);
}

}  // namespace downhill::data
#pragma GCC visibility pop

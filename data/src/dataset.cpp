#include <downhill/data/dataset.h>

#include <numeric>

#include <downhill/tensor/check.h>
#include <downhill/tensor/format.h>
#include <downhill/tensor/ops.h>

namespace downhill::data {

TensorDataset::TensorDataset(Tensor data, Tensor target)
    : data(std::move(data)), target(std::move(target)) {
  check(this->data.defined() && this->target.defined(), "TensorDataset: the {} is undefined",
        this->data.defined() ? "target" : "data");
  const Shape &x = this->data.sizes(), &y = this->target.sizes();
  check(!x.empty() && !y.empty() && x.front() == y.front(),
        "TensorDataset: data and target need the same first dimension (shapes {} and {})", x, y);
}

Batch TensorDataset::get(std::int64_t i) const {
  check_index(i >= -size() && i < size(), "TensorDataset: index {} is out of range for {} examples",
              i, size());
  return {data.select(0, i), target.select(0, i)};
}

std::vector<TensorDataset> random_split(const TensorDataset& dataset,
                                        const std::vector<std::int64_t>& lengths,
                                        Generator& generator) {
  std::int64_t sum = 0;
  for (const std::int64_t n : lengths) {
    check(n >= 0, "random_split: negative length {}", n);
    check(!__builtin_add_overflow(sum, n, &sum), "random_split: the lengths overflow");
  }
  check(sum == dataset.size(),
        "random_split: the lengths add up to {}, the dataset has {} examples", sum, dataset.size());
  const Tensor order = randperm(sum, generator);
  std::vector<TensorDataset> parts;
  std::int64_t begin = 0;
  for (const std::int64_t n : lengths) {
    const Tensor rows = order.narrow(0, std::exchange(begin, begin + n), n);
    parts.emplace_back(dataset.data.index_select(0, rows), dataset.target.index_select(0, rows));
  }
  return parts;
}

std::vector<TensorDataset> random_split(const TensorDataset& dataset,
                                        const std::vector<std::int64_t>& lengths,
                                        Generator&& generator) {
  return random_split(dataset, lengths, generator);
}

}  // namespace downhill::data

#include <downhill/data/loader.h>

#include <algorithm>

#include <downhill/tensor/check.h>
#include <downhill/tensor/ops.h>

namespace downhill::data {

DataLoader::DataLoader(TensorDataset dataset, DataLoaderOptions options)
    : dataset_(std::move(dataset)), options_(std::move(options)) {
  check(options_.num_workers >= 0, "DataLoader: num_workers must be at least 0 ({})",
        options_.num_workers);
  check(options_.batch_size >= 1, "DataLoader: the batch size must be at least 1 ({})",
        options_.batch_size);
}

std::int64_t DataLoader::size() const {
  const std::int64_t n = dataset_.size(), b = options_.batch_size;
  return n / b + (!options_.drop_last && n % b != 0);
}

DataLoader::Iterator DataLoader::begin() {
  return {*this, options_.shuffle ? randperm(dataset_.size(), generator()) : Tensor()};
}

Batch DataLoader::Iterator::operator*() const {
  check_index(batch_ < loader_->size(), "DataLoader: a pass has {} batches, this is past its end",
              loader_->size());
  const TensorDataset& d = loader_->dataset_;
  const std::int64_t most = loader_->options_.batch_size, begin = batch_ * most;
  const std::int64_t n = std::min(most, d.size() - begin);
  if (!order_.defined()) return {d.data.narrow(0, begin, n), d.target.narrow(0, begin, n)};
  const Tensor rows = order_.narrow(0, begin, n);
  return {d.data.index_select(0, rows), d.target.index_select(0, rows)};
}

}  // namespace downhill::data

// Batches of a dataset.
#pragma once
#include <iterator>
#include <optional>

#include <downhill/data/dataset.h>

#pragma GCC visibility push(default)
namespace downhill::data {

struct DataLoaderOptions {
  std::int64_t batch_size = 1;  ///< examples in a batch
  bool shuffle = false;         ///< a new random order in each pass
  /// Accepted for scripts that come from PyTorch and without effect: the examples are in memory,
  /// and gathering a batch takes less time than handing it over from another thread would.
  std::int64_t num_workers = 0;
  bool drop_last = false;  ///< leaves out a last batch that is not full
  /// Draws the orders; the default generator where left out. The loader has a copy of its own, so
  /// two loaders given equal generators show the same orders.
  std::optional<Generator> generator = {};
};

/// `for (auto [x, y] : loader)` is one pass over the dataset. Any number of passes, nested ones
/// too; each begin() draws a new order. Batches are views of the dataset where it is not shuffled,
/// else copies. The loader keeps the dataset's tensors alive.
class DataLoader {
 public:
  class Iterator {
   public:
    using value_type = Batch;
    using difference_type = std::ptrdiff_t;
    Batch operator*() const;
    Iterator& operator++() {
      ++batch_;
      return *this;
    }
    void operator++(int) { ++batch_; }
    bool operator==(std::default_sentinel_t) const { return batch_ == loader_->size(); }

   private:
    friend class DataLoader;
    Iterator(const DataLoader& loader, Tensor order) : loader_(&loader), order_(std::move(order)) {}

    const DataLoader* loader_;
    Tensor order_;  // undefined: the dataset's own
    std::int64_t batch_ = 0;
  };

  /// Throws Error for a batch size below 1 and negative num_workers.
  explicit DataLoader(TensorDataset dataset, DataLoaderOptions options = {});
  /// How many batches a pass has.
  std::int64_t size() const;
  Iterator begin();
  std::default_sentinel_t end() const { return {}; }
  const TensorDataset& dataset() const { return dataset_; }
  /// What draws the orders: save its seed and offset to resume.
  Generator& generator() { return options_.generator ? *options_.generator : default_generator(); }

 private:
  TensorDataset dataset_;
  DataLoaderOptions options_;
};

}  // namespace downhill::data
#pragma GCC visibility pop

// Mistakes with data sets and loaders.
#include <downhill/data.h>

#include <stdexcept>

#include "mistakes/mistakes.h"

using namespace downhill;
using namespace mistakes;
using data::DataLoader;
using data::random_split;
using data::TensorDataset;

TEST_CASE("data sets and loaders that cannot be") {
  const Tensor x = randn({5, 2}), y = arange(5), none;
  check_rows({
      {"examples and targets of different numbers",
       {x, arange(4)},
       [](In in) { TensorDataset(in[0], in[1]); },
       "TensorDataset: data and target need the same first dimension (shapes [5, 2] and [4])"},
      {"single numbers as data",
       {tensor(1.5), tensor(1)},
       [](In in) { TensorDataset(in[0], in[1]); },
       "TensorDataset: data and target need the same first dimension (shapes [] and [])"},
      {"targets that were never given a value",
       {x, none},
       [](In in) { TensorDataset(in[0], in[1]); },
       "TensorDataset: the target is undefined"},
      {"parts that do not add up",
       {x, y},
       [](In in) {
         random_split(TensorDataset(in[0], in[1]), {2, 2});
       },
       "random_split: the lengths add up to 4, the dataset has 5 examples"},
      {"a part of negative length",
       {x, y},
       [](In in) {
         random_split(TensorDataset(in[0], in[1]), {6, -1});
       },
       "random_split: negative length -1"},
      {"batches of nothing",
       {x, y},
       [](In in) { DataLoader(TensorDataset(in[0], in[1]), {.batch_size = 0}); },
       "DataLoader: the batch size must be at least 1 (0)"},
      {"fewer than no workers",
       {x, y},
       [](In in) { DataLoader(TensorDataset(in[0], in[1]), {.num_workers = -1}); },
       "DataLoader: num_workers must be at least 0 (-1)"},
      {"a spiral without arms",
       {},
       [](In) { data::spiral({.classes = 0}); },
       "spiral: needs at least one point and one class (100 and 0)"},
      {"moons with negative noise",
       {},
       [](In) { data::two_moons({.noise = -1}); },
       "two_moons: the noise must not be negative (-1)"},
  });
  check_rows<IndexError>({
      {"an example that is not there",
       {x, y},
       [](In in) { TensorDataset(in[0], in[1]).get(5); },
       "TensorDataset: index 5 is out of range for 5 examples"},
      {"a batch past the end",
       {x, y},
       [](In in) {
         DataLoader loader(TensorDataset(in[0], in[1]), {.batch_size = 5});
         auto batch = loader.begin();
         *++batch;
       },
       "DataLoader: a pass has 1 batches, this is past its end"},
      {"an example before the first",
       {x, y},
       [](In in) { TensorDataset(in[0], in[1]).get(-6); },
       "TensorDataset: index -6 is out of range for 5 examples"},
  });
}

TEST_CASE("a split that fails draws no random numbers") {
  Generator generator(7);
  CHECK_THROWS_AS(random_split(TensorDataset(randn({5, 2}), arange(5)), {2, 2}, generator), Error);
  CHECK(generator.offset() == 0);
}

TEST_CASE("an exception in a loop over a loader leaves it ready for the next pass") {
  const int before = get_num_threads();
  set_num_threads(2);
  const Tensor x = arange(0, 64 * 1024, kFloat32).view({64, 1024});
  DataLoader loader(TensorDataset(x, arange(64)),
                    {.batch_size = 16, .shuffle = true, .num_workers = 2});
  const auto pass = [&](int fails_at) {
    double sum = 0;
    int batch = 0;
    for (auto [data, target] : loader) {
      if (batch++ == fails_at) throw std::out_of_range("in the loop");
      sum += target.sum().item();
    }
    return sum;
  };
  CHECK_THROWS_WITH_AS(pass(2), "in the loop", std::out_of_range);
  CHECK(pass(-1) == 64 * 63 / 2);
  set_num_threads(before);
}

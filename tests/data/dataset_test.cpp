#include <doctest/doctest.h>
#include <downhill/data/dataset.h>
#include <downhill/data/loader.h>

#include <downhill/tensor/factory.h>
#include <downhill/tensor/memory.h>
#include <downhill/tensor/ops.h>
#include <algorithm>
#include <map>

using namespace downhill;
using data::DataLoader;
using data::TensorDataset;

namespace {

using Ints = std::vector<std::int64_t>;

Ints values(const Tensor& x) {
  const Tensor c = x.contiguous();
  return {c.data_ptr<std::int64_t>(), c.data_ptr<std::int64_t>() + c.numel()};
}

/// Example i is [10 i, 10 i + 1] with target i.
TensorDataset numbered(std::int64_t n) {
  Tensor x = empty({n, 2}, kInt64);
  for (std::int64_t i = 0; i < 2 * n; ++i) x.data_ptr<std::int64_t>()[i] = i / 2 * 10 + i % 2;
  return {x, arange(n)};
}

/// The targets of one pass, after checking that each example has its own.
Ints one_pass(DataLoader& loader) {
  Ints seen;
  for (auto [x, y] : loader) {
    REQUIRE(x.sizes() == Shape{y.size(0), 2});
    const Ints data = values(x), target = values(y);
    for (std::size_t i = 0; i < target.size(); ++i) REQUIRE(data[2 * i] == 10 * target[i]);
    seen.insert(seen.end(), target.begin(), target.end());
  }
  return seen;
}

Ints sorted(Ints v) {
  std::ranges::sort(v);
  return v;
}

}  // namespace

TEST_CASE("a dataset gives examples with their targets") {
  const TensorDataset d = numbered(4);
  const auto [x, y] = d.get(2);
  CHECK(d.size() == 4);
  CHECK(values(x) == Ints{20, 21});
  CHECK(y.item<std::int64_t>() == 2);
  CHECK(d.get(-1).target.item() == 3);
  CHECK_THROWS_AS(d.get(4), IndexError);
}

TEST_CASE("a split holds every example once") {
  const auto parts = random_split(numbered(100), {70, 20, 10}, Generator(1));
  CHECK(parts[0].size() == 70);
  Ints all;
  for (const auto& p : parts) {
    const Ints y = values(p.target);
    all.insert(all.end(), y.begin(), y.end());
    CHECK(values(p.data.select(1, 1)).front() == 10 * y.front() + 1);
  }
  CHECK(all != values(numbered(100).target));
  CHECK(sorted(all) == values(numbered(100).target));
  CHECK(random_split(numbered(5), {5, 0})[1].size() == 0);
}

TEST_CASE("a split depends on its generator only") {
  Generator g(5), same(5);
  const auto [a, rest] = random_split(numbered(50), {20, 30}, g);
  manual_seed(99);
  const std::vector<std::int64_t> lengths = {20, 30};
  CHECK(values(random_split(numbered(50), lengths, same)[0].target) == values(a.target));
  CHECK(values(random_split(numbered(50), lengths, g)[0].target) != values(a.target));
}

TEST_CASE("an unshuffled loader shows the dataset in order, as views") {
  const TensorDataset d = numbered(5);
  DataLoader loader(d, {.batch_size = 2});
  CHECK(loader.size() == 3);
  CHECK(one_pass(loader) == Ints{0, 1, 2, 3, 4});
  CHECK((*loader.begin()).data.data_ptr() == d.data.data_ptr());
}

TEST_CASE("the default batch is one example") {
  DataLoader loader(numbered(3));
  CHECK(loader.size() == 3);
  CHECK((*loader.begin()).data.sizes() == Shape{1, 2});
}

TEST_CASE("the last batch is smaller, or dropped") {
  DataLoader all(numbered(10), {.batch_size = 4}),
      dropped(numbered(10), {.batch_size = 4, .drop_last = true});
  CHECK(all.size() == 3);
  CHECK(dropped.size() == 2);
  CHECK(one_pass(all).size() == 10);
  CHECK(one_pass(dropped).size() == 8);
}

TEST_CASE("a shuffled loader shows every example once, in a new order each pass") {
  DataLoader loader(numbered(100), {.batch_size = 32, .shuffle = true, .generator = Generator(3)});
  const Ints first = one_pass(loader), second = one_pass(loader);
  CHECK(first != second);
  CHECK(first != values(numbered(100).target));
  CHECK(sorted(first) == values(numbered(100).target));
  CHECK(sorted(second) == values(numbered(100).target));
}

TEST_CASE("equal generators give equal orders, and a saved one resumes") {
  const data::DataLoaderOptions options{
      .batch_size = 7, .shuffle = true, .generator = Generator(3)};
  DataLoader a(numbered(50), options), b(numbered(50), options);
  CHECK(one_pass(a) == one_pass(b));
  const auto offset = a.generator().offset();
  const Ints second = one_pass(a);
  CHECK(one_pass(b) == second);
  b.generator().set_offset(offset);
  CHECK(one_pass(b) == second);
}

TEST_CASE("without a generator of its own a loader follows manual_seed") {
  DataLoader loader(numbered(50), {.batch_size = 7, .shuffle = true});
  manual_seed(1);
  const Ints first = one_pass(loader);
  CHECK(one_pass(loader) != first);
  manual_seed(1);
  CHECK(one_pass(loader) == first);
}

TEST_CASE("passes over one loader may be nested") {
  DataLoader loader(numbered(6), {.batch_size = 2, .shuffle = true});
  int pairs = 0;
  for ([[maybe_unused]] auto [x, y] : loader)
    for ([[maybe_unused]] auto [u, v] : loader) ++pairs;
  CHECK(pairs == 9);
}

TEST_CASE("a loader keeps its dataset alive") {
  auto loader = DataLoader(numbered(4), {.batch_size = 4});
  const DataLoader copy = loader;
  CHECK(values(copy.dataset().target) == Ints{0, 1, 2, 3});
  CHECK(one_pass(loader) == Ints{0, 1, 2, 3});
}

TEST_CASE("an empty dataset gives no batches") {
  DataLoader loader(numbered(0), {.batch_size = 4, .shuffle = true});
  CHECK(loader.size() == 0);
  CHECK(one_pass(loader).empty());
}

TEST_CASE("passes cost no malloc once the pools are warm") {
#ifndef DOWNHILL_PLAIN
  DataLoader loader(TensorDataset(zeros({1000, 784}), zeros({1000}, kInt64)),
                    {.batch_size = 64, .shuffle = true});
  const auto pass = [&] {
    for ([[maybe_unused]] auto [x, y] : loader) {}
  };
  pass();
  const std::int64_t before = memory_stats().mallocs;
  pass();
  CHECK(memory_stats().mallocs == before);
#endif
}

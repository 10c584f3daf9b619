#include <doctest/doctest.h>

#include <downhill/tensor/factory.h>
#include <downhill/tensor/graph.h>
#include <downhill/tensor/ops.h>
#include <downhill/tensor/random.h>

using namespace downhill;

TEST_CASE("a batch whose members are all one product") {
  const Tensor a = randn({100, 100}), b = randn({100, 100}), one = matmul(a, b);
  const Tensor all = matmul(a.expand({3, 100, 100}), b.expand({3, 100, 100}));
  for (int i = 0; i < 3; ++i) CHECK((all.select(0, i) - one).abs().max().item() < 1e-4);
}

TEST_CASE("the mean over a batch of products is differentiated") {
  const Tensor x = randn({100, 100}), w = randn({5, 100, 100}, requires_grad());
  matmul(x, w).mean({0}).square().sum().backward();
  const Tensor mean = matmul(x, w.detach()).mean({0});
  const Tensor expected = matmul(x.t(), mean * 2 / 5);
  for (int i = 0; i < 5; ++i)
    CHECK((w.grad().select(0, i) - expected).abs().max().item() <
          1e-3 * expected.abs().max().item());
}

#include <doctest/doctest.h>
#include <downhill/downhill.h>

#include <cmath>

using namespace downhill;
namespace F = nn::functional;

TEST_CASE("Linear is x W^T + b with weight [out, in]") {
  const nn::Linear fc(2, 3);
  CHECK(fc->weight.sizes() == Shape{3, 2});
  nn::init::constant_(fc->weight, 2);
  nn::init::constant_(fc->bias, 1);
  const Tensor y = fc(ones({4, 2}));
  CHECK(y.sizes() == Shape{4, 3});
  CHECK(y[0][0].item() == 5);
  const nn::Linear plain(2, 3, {.bias = false});
  CHECK(!plain->bias.defined());
  CHECK(plain->parameters().size() == 1);
}

TEST_CASE("Linear draws weight and bias from U(-1/sqrt(in), 1/sqrt(in))") {
  manual_seed(1);
  const nn::Linear fc(400, 1000);
  for (const Tensor& p : fc->parameters()) {
    CHECK(p.detach().max().item() <= 0.05);
    CHECK(p.detach().max().item() > 0.0495);
    CHECK(p.detach().min().item() < -0.0495);
  }
  CHECK(fc->weight.detach().mean().item() == doctest::Approx(0).scale(1).epsilon(1e-3));
}

TEST_CASE("Dropout keeps the mean in training and is the identity in evaluation") {
  manual_seed(4);
  const nn::Dropout drop(0.25);
  const Tensor x = ones({100000});
  const Tensor y = drop(x);
  CHECK(y.mean().item() == doctest::Approx(1).epsilon(0.01));
  CHECK((y == 0).to(kFloat64).mean().item() == doctest::Approx(0.25).epsilon(0.02));
  CHECK(y.max().item() == doctest::Approx(1 / 0.75));
  CHECK(!(drop(x) == y).to(kInt64).sum().item<bool>() == false);
  drop->eval();
  CHECK(drop(x).is_same(x));
}

TEST_CASE("the gradient of dropout goes through the elements that were kept") {
  const Tensor x = ones({1000}, requires_grad());
  const Tensor y = F::dropout(x, {.p = 0.5});
  y.sum().backward();
  CHECK((x.grad() == y.detach()).to(kInt64).sum().item() == 1000);
  CHECK(F::dropout(x, {.p = 1}).sum().item() == 0);
}

TEST_CASE("layers without options apply their function") {
  const Tensor x = tensor({-1.0, 2.0});
  CHECK(nn::ReLU()(x).sum().item() == 2);
  CHECK(nn::Tanh()(x)[1].item() == doctest::Approx(std::tanh(2.0)));
  CHECK(nn::Sigmoid()(x)[1].item() == doctest::Approx(1 / (1 + std::exp(-2.0))));
  CHECK(nn::Flatten()(zeros({2, 3, 4})).sizes() == Shape{2, 12});
  CHECK(fmt::format("{}", nn::Flatten()) == "Flatten(start_dim=1, end_dim=-1)");
}

TEST_CASE("a two-layer network learns exclusive or") {
  manual_seed(3);
  const nn::Sequential net(nn::Linear(2, 8), nn::Tanh(), nn::Linear(8, 2));
  const Tensor x = tensor({{0.0, 0.0}, {0.0, 1.0}, {1.0, 0.0}, {1.0, 1.0}});
  const Tensor y = tensor({0, 1, 1, 0});
  optim::AdamW adamw(net->parameters(), {.lr = 0.05});
  for (int i = 0; i < 200; ++i) {
    adamw.zero_grad();
    F::cross_entropy(net(x), y).backward();
    adamw.step();
  }
  CHECK((net(x).argmax(1) == y).to(kInt64).sum().item() == 4);
}

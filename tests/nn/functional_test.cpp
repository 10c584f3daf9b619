#include <doctest/doctest.h>
#include <downhill/downhill.h>

#include <cmath>

using namespace downhill;
namespace F = nn::functional;

namespace {

const std::initializer_list<TensorData> scores_data = {
    {0.2, -1.0, 0.5}, {1.5, 0.3, -0.7}, {-0.4, 0.1, 0.9}, {0.0, 0.0, 2.0}};
Tensor scores() { return tensor(scores_data, kFloat64).requires_grad_(); }
Tensor classes() { return tensor({2, 0, 1, 1}); }
Tensor weights() { return tensor({0.5, 2.0, 1.0}, kFloat64); }

// torch.nn.functional.cross_entropy (1.13) of the tensors above: with weight; with label_smoothing
// 0.2; with both; with label_smoothing 0.2 and ignore_index 1.
constexpr double weighted = 1.456974578348804, smoothed = 1.1990614611856498,
                 both = 1.4238850419509514, ignoring = 0.6833144351190094;

double sum_in_loops(const Tensor& s, F::Hinge variant, double margin) {
  double total = 0;
  const auto a = s.accessor<double, 2>();
  const std::int64_t y[] = {2, 0, 1, 1};
  for (int i = 0; i < 4; ++i) {
    double highest = 0;
    for (int j = 0; j < 3; ++j) {
      const double own = a[i][static_cast<int>(y[i])];
      const double violation = std::max(0.0, a[i][j] - own + margin);
      const double binary = std::max(0.0, margin + (j == y[i] ? -own : a[i][j]));
      if (j != y[i]) highest = std::max(highest, violation);
      if (variant == F::Hinge::weston_watkins && j != y[i]) total += violation;
      if (variant == F::Hinge::one_vs_all) total += binary;
    }
    if (variant == F::Hinge::crammer_singer) total += highest;
  }
  return total;
}

}  // namespace

TEST_CASE("cross_entropy with weights and smoothing agrees with torch") {
  const Tensor s = scores(), y = classes();
  CHECK(F::cross_entropy(s, y, {.weight = weights()}).item() == doctest::Approx(weighted));
  CHECK(F::cross_entropy(s, y, {.label_smoothing = 0.2}).item() == doctest::Approx(smoothed));
  CHECK(F::cross_entropy(s, y, {.weight = weights(), .label_smoothing = 0.2}).item() ==
        doctest::Approx(both));
  CHECK(F::cross_entropy(s, y, {.ignore_index = 1, .label_smoothing = 0.2}).item() ==
        doctest::Approx(ignoring));
}

TEST_CASE("nll_loss of log_softmax is cross_entropy for every reduction") {
  for (Reduction r : {Reduction::mean, Reduction::sum}) {
    const double nll =
        F::nll_loss(scores().log_softmax(1), classes(), {.ignore_index = 0, .reduction = r}).item();
    CHECK(nll ==
          doctest::Approx(
              F::cross_entropy(scores(), classes(), {.ignore_index = 0, .reduction = r}).item()));
  }
  CHECK(F::nll_loss(scores(), classes(), {.reduction = Reduction::none}).sizes() == Shape{4});
}

TEST_CASE("multiclass hinge losses agree with the formula written as loops") {
  using F::Hinge;
  for (Hinge v : {Hinge::weston_watkins, Hinge::crammer_singer, Hinge::one_vs_all})
    for (double margin : {1.0, 0.3}) {
      const double loss =
          F::multiclass_hinge_loss(scores(), classes(), {.margin = margin, .variant = v}).item();
      CHECK(loss == doctest::Approx(sum_in_loops(scores().detach(), v, margin) / 4));
    }
}

TEST_CASE("mse_loss and l1_loss reduce as asked") {
  const Tensor a = tensor({1.0, 2.0, 5.0}), b = tensor({0.0, 2.0, 3.0});
  CHECK(F::mse_loss(a, b).item() == doctest::Approx(5.0 / 3));
  CHECK(F::mse_loss(a, b, {.reduction = Reduction::sum}).item() == 5);
  CHECK(F::l1_loss(a, b, {.reduction = Reduction::none})[2].item() == 2);
}

TEST_CASE("binary cross-entropy is right far out and its gradient right at 0") {
  const Tensor x = tensor({-1000.0, 0.0, 1000.0, 2.0}, kFloat64).requires_grad_();
  const Tensor t = tensor({0.0, 1.0, 1.0, 0.25}, kFloat64);
  const Tensor losses = F::binary_cross_entropy_with_logits(x, t, {.reduction = Reduction::none});
  CHECK(losses[0].item() == 0);
  CHECK(losses[1].item() == doctest::Approx(std::log(2)));
  CHECK(losses[2].item() == 0);
  const double s = 1 / (1 + std::exp(-2.0));
  CHECK(losses[3].item() == doctest::Approx(-0.25 * std::log(s) - 0.75 * std::log(1 - s)));
  losses.sum().backward();
  CHECK(x.grad()[1].item() == doctest::Approx(-0.5));
  CHECK(x.grad()[3].item() == doctest::Approx(s - 0.25));
}

TEST_CASE("the positive weight counts the positive part of binary cross-entropy") {
  const Tensor x = tensor({0.7, 0.7}, kFloat64), t = tensor({1.0, 0.0}, kFloat64);
  const Tensor losses = F::binary_cross_entropy_with_logits(
      x, t, {.reduction = Reduction::none, .pos_weight = tensor({3.0}, kFloat64)});
  const double s = 1 / (1 + std::exp(-0.7));
  CHECK(losses[0].item() == doctest::Approx(-3 * std::log(s)));
  CHECK(losses[1].item() == doctest::Approx(-std::log(1 - s)));
}

TEST_CASE("losses made of other ops pass gradcheck") {
  const Tensor y = classes(), w = weights();
  using F::Hinge;
  const auto check_loss = [&](auto loss) { CHECK(autograd::gradcheck(loss, {scores()}).ok()); };
  check_loss([&](const Tensor& s) {
    return F::cross_entropy(s, y, {.weight = w, .label_smoothing = 0.1});
  });
  check_loss([&](const Tensor& s) { return F::nll_loss(s, y, {.ignore_index = 2}); });
  check_loss([&](const Tensor& s) {
    return F::multiclass_hinge_loss(s, y, {.margin = 0.35, .variant = Hinge::crammer_singer});
  });
  check_loss([&](const Tensor& s) {
    return F::multiclass_hinge_loss(s, y, {.margin = 0.35, .variant = Hinge::one_vs_all});
  });
  const Tensor t = rand({4, 3}, kFloat64);
  const auto bce = [&](const Tensor& s) { return F::binary_cross_entropy_with_logits(s, t); };
  check_loss(bce);
  CHECK(autograd::gradgradcheck(bce, {scores()}).ok());
}

// What gradcheck says of functions, right and wrong, easy and hard.
#include <doctest/doctest.h>

#include <downhill/autograd.h>
#include <downhill/tensor.h>
#include <downhill/tensor/check.h>

using namespace downhill;
using autograd::gradcheck;
using autograd::GradcheckError;
using autograd::GradcheckReport;
using autograd::gradgradcheck;
using autograd::Verdict;

namespace {

Tensor leaf(std::initializer_list<TensorData> values, DType type = kFloat64) {
  return tensor(values, dtype(type).requires_grad());
}

template <class F> Verdict verdict(F&& fn, const std::vector<Tensor>& inputs) {
  return gradcheck(fn, inputs, {.raise_exception = false}).verdict();
}

}  // namespace

TEST_CASE("gradcheck passes a right gradient and reports every input") {
  const Tensor x = leaf({{0.1, -0.4}, {0.7, 0.2}}), w = leaf({{1.5}, {-0.3}});
  const auto fn = [](const Tensor& a, const Tensor& b) { return tanh(a.matmul(b)); };
  const GradcheckReport r = gradcheck(fn, {x, w});
  CHECK(r.ok());
  CHECK(bool(r));
  REQUIRE(r.inputs.size() == 2);
  CHECK(r.inputs[1].name == "input 1");
  CHECK(r.inputs[0].checked == 8);
  CHECK(gradgradcheck(fn, {x, w}).ok());
  CHECK(gradcheck(fn, {x, w}, {.order = 3}).ok());
}

TEST_CASE("a wrong gradient throws GradcheckError with the table of the worst elements") {
  const Tensor x = leaf({0.5, 2.0});
  const auto fn = [](const Tensor& a) { return a * a.detach(); };
  try {
    gradcheck(fn, {x});
    FAIL("gradcheck passed a wrong gradient");
  } catch (const GradcheckError& e) {
    const std::string text = e.what();
    CHECK(text == fmt::format("{}", e.report()));
    CHECK(text.find("wrong gradient") != std::string::npos);
    CHECK(text.find("[1] -> 0[1]") != std::string::npos);
    CHECK(e.report().inputs[0].worst[0].analytic == 2.0);
    CHECK(e.report().inputs[0].worst[0].numeric == doctest::Approx(4.0));
  }
}

TEST_CASE("gradcheck takes a vector of tensors and several outputs") {
  const Tensor x = leaf({0.5, 2.0}), y = leaf({1.0, -1.0});
  const auto fn = [](const std::vector<Tensor>& in) {
    return std::vector<Tensor>{in[0] * in[1], exp(in[0]), in[0] > 1};
  };
  CHECK(gradcheck(fn, {x, y}).ok());
  CHECK(gradgradcheck(fn, {x, y}).ok());
}

TEST_CASE("gradcheck reaches parameters that the function holds itself") {
  const Tensor x = tensor({{1.0, 2.0}}, kFloat64), w = leaf({{0.3, -0.2}});
  CHECK(gradcheck([&](const std::vector<Tensor>&) { return linear(x, w).tanh(); }, {w}).ok());
  CHECK(w[0][1].item() == -0.2);
  CHECK(w.version() == 0);
}

TEST_CASE("gradcheck tells kinks from wrong gradients") {
  CHECK(verdict([](const Tensor& x) { return relu(x); }, {leaf({0.0})}) == Verdict::kink);
  CHECK(verdict([](const Tensor& x) { return relu(x); }, {leaf({3e-7})}) == Verdict::kink);
  CHECK(verdict([](const Tensor& x) { return relu(x).exp(); }, {leaf({-4e-7})}) == Verdict::kink);
  CHECK(verdict([](const Tensor& x) { return relu(x); }, {leaf({-0.1, 0.1})}) == Verdict::ok);
  const auto doubled = [](const Tensor& x) { return relu(x) + relu(x).detach(); };
  CHECK(verdict(doubled, {leaf({0.1})}) == Verdict::wrong_gradient);
}

TEST_CASE("a sweep of steps decides where differences at eps are noisy") {
  const auto far = [](const Tensor& x) { return 1e9 + x * x; };
  CHECK(verdict(far, {leaf({0.3, -0.8})}) == Verdict::noise);
  const auto narrow = [](const Tensor& x) { return tanh(1e6 * x); };
  CHECK(verdict(narrow, {leaf({4e-7})}) == Verdict::noise);
  const auto coarse = [](const Tensor& x) { return tanh(x.to(kFloat32)).to(kFloat64); };
  CHECK(verdict(coarse, {leaf({0.3, -0.8})}) == Verdict::noise);
  const auto near_pole = [](const Tensor& x) { return log(x); };
  CHECK(verdict(near_pole, {leaf({1e-5})}) == Verdict::noise);
  const auto wrong = [](const Tensor& x) { return 1e9 + x * x.detach(); };
  CHECK(verdict(wrong, {leaf({0.3, -0.8})}) == Verdict::wrong_gradient);
}

TEST_CASE("badly scaled right gradients pass and small wrong ones fail") {
  for (double scale : {1e-8, 1e-4, 1.0, 1e6, 1e12}) {
    CAPTURE(scale);
    CHECK(gradcheck([&](const Tensor& x) { return scale * tanh(x); }, {leaf({0.2, -1.0})}).ok());
    CHECK(gradcheck([&](const Tensor& x) { return square(x); }, {leaf({scale})}).ok());
    if (scale < 1e-6) continue;
    const auto wrong = [&](const Tensor& x) { return scale * x * x.detach(); };
    CHECK(verdict(wrong, {leaf({0.2, -1.0})}) == Verdict::wrong_gradient);
  }
}

TEST_CASE("gradcheck names a function that is not deterministic") {
  double calls = 0;
  const auto fn = [&](const Tensor& x) { return x * (calls += 1); };
  CHECK(verdict(fn, {leaf({1.0})}) == Verdict::not_deterministic);
  const auto noisy = [&](const Tensor& x) { return x + 1e-12 * (calls += 1); };
  CHECK(gradcheck(noisy, {leaf({1.0})}, {.nondet_tol = 1e-9}).ok());
}

TEST_CASE("gradcheck names a missing graph") {
  const Tensor x = leaf({1.0}), y = leaf({2.0});
  CHECK(verdict([](const Tensor& a) { return a.detach().exp(); }, {x}) == Verdict::no_graph);
  const auto half = [](const Tensor& a, const Tensor& b) { return a * b.detach(); };
  const auto r = gradcheck(half, {x, y}, {.raise_exception = false});
  CHECK(r.inputs[0].verdict == Verdict::ok);
  CHECK(r.inputs[1].verdict == Verdict::no_graph);
  CHECK(gradcheck([](const Tensor& a, const Tensor&) { return a * 2; }, {x, y}).ok());
}

TEST_CASE("gradcheck asks for float64 where a float32 input is too coarse") {
  CHECK(verdict([](const Tensor& x) { return exp(x); }, {leaf({0.3}, kFloat32)}) ==
        Verdict::float32_input);
}

TEST_CASE("gradcheck keeps the strides of its inputs and works on intermediates") {
  Tensor x = rand({4, 6}, kFloat64).slice(1, 0, 6, 2).transpose(0, 1);
  x.requires_grad_();
  CHECK(!x.is_contiguous());
  CHECK(gradcheck([](const Tensor& a) { return a.exp(); }, {x}).ok());
  const Tensor middle = leaf({0.4, 0.9}) * 2;
  CHECK(gradcheck([](const Tensor& a) { return a.tanh(); }, {middle}).ok());
}

TEST_CASE("an empty input and an empty output pass") {
  CHECK(gradcheck([](const Tensor& a) { return a.exp(); },
                  {zeros({0, 3}, dtype(kFloat64).requires_grad())})
            .ok());
}

TEST_CASE("an exception of the function leaves the inputs as they were") {
  const Tensor x = leaf({1.0});
  const auto fn = [](const Tensor& a) {
    check(a.item() == 1.0, "moved to {}", a.item());
    return a * 2;
  };
  CHECK_THROWS_WITH_AS(gradcheck(fn, {x}), doctest::Contains("moved to"), Error);
  CHECK(x.item() == 1.0);
}

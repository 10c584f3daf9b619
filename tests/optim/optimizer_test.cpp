// What all optimizers share.
#include <doctest/doctest.h>
#include <downhill/downhill.h>

#include <cmath>

using namespace downhill;
using optim::Adam;
using optim::AdamW;
using optim::SGD;
using Tensors = std::vector<Tensor>;

namespace {

Tensor parameter(const Shape& size = {3}) { return ones(size, kFloat64).requires_grad_(); }

void give_gradient(const Tensor& p, double value) {
  p.mutable_grad() = full_like(p.detach(), value);
}

std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& e) { return e.what(); }
  return "";
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return (a.detach() == b.detach()).to(kInt64).sum().item() == static_cast<double>(a.numel());
}

}  // namespace

TEST_CASE("parameters without gradient and frozen parameters are left alone") {
  const Tensor a = parameter(), b = parameter();
  Tensor c = parameter();
  Adam adam({a, b, c}, {.lr = 0.5});
  give_gradient(a, 1);
  give_gradient(c, 1);
  c.requires_grad_(false);
  adam.step();
  CHECK(a[0].item() == doctest::Approx(0.5));
  CHECK(b[0].item() == 1);
  CHECK(c[0].item() == 1);
}

TEST_CASE("a step leaves the gradient as it is and zero_grad drops it") {
  const Tensor p = parameter();
  SGD sgd({p}, {.momentum = 0.9, .weight_decay = 1, .maximize = true});
  give_gradient(p, 2);
  sgd.step();
  CHECK(p.grad()[0].item() == 2);
  sgd.zero_grad();
  CHECK(!p.grad().defined());
}

TEST_CASE("a step is seen by backward as a change of the parameter") {
  const Tensor p = parameter();
  SGD sgd({p});
  const Tensor loss = (p * p).sum();
  give_gradient(p, 1);
  sgd.step();
  CHECK_THROWS_AS(loss.backward(), Error);
}

TEST_CASE("groups keep their own options and take the others from the optimizer") {
  const Tensor a = parameter(), b = parameter();
  SGD sgd(std::vector<optim::ParamGroup>{{.params = {a}}, {.params = {b}, .lr = 0.5}},
          {.lr = 0.25});
  CHECK(sgd.param_groups()[0].lr == 0.25);
  CHECK(sgd.param_groups()[1].momentum == 0.0);
  give_gradient(a, 1);
  give_gradient(b, 1);
  sgd.step();
  CHECK(a[0].item() == 0.75);
  CHECK(b[0].item() == 0.5);
  sgd.param_groups()[1].lr = 0.125;
  sgd.step();
  CHECK(b[0].item() == 0.375);
}

TEST_CASE("an option that the optimizer does not have is an error") {
  const Tensor p = parameter();
  CHECK(error_of([&] { Adam(std::vector<optim::ParamGroup>{{.params = {p}, .momentum = 0.9}}); }) ==
        "Adam: has no option momentum");
}

TEST_CASE("step(closure) records, steps, and returns the loss") {
  const Tensor p = parameter();
  SGD sgd({p}, {.lr = 0.5});
  NoGradGuard no_grad;
  const Tensor loss = sgd.step([&] {
    sgd.zero_grad();
    Tensor l = (p * p).sum();
    l.backward();
    return l;
  });
  CHECK(loss.item() == 3);
  CHECK(p[0].item() == 0);
}

TEST_CASE("Adam without bias correction takes sqrt(1 - beta2) / (1 - beta1) larger first steps") {
  const Tensor a = parameter(), b = parameter();
  Adam with({a}, {.lr = 0.01, .eps = 0});
  Adam without({b}, {.lr = 0.01, .eps = 0, .bias_correction = false});
  give_gradient(a, 3);
  give_gradient(b, 3);
  with.step();
  without.step();
  CHECK(1 - a[0].item() == doctest::Approx(0.01));
  CHECK(1 - b[0].item() == doctest::Approx(0.01 * 0.1 / std::sqrt(0.001)));
}

TEST_CASE("gradients and parameters of any layout are stepped alike") {
  const Tensor rows = arange(6).to(kFloat64).reshape({2, 3});
  const Tensor plain = rows.clone().requires_grad_();
  const Tensor turned = rows.t().clone().t().requires_grad_();
  const Tensor strided = cat({rows, rows}, 1).slice(1, 0, 3).requires_grad_();
  const Tensors all = {plain, turned, strided};
  Adam adam(all, {.lr = 0.1});
  for (int step = 0; step < 3; ++step) {
    for (const Tensor& p : all) p.mutable_grad() = (rows + step).t().contiguous().t();
    plain.mutable_grad() = full({1, 1}, 2.0, kFloat64).expand({2, 3}) * (rows + step) / 2;
    adam.step();
  }
  CHECK(same_bits(plain, turned));
  CHECK(same_bits(plain, strided));
}

TEST_CASE("an expanded gradient is read through its strides") {
  const Tensor p = parameter({4});
  SGD sgd({p}, {.lr = 1});
  p.mutable_grad() = full({1}, 0.5, kFloat64).expand({4});
  sgd.step();
  CHECK(p.detach().sum().item() == 2);
}

TEST_CASE("a step is the same on every number of threads") {
  manual_seed(1);
  const Tensor start = randn({300, 1000}), gradient = randn({300, 1000});
  const int before = get_num_threads();
  Tensors results;
  for (int threads : {1, 2, 3}) {
    set_num_threads(threads);
    const Tensor p = start.clone().requires_grad_(), small = ones({3}).requires_grad_();
    AdamW adamw({small, p});
    p.mutable_grad() = gradient;
    small.mutable_grad() = ones({3});
    for (int i = 0; i < 3; ++i) adamw.step();
    results.push_back(p);
  }
  set_num_threads(before);
  CHECK(same_bits(results[0], results[1]));
  CHECK(same_bits(results[0], results[2]));
}

TEST_CASE("denormal state is flushed and the thread's own arithmetic is not") {
  const Tensor p = parameter({64});
  SGD sgd({p}, {.lr = 0, .momentum = 0.5});
  give_gradient(p, 1e-310);
  sgd.step();
#ifdef __x86_64__
  CHECK(sgd.state_dict().at("state.0.momentum_buffer").sum().item() == 0);
#endif
  volatile double tiny = 1e-310;
  CHECK(tiny * 0.5 > 0);
}

TEST_CASE("steps in the steady state ask for no memory") {
  const Tensor a = parameter({100}), b = parameter({3, 3});
  AdamW adamw({a, b});
  give_gradient(a, 1);
  give_gradient(b, 1);
  adamw.step();
  const auto before = memory_stats();
  for (int i = 0; i < 10; ++i) adamw.step();
  CHECK(memory_stats().mallocs == before.mallocs);
  CHECK(memory_stats().live_tensors == before.live_tensors);
}

// ---------------------------------------------------------------- checkpoints

namespace {

/// Some steps on a small problem, with skipped gradients.
template <class O> void train(O& optimizer, const Tensors& params, int from, int to) {
  for (int t = from; t < to; ++t) {
    optimizer.zero_grad();
    for (std::size_t i = 0; i < params.size(); ++i)
      if (t % 3 != 1 || i == 0) params[i].mutable_grad() = params[i].detach() * 2 + 0.1 * t;
    optimizer.step();
  }
}

/// Trains 10 steps; and 5, saves, loads into a new optimizer, 5 more: must be the same bits.
template <class O, class Options> void check_resume(const Options& options) {
  const auto fresh = [] {
    manual_seed(3);
    return Tensors{randn({5}).requires_grad_(), randn({2, 2}, kFloat64).requires_grad_()};
  };
  const Tensors straight = fresh(), first = fresh();
  O whole(straight, options), half(first, options);
  train(whole, straight, 0, 10);
  train(half, first, 0, 5);
  const std::string file = "resume_test.safetensors";
  save(half.state_dict(), file);
  Tensors second;
  for (const Tensor& p : first) second.push_back(p.detach().clone().requires_grad_());
  O resumed(second, Options{.lr = 77});
  resumed.load_state_dict(load(file));
  std::remove(file.c_str());
  train(resumed, second, 5, 10);
  for (std::size_t i = 0; i < 2; ++i) CHECK(same_bits(straight[i], second[i]));
}

}  // namespace

TEST_CASE("training goes on to the same bits from a checkpoint") {
  SUBCASE("SGD") { check_resume<SGD>(optim::SGDOptions{.lr = 0.1}); }
  SUBCASE("momentum") {
    check_resume<SGD>(optim::SGDOptions{.lr = 0.1, .momentum = 0.9, .dampening = 0.5});
  }
  SUBCASE("Adam") { check_resume<Adam>(optim::AdamOptions{.lr = 0.1, .amsgrad = true}); }
  SUBCASE("AdamW") { check_resume<AdamW>(optim::AdamWOptions{.lr = 0.1, .betas = {0.5, 0.9}}); }
}

TEST_CASE("a state dict has PyTorch's names") {
  const Tensor p = parameter();
  AdamW adamw({p}, {.lr = 0.5});
  give_gradient(p, 1);
  adamw.step();
  const StateDict state = adamw.state_dict();
  CHECK(state.at("param_groups.0.lr").item() == 0.5);
  CHECK(state.at("param_groups.0.betas").sizes() == Shape{2});
  CHECK(state.at("param_groups.0.params").item<std::int64_t>() == 0);
  CHECK(state.at("state.0.step").dtype() == kInt64);
  CHECK(state.at("state.0.step").dim() == 0);
  CHECK(state.at("state.0.exp_avg").sizes() == p.sizes());
  CHECK(!state.contains("state.0.max_exp_avg_sq"));
}

TEST_CASE("an optimizer prints its groups") {
  SGD sgd({parameter()}, {.lr = 0.5});
  const std::string text = to_string(sgd);
  CHECK(text.starts_with("SGD (\nParameter Group 0\n    dampening: 0\n    lr: 0.5\n"));
  CHECK(text.find("    nesterov: False\n") != std::string::npos);
}

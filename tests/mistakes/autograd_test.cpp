// Mistakes with gradients, and exceptions from hooks, checked functions and other threads.
#include <downhill/autograd.h>
#include <downhill/tensor/parallel.h>

#include <atomic>
#include <stdexcept>

#include "mistakes/mistakes.h"

using namespace downhill;
using namespace mistakes;

namespace {

Tensor parameter(std::initializer_list<TensorData> values) {
  return tensor(values, TensorOptions(kFloat64).requires_grad());
}

/// A parameter that holds a gradient, to see that errors leave it alone.
Tensor collecting() {
  const Tensor w = parameter({1.0, 2.0});
  w.square().sum().backward();
  return w;
}

}  // namespace

TEST_CASE("backward that cannot be") {
  const Tensor w = collecting(), once = (w * w).sum(), changed = w * 1, kept = changed.square();
  once.backward();
  changed.mul_(2);
  const Tensor misfit = collecting(), wide = collecting(), single = parameter({1.0});
  misfit.mutable_grad() = ones({3}, kFloat64);
  wide.mutable_grad() = ones({2, 2}, kFloat64);
  single.mutable_grad() = ones({2}, kFloat64);
  const Tensor other_dtype = collecting();
  other_dtype.mutable_grad() = ones({2}, kFloat32);
  check_rows({
      {"a loss for each example",
       {w},
       [](In x) { (x[0] * 2).backward(); },
       "backward: only a tensor of one element can leave its gradient out, got shape [2]; reduce "
       "it with sum() or mean(), or give its gradient"},
      {"backward twice",
       {w, once},
       [](In x) { x[1].backward(); },
       "backward: the values saved by mul were freed by an earlier backward; pass retain_graph = "
       "true to the first one"},
      {"a loss without parameters",
       {tensor({1.0, 2.0})},
       [](In x) { x[0].sum().backward(); },
       "backward: a tensor of shape [] does not require a gradient: nothing that made it does, or "
       "it was made under a NoGradGuard"},
      {"a loss made under a NoGradGuard",
       {w},
       [](In x) {
         Tensor loss;
         {
           const NoGradGuard guard;
           loss = x[0].sum();
         }
         loss.backward();
       },
       "backward: a tensor of shape [] does not require a gradient: nothing that made it does, or "
       "it was made under a NoGradGuard"},
      {"a loss that was never computed",
       {},
       [](In) { Tensor().backward(); },
       "backward: tensor 0 is undefined"},
      {"a gradient of another shape",
       {w, ones({3}, kFloat64)},
       [](In x) { (x[0] * 2).backward(x[1]); },
       "backward: a gradient of shape [3] for a tensor of shape [2]"},
      {"fewer gradients than tensors",
       {w},
       [](In x) {
         autograd::backward({x[0].sum(), x[0].sum()}, {ones({}, kFloat64)});
       },
       "backward: 2 tensors but 1 gradients"},
      {"a value that was changed after it was saved",
       {w, changed, kept},
       [](In x) { x[2].sum().backward(); },
       "backward: a tensor of shape [2] that square needs was changed in place after it was saved "
       "(version 1, saved at 0); clone() it before changing it"},
      {"a gradient of another shape assigned by hand",
       {misfit},
       [](In x) { x[0].sum().backward(); },
       "backward: a parameter float64 [2] holds a gradient float64 [3] already; assign one that "
       "fits, or {}"},
      {"a gradient of another dtype assigned by hand",
       {other_dtype},
       [](In x) { x[0].sum().backward(); },
       "backward: a parameter float64 [2] holds a gradient float32 [2] already; assign one that "
       "fits, or {}"},
      {"a gradient that broadcasts, assigned by hand to one of the inputs",
       {wide},
       [](In x) { autograd::backward({x[0].sum()}, {}, {}, false, x); },
       "backward: a parameter float64 [2] holds a gradient float64 [2, 2] already; assign one that "
       "fits, or {}"},
      {"a gradient that the input's broadcasts to, assigned by hand",
       {single},
       [](In x) { autograd::backward({x[0].sum()}, {}, {}, true, x); },
       "backward: a parameter float64 [1] holds a gradient float64 [2] already; assign one that "
       "fits, or {}"},
      {"inputs that require no gradient",
       {w, ones({2})},
       [](In x) { autograd::backward({x[0].sum()}, {}, {}, false, {x[1]}); },
       "backward: input 0 does not require a gradient"},
  });
}

TEST_CASE("gradients of what has none") {
  const Tensor w = collecting(), other = collecting(), constant = ones({2}, kFloat64);
  check_rows({
      {"an input that the output does not depend on",
       {w, other},
       [](In x) { autograd::grad({x[0].sum()}, {x[1]}); },
       "grad: the outputs do not depend on input 0 (shape [2]); pass allow_unused = true to get "
       "an undefined gradient"},
      {"an input that is a constant",
       {w, constant},
       [](In x) { autograd::grad({x[0].sum()}, {x[1]}); },
       "grad: input 0 does not require a gradient"},
      {"an input that was never given a value",
       {w},
       [](In x) { autograd::grad({x[0].sum()}, {Tensor()}); },
       "grad: input 0 is undefined"},
      {"no inputs",
       {w},
       [](In x) { autograd::grad({x[0].sum()}, {}); },
       "grad: no inputs to differentiate with respect to"},
      {"writing the gradient of a constant",
       {constant},
       [](In x) { x[0].mutable_grad() = Tensor(); },
       "mutable_grad: this tensor collects no gradient; call requires_grad_() or, on an "
       "intermediate, retain_grad()"},
      {"keeping the gradient of a constant",
       {constant},
       [](In x) { x[0].retain_grad(); },
       "retain_grad: this tensor does not require a gradient"},
      {"a hook on a constant",
       {constant},
       [](In x) { x[0].register_hook([](const Tensor& g) { return g; }); },
       "register_hook: this tensor does not require a gradient"},
      {"a hook that is no function",
       {w},
       [](In x) { x[0].register_hook(nullptr); },
       "register_hook: got no function"},
      {"a hook that returns another shape",
       {w},
       [](In x) {
         const Tensor y = x[0] * 2;
         y.register_hook([](const Tensor& g) { return g.sum(); });
         y.sum().backward();
       },
       "hook: returned a gradient of shape [] for one of shape [2]"},
      {"freezing an intermediate",
       {w},
       [](In x) { (x[0] * 2).requires_grad_(false); },
       "requires_grad_: this tensor is an intermediate result (made by mul); detach() it first"},
      {"other data for an intermediate",
       {w, constant},
       [](In x) { (x[0] * 2).set_data(x[1]); },
       "set_data: an intermediate result (made by mul) cannot be given other data"},
      {"integer data for a parameter",
       {w, tensor({1, 2})},
       [](In x) { Tensor(x[0]).set_data(x[1]); },
       "set_data: a tensor that requires a gradient needs a floating-point dtype, got int64"},
      {"a view from before its base was changed",
       {w},
       [](In x) {
         const Tensor y = x[0] * 1, v = y.view({2, 1});
         y.mul_(3);
         v.sum();
       },
       "sum: an input of shape [2, 1] is a view of a tensor that was changed in place after the "
       "view was made; make the view again"},
  });
}

TEST_CASE("gradient checks that cannot be made") {
  const auto square = [](const Tensor& x) { return x.square(); };
  const Tensor w = parameter({1.0, 2.0}), single = tensor({1000.0, 2.0}, requires_grad());
  check_rows({
      {"inputs that require no gradient",
       {ones({2}, kFloat64)},
       [&](In x) { autograd::gradcheck(square, x); },
       "gradcheck: none of the 1 inputs requires a gradient; call requires_grad_() on those whose "
       "gradients are to be checked"},
      {"integer inputs",
       {tensor({1, 2})},
       [&](In x) { autograd::gradcheck(square, x); },
       "gradcheck: none of the 1 inputs requires a gradient; call requires_grad_() on those whose "
       "gradients are to be checked"},
      {"no inputs",
       {},
       [&](In x) { autograd::gradcheck(square, x); },
       "gradcheck: none of the 0 inputs requires a gradient; call requires_grad_() on those whose "
       "gradients are to be checked"},
      {"an input that was never given a value",
       {w},
       [&](In) { autograd::gradcheck(square, {Tensor()}); },
       "gradcheck: input 0 is undefined"},
      {"an expanded input",
       {w},
       [&](In x) {
         autograd::gradcheck(square, {x[0].expand({3, 2})});
       },
       "gradcheck: several elements of input 0 (shape [3, 2], expanded) are one place in memory; "
       "pass a clone()"},
      {"inputs that overlap",
       {w},
       [&](In x) {
         autograd::gradcheck([](const Tensor& a, const Tensor& b) { return a + b; },
                             {x[0], x[0].slice(0, 1)});
       },
       "gradcheck: inputs 0 and 1 overlap in memory; pass a clone() of one"},
      {"a function of another number of inputs",
       {w, w},
       [&](In x) { autograd::gradcheck(square, x); },
       "gradcheck: the function takes neither 2 tensors, one an argument, nor a vector of "
       "tensors"},
      {"a function that records nothing",
       {w},
       [](In x) { autograd::gradcheck([](const Tensor& t) { return t.detach(); }, x); },
       "gradcheck: FAILED (order 1, eps 1e-06, atol 1e-05, rtol 0.001)\n"
       "input          shape        dtype    element -> output           analytic       numeric  "
       "relative  verdict\n"
       "input 0        [2]          float64                                                        "
       "        no graph\n"
       "input 0: 0 of 0 derivatives disagree at eps; what was recorded does not lead from the "
       "output to this input\n"},
      {"a function that returns nothing",
       {w},
       [](In x) { autograd::gradcheck([](const Tensor&) { return Tensor(); }, x); },
       "gradcheck: the function returned an undefined tensor"},
      {"a step of zero",
       {w},
       [&](In x) { autograd::gradcheck(square, x, {.eps = 0}); },
       "gradcheck: needs eps > 0, atol >= 0, rtol >= 0 and order >= 1, got 0, 1e-05, 0.001 and 1"},
  });
  const auto report = autograd::gradcheck(square, {single}, {.raise_exception = false});
  CHECK(report.verdict() == autograd::Verdict::float32_input);
}

// ---------------------------------------------------------------- where exceptions go

namespace {

struct OwnError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The number of threads, put back at the end.
struct Threads {
  explicit Threads(int n) : before(get_num_threads()) { set_num_threads(n); }
  ~Threads() { set_num_threads(before); }
  int before;
};

double sum_in_parts(std::int64_t n) {
  std::atomic<std::int64_t> sum{0};
  detail::parallel_for(n, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) sum += i;
  });
  return static_cast<double>(sum);
}

}  // namespace

TEST_CASE("an exception on a worker thread reaches the caller, the earliest part's first") {
  for (const int count : {1, 2, 4, 7}) {
    const Threads threads(count);
    for (const std::int64_t bad : {0, 63, 99}) {
      auto part = [bad](std::int64_t begin, std::int64_t end) {
        if (end > bad) throw OwnError(begin <= bad ? "the earliest" : "a later one");
      };
      CHECK_THROWS_WITH_AS(detail::parallel_for(100, 1, part), "the earliest", OwnError);
      CHECK(sum_in_parts(100) == 4950);
    }
  }
  CHECK_THROWS_WITH_AS(set_num_threads(0), "set_num_threads: needs at least 1 thread, got 0",
                       Error);
}

TEST_CASE("an exception within a nested loop reaches the outermost caller") {
  const Threads threads(3);
  auto inner = [](std::int64_t begin, std::int64_t) {
    if (begin == 0) throw OwnError("from within");
  };
  auto outer = [&](std::int64_t, std::int64_t) { detail::parallel_for(50, 1, inner); };
  CHECK_THROWS_WITH_AS(detail::parallel_for(50, 1, outer), "from within", OwnError);
  CHECK(sum_in_parts(100) == 4950);
}

TEST_CASE("an exception of a hook leaves gradients alone and the next backward works") {
  const Threads threads(2);
  const Tensor w = collecting(), y = w * 3;
  const auto hook = y.register_hook([](const Tensor&) -> Tensor { throw OwnError("hook"); });
  const std::string before = look(w);
  CHECK_THROWS_WITH_AS(y.sum().backward(), "hook", OwnError);
  CHECK(look(w) == before);
  y.remove_hook(hook);
  (w * 3).sum().backward();
  CHECK(w.grad()[0].item() == 2 + 3);
}

TEST_CASE("an exception of a checked function reaches the caller and the input is put back") {
  const Threads threads(2);
  const Tensor w = collecting();
  const std::string before = look(w);
  int calls = 0;
  const auto f = [&](const Tensor& x) {
    if (++calls == 4) throw OwnError("fourth call");
    return x.square();
  };
  CHECK_THROWS_WITH_AS(autograd::gradcheck(f, {w}), "fourth call", OwnError);
  CHECK(look(w) == before);
  CHECK(autograd::gradcheck(f, {w}).ok());
}

TEST_CASE("an error under a guard leaves the recording mode as it was") {
  const Tensor w = collecting();
  CHECK_THROWS_AS(
      {
        const NoGradGuard guard;
        w.view({3});
      },
      Error);
  CHECK((w * 2).requires_grad());
}

// The checks that every op has to pass; sweep_test.cpp calls them.
#include "checks.h"

#include <doctest/doctest.h>

#include <downhill/autograd.h>
#include <downhill/tensor.h>

#include "new_counter.h"

namespace downhill::sweep {
namespace {

constexpr double kSame = 1e-12, kSingle = 2e-4;

std::string thrown_by(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& e) { return e.what(); }
  return "nothing was thrown";
}

// Changes the elements in place; false where that is not possible (integers, expanded tensors).
bool change(const Tensor& x) {
  NoGradGuard guard;
  Tensor t = x.detach();
  return x.is_floating_point() && thrown_by([&] { t += 0.5; }) == "nothing was thrown";
}

}  // namespace

void check_recording(const OpEntry& op, const Sample& s) {
  const Tensors with = s.fn(fresh(s.inputs, true));
  CHECK(is_recorded(op.name, with));
  for (const Tensor& y : s.fn(fresh(s.inputs, false))) CHECK(!y.requires_grad());
  NoGradGuard guard;
  for (const Tensor& y : s.fn(fresh(s.inputs, true))) CHECK(!y.requires_grad());
}

void check_cuts_graph(const Sample& s) {
  for (const Tensor& y : s.fn(fresh(s.inputs, true))) CHECK(!y.requires_grad());
}

void check_gradients(const Sample& s) {
  const auto first = autograd::gradcheck(s.fn, fresh(s.inputs, true), {.raise_exception = false});
  CHECK_MESSAGE(first.ok(), fmt::format("{}", first));
  if (!s.twice) return;
  const auto second =
      autograd::gradgradcheck(s.fn, fresh(s.inputs, true), {.raise_exception = false});
  CHECK_MESSAGE(second.ok(), fmt::format("{}", second));
}

void check_float32(const Sample& s) {
  const Tensors wide = fresh(s.inputs, true), narrow = narrowed(s.inputs);
  CHECK(distance(s.fn(narrow), s.fn(wide)) < kSingle);
  if (differentiable(s.fn(wide)).empty()) return;
  CHECK(distance(gradients(s, narrow), gradients(s, wide)) < kSingle);
  CHECK(distance(gradients(s, narrow, true), gradients(s, wide, true)) < kSingle);
}

void check_strides(const Sample& s) {
  const Tensors plain = fresh(s.inputs, true), gaps = strided(s.inputs, true);
  CHECK(distance(s.fn(gaps), s.fn(plain)) < kSame);
  if (differentiable(s.fn(plain)).empty()) return;
  CHECK(distance(gradients(s, gaps), gradients(s, plain)) < kSame);
  CHECK(distance(gradients(s, gaps, true), gradients(s, plain, true)) < kSame);
}

void check_readings(const Sample& s) {
  const Tensors inputs = fresh(s.inputs, true);
  CHECK(distance(gradients(s, inputs), gradients(s, inputs, true)) < kSame);
}

// With all gradients wanted, and with each alone: what only other inputs' rules need is not kept,
// and what is kept suffices. Afterwards nothing is left.
void check_saved_memory(const Sample& s) {
  const MemoryStats before = memory_stats();
  {
    const Tensors all = fresh(s.inputs, true);
    const Tensors expected = gradients(s, all);
    for (std::size_t i = 0, k = 0; i < all.size(); ++i) {
      if (!all[i].defined() || !all[i].is_floating_point()) continue;
      Tensors one = fresh(s.inputs, false);
      one[i].requires_grad_();
      if (!differentiable(s.fn(one)).empty())
        CHECK(distance(gradients(s, one), {expected[k]}) < kSame);
      ++k;
    }
    const Tensors again = gradients(s, all, true);
  }
  CHECK(memory_stats().live_nodes == before.live_nodes);
  CHECK(memory_stats().live_tensors == before.live_tensors);
  CHECK(memory_stats().live_bytes == before.live_bytes);
}

// An input or output that is changed after recording: an error that says so, or the same gradients.
void check_saved_versions(const Sample& s) {
  const Tensors expected = gradients(s, fresh(s.inputs, true));
  const Tensors clean = s.fn(fresh(s.inputs, true));
  for (std::size_t i = 0; i < s.inputs.size() + clean.size(); ++i) {
    const Tensors in = fresh(s.inputs, true), out = s.fn(in), xs = differentiable(in);
    const Tensors ys = differentiable(out), v = incoming(ys);
    const bool is_input = i < s.inputs.size();
    const Tensor& target = is_input ? in[i] : out[i - s.inputs.size()];
    if (!target.defined() || !change(target)) continue;
    try {
      Tensors got = autograd::grad(ys, xs, v, {}, false, true);
      for (std::size_t k = 0; k < got.size(); ++k)
        if (!got[k].defined()) got[k] = zeros(xs[k].sizes(), xs[k].dtype());
      CHECK(distance(got, expected) < kSame);
    } catch (const Error& e) {
      CHECK(std::string(e.what()).find("changed in place") != std::string::npos);
    }
  }
}

void check_steady_state(const Sample& s) {
  const Tensors inputs = fresh(s.inputs, true);
  for (int i = 0; i < 3; ++i) gradients(s, inputs);
  const auto before = memory_stats().mallocs;
  gradients(s, inputs);
#ifndef DOWNHILL_PLAIN  // sanitizer builds have no pools
  CHECK(memory_stats().mallocs == before);
#else
  CHECK(memory_stats().mallocs > before);
#endif
}

// ---------------------------------------------------------------- pointwise ops only
namespace {

struct Call {
  const Tensor* in[detail::max_inputs];
  std::size_t n;
  explicit Call(const Tensors& t) : n(t.size()) {
    for (std::size_t i = 0; i < n; ++i) in[i] = &t[i];
  }
  std::span<const Tensor* const> inputs() const { return {in, n}; }
};

bool fits_in_place(const OpEntry& op, const Sample& s, const Tensor& out) {
  return s.inputs[0].sizes() == out.sizes() && op.pointwise().types != Types::predicate &&
         !(op.pointwise().masks & 1);
}

}  // namespace

void check_inference(const OpEntry& op, const Sample& s) {
  for (const Tensors& in : {fresh(s.inputs, false), narrowed(s.inputs)}) {
    const auto r = detail::infer_pointwise(op.pointwise(), op.state, Call(in).inputs());
    const Tensor y = s.fn(in)[0];
    CHECK(r.size == y.sizes());
    CHECK(r.dtype == y.dtype());
  }
}

void check_in_place(const OpEntry& op, const Sample& s) {
  const Tensors inputs = fresh(s.inputs, true);
  const Tensor out = s.fn(inputs)[0];
  if (!fits_in_place(op, s, out)) return;
  const Sample written{"in place", s.inputs, [&](const Tensors& in) {
                         Tensors args = in;
                         args[0] = in[0] * 1;
                         Tensor self = args[0];
                         return Tensors{detail::call_pointwise_(op.pointwise(), op.state, self,
                                                                Call(args).inputs())};
                       }};
  CHECK(distance(written.fn(inputs), {out}) == 0);
  if (!op.differentiable) return;
  const std::string message =
      thrown_by([&] { CHECK(distance(gradients(written, inputs), gradients(s, inputs)) < kSame); });
  CHECK_MESSAGE(
      (message == "nothing was thrown" || message.find("changed in place") != std::string::npos),
      message);
}

// With one input to differentiate, the node keeps what that input's rule uses and nothing else.
void check_saved_values(const OpEntry& op, const Sample& s) {
  for (std::size_t i = 0; i < s.inputs.size(); ++i) {
    const auto& rule = op.pointwise().rules[i];
    if (!rule.exists || !s.inputs[i].is_floating_point()) continue;
    Tensors in = fresh(s.inputs, false);
    in[i].requires_grad_();
    Tensors out = s.fn(in);
    const auto node = out[0].impl().history;
    for (std::size_t j = 0; j <= in.size(); ++j) {
      const auto before = memory_stats().live_tensors;
      (j < in.size() ? in[j] : out[0]) = Tensor();
      CHECK(before - memory_stats().live_tensors == (rule.uses >> j & 1 ? 0 : 1));
    }
  }
}

void check_special_values(const OpEntry& op, const Sample& s) {
  for (double value : {0.0, -0.0, 1.0, -1.0, 1e30, -1e30, 1e-30, 700.0, -700.0}) {
    Tensors in = fresh(s.inputs, false);
    for (Tensor& x : in)
      if (x.is_floating_point()) x.fill_(value).requires_grad_();
    const Tensors y = s.fn(in);
    if (!op.differentiable || !all_finite(y[0])) continue;
    CAPTURE(value);
    for (const Tensor& g : gradients(s, in)) {
      const bool pole = op.name == "sqrt" || (op.name == "pow" && in.size() == 2);
      CHECK((all_finite(g) || pole));
    }
  }
}

void check_errors(const OpEntry& op) {
  if (!op.bad_samples) return;
  for (const BadSample& bad : op.bad_samples()) {
    const std::string text = thrown_by(bad.call);
    CHECK_MESSAGE(text.find(bad.message) != std::string::npos, text, " lacks: ", bad.message);
  }
}

TEST_CASE("the sweep notices an op that throws nothing") {
  CHECK(thrown_by([] {}) == "nothing was thrown");
  CHECK(thrown_by([] { throw Error("add: no"); }) == "add: no");
}

}  // namespace downhill::sweep

// Losses of class scores, fused in both directions.
#include <downhill/tensor/factory.h>
#include <downhill/tensor/format.h>
#include <downhill/tensor/ops.h>
#include <downhill/tensor/parallel.h>

#include "families.h"
#include "ops/sample.h"
#include "softmax_loops.h"

namespace downhill {
namespace detail {

struct CrossEntropy {
  static constexpr std::string_view name = "cross_entropy";
  using Family = LossOps;
  static constexpr int inputs = 1;
  struct Values {
    Saved x, softmax, target;
    Reduction reduction;
    std::int64_t ignore, count;
  };
  static void vjp(Backward& b, const Values& v);
  static std::vector<Sample> samples();
  static std::vector<BadSample> bad_samples();
};
struct MulticlassHinge {
  static constexpr std::string_view name = "multiclass_hinge";
  using Family = LossOps;
  static constexpr int inputs = 1;
  struct Values {
    Saved x, target;
    double margin;
    Reduction reduction;
  };
  static void vjp(Backward& b, const Values& v);
  static std::vector<Sample> samples();
  static std::vector<BadSample> bad_samples();
};

namespace {

// ---------------------------------------------------------------- kernels

template <class T> struct CrossEntropyForward {  // softmax may be null
  DOWNHILL_STEP static void run(const T* x, const std::int64_t* target, std::int64_t ignore,
                                T* softmax, T* loss, std::int64_t rows, std::int64_t n) {
    constexpr std::int64_t tile = SoftmaxRows<T>::tile;
    const SoftmaxRows<T> some_rows{
        softmax ? SoftmaxResult::softmax : SoftmaxResult::largest_and_log_sum, n};
    T largest[tile], log_sum[tile];
    for (std::int64_t r = 0; r < rows; r += tile) {
      const std::int64_t some = rows - r < tile ? rows - r : tile;
      some_rows.run(x + r * n, softmax ? softmax + r * n : softmax, some, largest, log_sum);
      for (std::int64_t i = 0; i < some; ++i) {
        const std::int64_t t = target[r + i];
        loss[r + i] = t == ignore ? 0 : log_sum[i] - (x[(r + i) * n + t] - largest[i]);
      }
    }
  }
};

// (softmax - onehot) * weight, with one weight for all rows (step 0) or one a row (step 1).
template <class T> struct CrossEntropyBackward {
  using R = Real<T>;
  DOWNHILL_STEP static void scaled(const T* x, R by, T* out, std::int64_t n) {
    DOWNHILL_VECTORIZE
    for (std::int64_t i = 0; i < n; ++i) out[i] = (R(x[i]) * by).v;
  }
  DOWNHILL_STEP static void run(const T* softmax, const std::int64_t* target, std::int64_t ignore,
                                const T* g, std::int64_t step, T count, T* gx, std::int64_t rows,
                                std::int64_t n) {
    if (step == 0) scaled(softmax, g[0] / count, gx, rows * n);
    for (std::int64_t r = 0; r < rows; ++r, softmax += n, gx += n) {
      const std::int64_t t = target[r];
      const T weight = g[r * step] / count;
      if (step != 0) scaled(softmax, weight, gx, n);
      if (t != ignore) gx[t] -= weight;
      else
        for (std::int64_t i = 0; i < n; ++i) gx[i] = 0;
    }
  }
};

template <class T> struct HingeForward {
  using R = Real<T>;
  DOWNHILL_STEP static void run(const T* x, const std::int64_t* target, T margin, T* loss,
                                std::int64_t rows, std::int64_t n) {
    for (std::int64_t r = 0; r < rows; ++r, x += n) {
      const R base = R(x[target[r]]) - margin;
      auto excess = [x, base](std::int64_t i) DOWNHILL_INLINE_LAMBDA {
        const R d = R(x[i]) - base;
        return where(d <= 0, 0, d);
      };
      loss[r] = (fold<SumFold, T>(n, excess) - excess(target[r])).v;
    }
  }
};
// The weight where a term counts, minus their sum at the target.
template <class T> struct HingeBackward {
  using R = Real<T>;
  DOWNHILL_STEP static void run(const T* x, const std::int64_t* target, T margin, const T* g,
                                std::int64_t step, T count, T* gx, std::int64_t rows,
                                std::int64_t n) {
    for (std::int64_t r = 0; r < rows; ++r, x += n, gx += n) {
      const std::int64_t t = target[r];
      const R base = R(x[t]) - margin, weight = R(g[r * step]) / count;
      auto counts = [x, base](std::int64_t i)
                        DOWNHILL_INLINE_LAMBDA { return where(R(x[i]) - base <= 0, 0, R(1)); };
      const R all = fold<SumFold, T>(n, counts) - counts(t);
      DOWNHILL_VECTORIZE
      for (std::int64_t i = 0; i < n; ++i) gx[i] = where(R(x[i]) - base <= 0, 0, weight).v;
      gx[t] = (-all * weight).v;
    }
  }
};

// ---------------------------------------------------------------- what both share

constexpr std::int64_t no_ignore = INT64_MIN;

// The scores as rows, the target side by side.
struct Examples {
  Tensor x, target;
  std::int64_t rows, n, count;  // count: the rows that are not ignored

  Examples(const char* op, const Tensor& scores, const Tensor& classes, std::int64_t ignore);
  void check_inputs(const char* op) const;
  void check_targets(const char* op, std::int64_t ignore);
};

Tensor plain(const Tensor& x) {
  return x.is_contiguous() ? x : contiguous(new_alias(thread_state(), x.impl()));
}

Examples::Examples(const char* op, const Tensor& scores, const Tensor& classes, std::int64_t ignore)
    : x(scores), target(classes) {
  check_inputs(op);
  n = x.sizes().back();
  rows = x.dim() == 1 ? 1 : x.sizes()[0];
  x = plain(x);
  target = plain(target);
  check_targets(op, ignore);
}

void Examples::check_inputs(const char* op) const {
  check_defined(op, x);
  check_defined(op, target);
  check(x.is_floating_point(), "{}: x must be floating-point, got {}", op, name_of(x.dtype()));
  check(target.dtype() == kInt64, "{}: target must be int64 (class numbers), got {}", op,
        name_of(target.dtype()));
  check(x.dim() == 1 || x.dim() == 2, "{}: x must have shape [N, C] or [C], got {}", op, x.sizes());
  check(target.dim() == x.dim() - 1 && (x.dim() == 1 || target.sizes()[0] == x.sizes()[0]),
        "{}: x of shape {} needs one target a row, got a target of shape {}", op, x.sizes(),
        target.sizes());
}

void Examples::check_targets(const char* op, std::int64_t ignore) {
  const std::int64_t* t = target.data_ptr<std::int64_t>();
  std::int64_t wrong = -1;
  count = rows;
  for (std::int64_t r = rows - 1; r >= 0; --r) {
    const bool skipped = t[r] == ignore;
    count -= skipped;
    if (!skipped && static_cast<std::uint64_t>(t[r]) >= static_cast<std::uint64_t>(n)) wrong = r;
  }
  check_index(wrong < 0, "{}: target {} at position {} is out of range for {} classes", op,
              wrong < 0 ? 0 : t[wrong], wrong, n);
}

// One loss an example to what was asked for.
Tensor reduced(const Tensor& losses, Reduction reduction, std::int64_t count) {
  if (reduction == Reduction::none) return losses;
  Tensor out = reduce(Fold::sum, losses, (1u << losses.dim()) - 1, false);
  if (reduction == Reduction::sum) return out;
  if (out.dtype() == kFloat32) *out.data_ptr<float>() /= static_cast<float>(count);
  else *out.data_ptr<double>() /= static_cast<double>(count);
  return out;
}

// f(like, first row, rows) for the rows of x, like being a float or a double.
template <class F> void for_rows(const char* op, const Tensor& x, std::int64_t rows, F f) {
  const std::int64_t n = x.sizes().back();
  dispatch_floating(op, x.dtype(), [&](auto like) {
    parallel_for(rows, softmax_grain(n),
                 [&](std::int64_t begin, std::int64_t end) { f(like, begin, end - begin); });
  });
}

// A loss's gradient as kernels take it: one for all rows, or one a row.
struct RowGradient {
  Tensor g;
  std::int64_t step;

  RowGradient(const Tensor& grad, Reduction r)
      : g(plain(grad)), step(r == Reduction::none && grad.dim() == 1) {}
  template <class T> const T* at(std::int64_t row) const { return g.data_ptr<T>() + row * step; }
};

Tensor one_a_row(const Tensor& g, Reduction reduction) {
  return reduction == Reduction::none ? unsqueeze(g, -1) : g;
}

Tensor cross_entropy_gradient(const Tensor& softmax, const Tensor& target, const Tensor& grad,
                              Reduction reduction, std::int64_t ignore, std::int64_t count) {
  Tensor out = new_tensor(thread_state(), softmax.sizes(), softmax.dtype());
  const RowGradient g(grad, reduction);
  const std::int64_t n = softmax.sizes().back();
  for_rows(
      "cross_entropy", softmax, target.numel(), [&](auto like, std::int64_t r, std::int64_t rows) {
        using T = decltype(like);
        kernel<CrossEntropyBackward<T>>(softmax.data_ptr<T>() + r * n,
                                        target.data_ptr<std::int64_t>() + r, ignore, g.at<T>(r),
                                        g.step, reduction == Reduction::mean ? T(count) : T(1),
                                        out.data_ptr<T>() + r * n, rows, n);
      });
  return out;
}

Tensor hinge_gradient(const Tensor& x, const Tensor& target, double margin, const Tensor& grad,
                      Reduction reduction) {
  Tensor out = new_tensor(thread_state(), x.sizes(), x.dtype());
  const RowGradient g(grad, reduction);
  const std::int64_t n = x.sizes().back(), count = target.numel();
  for_rows("multiclass_hinge", x, count, [&](auto like, std::int64_t r, std::int64_t rows) {
    using T = decltype(like);
    kernel<HingeBackward<T>>(
        x.data_ptr<T>() + r * n, target.data_ptr<std::int64_t>() + r, T(margin), g.at<T>(r), g.step,
        reduction == Reduction::mean ? T(count) : T(1), out.data_ptr<T>() + r * n, rows, n);
  });
  return out;
}

Tensor constant(const Saved& s, const Backward& b) {
  return new_alias(thread_state(), s.value(b.node()));
}

}  // namespace

void CrossEntropy::vjp(Backward& b, const Values& v) {
  const Tensor target = constant(v.target, b), p = constant(v.softmax, b);
  if (!b.create_graph())
    return b.set(0, cross_entropy_gradient(p, target, b.grad(), v.reduction, v.ignore, v.count));
  const Tensor classes = arange(p.sizes().back()), t = unsqueeze(target, -1);
  const Tensor minus_onehot = softmax(v.x.input(b, 0), -1) - to(t == classes, p.dtype());
  const double count = v.reduction == Reduction::mean ? static_cast<double>(v.count) : 1;
  b.set(0, where(t != v.ignore, minus_onehot * (one_a_row(b.grad(), v.reduction) / count), 0));
}

void MulticlassHinge::vjp(Backward& b, const Values& v) {
  const Tensor target = constant(v.target, b), x = constant(v.x, b);
  if (!b.create_graph())
    return b.set(0, hinge_gradient(x, target, v.margin, b.grad(), v.reduction));
  const Tensor one = ones({}, x.dtype());
  const Tensor each = expand(one, b.grad().sizes());
  const Tensor slope = hinge_gradient(x, target, v.margin, each, v.reduction);
  b.set(0, slope * one_a_row(b.grad(), v.reduction));
}

}  // namespace detail

Tensor cross_entropy(const Tensor& x, const Tensor& target, Reduction reduction,
                     std::int64_t ignore_index) {
  using namespace detail;
  const Examples e("cross_entropy", x, target, ignore_index);
  ThreadState& state = thread_state();
  const Tensor* in[] = {&x};
  Tensor p = needs_record(in) ? new_tensor(state, x.sizes(), x.dtype()) : Tensor();
  const Tensor losses = new_tensor(state, target.sizes(), x.dtype());
  for_rows("cross_entropy", x, e.rows, [&](auto like, std::int64_t r, std::int64_t rows) {
    using T = decltype(like);
    kernel<CrossEntropyForward<T>>(
        e.x.data_ptr<T>() + r * e.n, e.target.data_ptr<std::int64_t>() + r, ignore_index,
        p.defined() ? p.data_ptr<T>() + r * e.n : nullptr, losses.data_ptr<T>() + r, rows, e.n);
  });
  return record<CrossEntropy>(reduced(losses, reduction, e.count), {&x}, [&] {
    return CrossEntropy::Values{Saved(e.x), Saved(p),     Saved(e.target),
                                reduction,  ignore_index, e.count};
  });
}

Tensor multiclass_hinge(const Tensor& x, const Tensor& target, double margin, Reduction reduction) {
  using namespace detail;
  const Examples e("multiclass_hinge", x, target, no_ignore);
  const Tensor losses = new_tensor(thread_state(), target.sizes(), x.dtype());
  for_rows("multiclass_hinge", x, e.rows, [&](auto like, std::int64_t r, std::int64_t rows) {
    using T = decltype(like);
    kernel<HingeForward<T>>(e.x.data_ptr<T>() + r * e.n, e.target.data_ptr<std::int64_t>() + r,
                            T(margin), losses.data_ptr<T>() + r, rows, e.n);
  });
  return record<MulticlassHinge>(reduced(losses, reduction, e.count), {&x}, [&] {
    return MulticlassHinge::Values{Saved(e.x), Saved(e.target), margin, reduction};
  });
}

// ---------------------------------------------------------------- samples
namespace detail {

template <> std::vector<OpEntry> entries<LossOps>() { return entries_of(LossOps{}); }

namespace {

using Loss = Tensor (*)(const Tensor&, const Tensor&, Reduction);
Tensor entropy(const Tensor& x, const Tensor& t, Reduction r) { return cross_entropy(x, t, r); }
Tensor hinge(const Tensor& x, const Tensor& t, Reduction r) { return multiclass_hinge(x, t, 1, r); }

std::vector<Sample> loss_samples(Loss f) {
  const auto loss = [f](std::string label, const Tensor& x, const Tensor& target, Reduction r) {
    return sample(
        std::move(label), [=](const Tensor& in) { return f(in, target, r); }, x);
  };
  const Tensor two = tensor({2, 0}), none = zeros({0}, kInt64);
  const auto transposed = [=](const Tensor& x) { return f(x.t(), two, Reduction::none); };
  return {
      loss("mean", sample_tensor({2, 3}), two, Reduction::mean),
      loss("sum", sample_tensor({2, 3}), two, Reduction::sum),
      loss("none", sample_tensor({2, 3}), two, Reduction::none),
      loss("one example", sample_tensor({4}), tensor(3), Reduction::mean),
      loss("one example, none", sample_tensor({4}), tensor(1), Reduction::none),
      loss("long rows", sample_tensor({2, 103}), two, Reduction::mean),
      loss("no examples", sample_tensor({0, 3}), none, Reduction::sum),
      sample("transposed", transposed, sample_tensor({3, 2})),
  };
}
std::vector<BadSample> loss_bad_samples(Loss f, const std::string& op) {
  const auto mean = [f](const Tensor& x, const Tensor& t) {
    return [=] { f(x, t, Reduction::mean); };
  };
  const Tensor x = sample_tensor({2, 10});
  return {
      {mean(x, ones({2})), op + ": target must be int64 (class numbers), got float32"},
      {mean(x, tensor({0, 12})), op + ": target 12 at position 1 is out of range for 10 classes"},
      {mean(x, tensor({-1, 0})), op + ": target -1 at position 0 is out of range for 10 classes"},
      {mean(x, tensor({0, 1, 2})),
       op + ": x of shape [2, 10] needs one target a row, got a target of shape [3]"},
      {mean(sample_tensor({2, 3, 4}), tensor({0, 1})),
       op + ": x must have shape [N, C] or [C], got [2, 3, 4]"},
      {mean(ones({2, 3}, kInt64), tensor({0, 1})), op + ": x must be floating-point, got int64"},
  };
}

}  // namespace

std::vector<Sample> CrossEntropy::samples() {
  auto all = loss_samples(&entropy);
  for (Reduction r : {Reduction::mean, Reduction::none}) {
    const auto f = [r](const Tensor& x) { return cross_entropy(x, tensor({1, -100, 0}), r); };
    const char* label = r == Reduction::mean ? "ignored" : "ignored, none";
    all.push_back(sample(label, f, sample_tensor({3, 4})));
  }
  return all;
}
std::vector<BadSample> CrossEntropy::bad_samples() {
  return loss_bad_samples(&entropy, "cross_entropy");
}
std::vector<Sample> MulticlassHinge::samples() { return loss_samples(&hinge); }
std::vector<BadSample> MulticlassHinge::bad_samples() {
  return loss_bad_samples(&hinge, "multiclass_hinge");
}

}  // namespace detail
}  // namespace downhill

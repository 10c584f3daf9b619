// logsumexp, softmax, log_softmax and cross_entropy of scores that are hard, against long double.
#include <doctest/doctest.h>
#include <downhill/autograd/backward.h>
#include <downhill/tensor/factory.h>
#include <downhill/tensor/graph.h>
#include <downhill/tensor/ops.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

using namespace downhill;

namespace {

using std::int64_t;
using Real80 = long double;
constexpr double inf = INFINITY;
template <class T> constexpr double eps = std::numeric_limits<T>::epsilon();
template <class T> constexpr double tiny = 3 * std::numeric_limits<T>::denorm_min();

double noise(int64_t i) { return std::fmod(static_cast<double>(i) * 0.6180339887498949, 1) - 0.5; }

struct Scores {
  std::string what;
  double (*at)(int64_t row, int64_t i);
};
const Scores hard[] = {
    {"within 10", [](int64_t r, int64_t i) { return 20 * noise(i + 31 * r); }},
    {"all equal", [](int64_t, int64_t) { return 3.3; }},
    {"beside 1e8", [](int64_t r, int64_t i) { return 1e8 + 8.0 * ((i + r) % 5); }},
    {"beside -1e8", [](int64_t r, int64_t i) { return -1e8 + 8.0 * ((i + r) % 5); }},
    {"1e4 and -1e4", [](int64_t r, int64_t i) { return (i + r) % 2 ? 1e4 : -1e4; }},
    {"one far above", [](int64_t r, int64_t i) { return i == r ? 60.0 : noise(i); }},
    {"down to where e^x vanishes", [](int64_t r, int64_t i) { return -0.37 * double(i * r); }},
    {"denormal in float", [](int64_t r, int64_t i) { return 1e-41 * double(i + r); }},
    {"some -infinity", [](int64_t r, int64_t i) { return (i + r) % 3 == 1 ? -inf : noise(i); }},
};

constexpr int64_t kRows = 5;

template <class T> Tensor filled(int64_t n, const Scores& scores) {
  Tensor x = empty({kRows, n}, dtype_of<T>);
  for (int64_t r = 0; r < kRows; ++r)
    for (int64_t i = 0; i < n; ++i)
      x.data_ptr<T>()[r * n + i] = static_cast<T>(scores.at(n == 1 ? 0 : r, i));
  return x;
}
template <class T> Tensor weights(const Shape& size) {
  Tensor g = empty(size, dtype_of<T>);
  for (int64_t i = 0; i < g.numel(); ++i)
    g.data_ptr<T>()[i] = static_cast<T>(2 * noise(i * 3 + 1) + 0.1);
  return g;
}

/// A row as it is by definition, and how far each value may be off, in eps.
struct Row {
  std::vector<Real80> d, p;  // x - largest, softmax
  Real80 largest = -inf, log_sum = 0;

  template <class T> Row(const T* x, int64_t n) {
    for (int64_t i = 0; i < n; ++i) largest = std::max<Real80>(largest, x[i]);
    Real80 sum = 0;
    for (int64_t i = 0; i < n; ++i) d.push_back(x[i] - largest), sum += std::exp(d.back());
    for (Real80 v : d) p.push_back(std::exp(v) / sum);
    log_sum = std::log(sum);
  }
  std::size_t size() const { return d.size(); }
  Real80 log_p(std::size_t i) const { return d[i] - log_sum; }
  /// of p[i], relative: d is rounded, and e^d is as much off as d is
  Real80 p_slack(std::size_t i) const { return 4 + std::fabs(d[i]) / 2; }
  /// of log_p[i], absolute
  Real80 log_slack(std::size_t i) const { return 2.5 + std::fabs(d[i]) + 1.6 * log_sum; }
};

/// The worst |got - want| / bound: at most 1 where all is well; equal values are always well.
struct Worst {
  double value = 0;
  template <class T> void see(T got, Real80 want, Real80 bound_in_eps) {
    if (got == want || (std::isnan(got) && std::isnan(want))) return;
    const double e = double(std::fabs(got - want) / (bound_in_eps * eps<T> + tiny<T>));
    if (!(e <= value)) value = e;
  }
};

template <class T> struct Case {
  Tensor x;
  std::vector<Row> rows;

  Case(int64_t n, const Scores& scores) : x(filled<T>(n, scores)) {
    for (int64_t r = 0; r < kRows; ++r) rows.emplace_back(x.data_ptr<T>() + r * n, n);
  }
  /// visit(worst, r, row, what was got for it) for all rows.
  template <class Visit> double worst_of(const Tensor& got, Visit visit) const {
    REQUIRE(got.size(0) == kRows);
    const Tensor dense = got.contiguous();
    const int64_t width = dense.numel() / kRows;
    Worst worst;
    for (int64_t r = 0; r < kRows; ++r)
      visit(worst, r, rows[static_cast<std::size_t>(r)], dense.data_ptr<T>() + r * width);
    return worst.value;
  }
};

template <class T> double softmax_error(const Case<T>& c, const Tensor& got) {
  return c.worst_of(got, [](Worst& worst, int64_t, const Row& row, const T* y) {
    Real80 sum = 0;
    for (std::size_t i = 0; i < row.size(); ++i) {
      worst.see(y[i], row.p[i], row.p_slack(i) * row.p[i]);
      sum += y[i];
    }
    worst.see(static_cast<T>(sum), 1, 4);
  });
}
template <class T> double log_softmax_error(const Case<T>& c, const Tensor& got) {
  return c.worst_of(got, [](Worst& worst, int64_t, const Row& row, const T* y) {
    for (std::size_t i = 0; i < row.size(); ++i) worst.see(y[i], row.log_p(i), row.log_slack(i));
  });
}
template <class T> double logsumexp_error(const Case<T>& c, const Tensor& got) {
  return c.worst_of(got, [](Worst& worst, int64_t, const Row& row, const T* y) {
    const Real80 want = row.largest + row.log_sum;
    worst.see(y[0], want, std::fabs(want) / 2 + 1.1 * row.log_sum + 1.5);
  });
}

/// f over the rows of x, be they rows, columns, or columns of a transposed tensor.
template <class F> std::vector<Tensor> in_every_layout(const Tensor& x, F f) {
  return {f(x, 1), f(x.t().contiguous(), 0).t(), f(x.t(), 0).t(),
          f(x.unsqueeze(1).expand({kRows, 2, x.size(1)}), -1).select(1, 1)};
}

template <class T> void check_values(const Case<T>& c) {
  const auto lse = [](const Tensor& a, int64_t dim) { return logsumexp(a, {dim}, true); };
  for (const Tensor& y : in_every_layout(c.x, softmax)) CHECK(softmax_error(c, y) <= 1);
  for (const Tensor& y : in_every_layout(c.x, log_softmax)) CHECK(log_softmax_error(c, y) <= 1);
  for (const Tensor& y : in_every_layout(c.x, lse)) CHECK(logsumexp_error(c, y) <= 1);
}

// ---------------------------------------------------------------- gradients

template <class F> Tensor gradient(F f, const Tensor& at, const Tensor& g, bool recorded) {
  const Tensor x = at.clone().requires_grad_();
  return autograd::grad({f(x)}, {x}, {g}, {}, recorded)[0].detach();
}

template <class T> double softmax_gradient_error(const Case<T>& c, const Tensor& g, bool recorded) {
  const auto f = [](const Tensor& a) { return softmax(a, 1); };
  const auto check = [&](Worst& worst, int64_t r, const Row& row, const T* got) {
    const T* w = g.data_ptr<T>() + r * g.size(1);
    Real80 dot = 0, slack = 0;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (row.p[i] == 0) continue;
      dot += w[i] * row.p[i];
      slack += std::fabs(w[i]) * row.p[i] * (row.p_slack(i) + 2);
    }
    for (std::size_t i = 0; i < row.size(); ++i) {
      const Real80 rest = w[i] - dot, off = (row.p_slack(i) + 2) * std::fabs(rest) + slack;
      worst.see(got[i], row.p[i] * rest, row.p[i] * (off + std::fabs(w[i])));
    }
  };
  return c.worst_of(gradient(f, c.x, g, recorded), check);
}

template <class T>
double log_softmax_gradient_error(const Case<T>& c, const Tensor& g, bool recorded) {
  const auto f = [](const Tensor& a) { return log_softmax(a, 1); };
  const auto check = [&](Worst& worst, int64_t r, const Row& row, const T* got) {
    const T* w = g.data_ptr<T>() + r * g.size(1);
    Real80 sum = 0, magnitudes = 0;
    for (std::size_t i = 0; i < row.size(); ++i) sum += w[i], magnitudes += std::fabs(w[i]);
    for (std::size_t i = 0; i < row.size(); ++i) {
      const Real80 p = row.p[i], off = std::fabs(sum) * (row.log_slack(i) + 3) + 4 * magnitudes;
      worst.see(got[i], w[i] - p * sum, (p == 0 ? 0 : p * off) + std::fabs(w[i]));
    }
  };
  return c.worst_of(gradient(f, c.x, g, recorded), check);
}

template <class T> double logsumexp_gradient_error(const Case<T>& c, bool recorded) {
  const auto f = [](const Tensor& a) { return logsumexp(a, {1}); };
  const Tensor g = weights<T>({kRows});
  const auto check = [&](Worst& worst, int64_t r, const Row& row, const T* got) {
    const Real80 w = g.data_ptr<T>()[r];
    for (std::size_t i = 0; i < row.size(); ++i)
      worst.see(got[i], w * row.p[i], std::fabs(w) * row.p[i] * (row.log_slack(i) + 3));
  };
  return c.worst_of(gradient(f, c.x, g, recorded), check);
}

Tensor classes(int64_t n) {
  Tensor t = empty({kRows}, kInt64);
  for (int64_t r = 0; r < kRows; ++r) t.data_ptr<int64_t>()[r] = r * r % n;
  return t;
}

template <class T> double cross_entropy_error(const Case<T>& c) {
  const Tensor t = classes(c.x.size(1));
  const auto check = [&](Worst& worst, int64_t r, const Row& row, const T* got) {
    const auto i = static_cast<std::size_t>(t[r].item<int64_t>());
    worst.see(got[0], -row.log_p(i), row.log_slack(i));
  };
  const Tensor taped = c.x.clone().requires_grad_();
  const double plain = c.worst_of(cross_entropy(c.x, t, Reduction::none), check);
  return std::max(plain, c.worst_of(cross_entropy(taped, t, Reduction::none), check));
}

template <class T> double cross_entropy_gradient_error(const Case<T>& c, bool recorded) {
  const Tensor t = classes(c.x.size(1)), g = weights<T>({kRows});
  const auto f = [&](const Tensor& a) { return cross_entropy(a, t, Reduction::none); };
  const auto check = [&](Worst& worst, int64_t r, const Row& row, const T* got) {
    const auto target = static_cast<std::size_t>(t[r].item<int64_t>());
    const Real80 w = g.data_ptr<T>()[r];
    for (std::size_t i = 0; i < row.size(); ++i) {
      const Real80 p = row.p[i], want = w * (p - (i == target)), off = p * (row.p_slack(i) + 1);
      worst.see(got[i], want, (p == 0 ? 0 : std::fabs(w) * off) + std::fabs(want));
    }
  };
  return c.worst_of(gradient(f, c.x, g, recorded), check);
}

template <class T> void check_gradients(const Case<T>& c) {
  const Tensor g = weights<T>(c.x.sizes());
  for (bool recorded : {false, true}) {
    CAPTURE(recorded);
    CHECK(softmax_gradient_error(c, g, recorded) <= 1);
    CHECK(log_softmax_gradient_error(c, g, recorded) <= 1);
    CHECK(logsumexp_gradient_error(c, recorded) <= 1);
    CHECK(cross_entropy_gradient_error(c, recorded) <= 1);
  }
}

template <class Check> void for_hard_scores(std::initializer_list<int64_t> lengths, Check check) {
  for (const Scores& scores : hard)
    for (int64_t n : lengths) {
      CAPTURE(scores.what);
      CAPTURE(n);
      check(scores, n);
    }
}

bool all_equal(const Tensor& x, double value) {
  return (x == value).sum().item<int64_t>() == x.numel();
}
bool all_nan(const Tensor& x) { return (x != x).sum().item<int64_t>() == x.numel(); }

}  // namespace

TEST_CASE("softmax, log_softmax and logsumexp are within a few ulp in every layout") {
  for_hard_scores({1, 2, 3, 10, 48, 49, 96, 97, 130, 4099}, [](const Scores& s, int64_t n) {
    check_values(Case<float>(n, s));
    check_values(Case<double>(n, s));
  });
}

TEST_CASE("cross_entropy is within a few ulp") {
  for_hard_scores({1, 2, 10, 48, 49, 96, 97, 4099}, [](const Scores& s, int64_t n) {
    CHECK(cross_entropy_error(Case<float>(n, s)) <= 1);
    CHECK(cross_entropy_error(Case<double>(n, s)) <= 1);
  });
}

TEST_CASE("gradients through softmax are within a few ulp, fused and recorded") {
  for_hard_scores({1, 2, 10, 49, 97, 4099}, [](const Scores& s, int64_t n) {
    check_gradients(Case<float>(n, s));
    check_gradients(Case<double>(n, s));
  });
}

TEST_CASE("rows of 300 thousand scores are as accurate" * doctest::test_suite("slow")) {
  for_hard_scores({300007}, [](const Scores& s, int64_t n) {
    check_values(Case<float>(n, s));
    check_gradients(Case<float>(n, s));
  });
}

TEST_CASE("an infinite score makes its row of softmax nan and logsumexp infinite, as in PyTorch") {
  for (int64_t n : {2, 10, 97, 4099})
    for (DType t : {kFloat32, kFloat64}) {
      Tensor x = zeros({2, n}, t);
      x[1].narrow(0, n - 1, 1).fill_(inf);
      const Tensor target = zeros({2}, kInt64);
      CHECK(all_nan(softmax(x, 1)[1]));
      CHECK(all_nan(log_softmax(x, 1)[1]));
      CHECK(logsumexp(x, {1})[1].item() == inf);
      CHECK(std::isnan(cross_entropy(x, target, Reduction::none)[1].item()));
      const Tensor taped = x.clone().requires_grad_();
      CHECK(std::isnan(cross_entropy(taped, target, Reduction::none)[1].item()));
      CHECK(softmax(x, 1)[0][0].item() == doctest::Approx(1 / static_cast<double>(n)));
    }
}

TEST_CASE("a row of -infinity has nan as softmax and -infinity as logsumexp, as in PyTorch") {
  for (int64_t n : {1, 10, 97, 4099}) {
    const Tensor x = full({2, n}, -inf);
    CHECK(all_nan(softmax(x, 1)));
    CHECK(all_nan(log_softmax(x, 1)));
    CHECK(all_nan(cross_entropy(x, zeros({2}, kInt64), Reduction::none)));
    CHECK(logsumexp(x, {1})[1].item() == -inf);
  }
}

TEST_CASE("logsumexp's derivatives: 0 for a row of -infinity, nan at +infinity") {
  const auto f = [](const Tensor& a) { return logsumexp(a, {1}); };
  for (int64_t n : {2, 10, 64, 65, 97, 4099})
    for (DType t : {kFloat32, kFloat64}) {
      CAPTURE(n);
      Tensor x = zeros({3, n}, t);
      x[0].fill_(-inf);
      x[1].narrow(0, n - 1, 1).fill_(inf);
      for (bool recorded : {false, true}) {
        const Tensor got = gradient(f, x, full({3}, 2, t), recorded);
        CHECK(all_equal(got[0], 0));
        CHECK(all_equal(got[1].narrow(0, 0, n - 1), 0));
        CHECK(all_nan(got[1].narrow(0, n - 1, 1)));
        CHECK(got[2][0].item() == doctest::Approx(2 / static_cast<double>(n)));
      }
      const Tensor taped = x.clone().requires_grad_(), v = arange(n).to(t);
      const Tensor first = autograd::grad({f(taped)}, {taped}, {full({3}, 2, t)}, {}, true)[0];
      const Tensor second = autograd::grad({sum(first * v)}, {taped})[0];
      CHECK(all_equal(second[0], 0));
      CHECK(all_nan(second[1]));
      const double p = 1 / static_cast<double>(n), mean = static_cast<double>(n - 1) / 2;
      CHECK(second[2][n - 1].item() ==
            doctest::Approx(2 * p * (static_cast<double>(n - 1) - mean)));
    }
}

TEST_CASE("nan makes its own row nan and no other") {
  for (int64_t n : {1, 10, 97, 4099}) {
    Tensor x = zeros({3, n});
    x[1].narrow(0, n / 2, 1).fill_(NAN);
    CHECK(all_nan(softmax(x, 1)[1]));
    CHECK(all_nan(log_softmax(x, 1)[1]));
    CHECK(std::isnan(logsumexp(x, {1})[1].item()));
    CHECK(std::isnan(cross_entropy(x, zeros({3}, kInt64), Reduction::none)[1].item()));
    CHECK(sum(softmax(x, 1)[2]).item() == doctest::Approx(1));
    CHECK(log_softmax(x, 1)[0][0].item() == doctest::Approx(-std::log(double(n))));
  }
}

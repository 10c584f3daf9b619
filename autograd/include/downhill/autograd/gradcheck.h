// gradcheck: are the gradients of a function what its differences say they are?
#pragma once
#include <fmt/core.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <downhill/tensor/error.h>
#include <downhill/tensor/tensor.h>

#pragma GCC visibility push(default)
namespace downhill::autograd {

/// The names and defaults are those of torch.autograd.gradcheck.
struct GradcheckOptions {
  double eps = 1e-6;  ///< step of the central differences, absolute
  /// A derivative passes where |analytic - numeric| <= atol * s + rtol * |numeric|. The scale s is
  /// the input's largest derivative, between 1e-6 and 1, so that small gradients are checked too.
  double atol = 1e-5;
  double rtol = 1e-3;
  bool raise_exception = true;  ///< throw GradcheckError instead of returning a failed report
  double nondet_tol = 0;        ///< how much two runs on the same inputs may differ
  /// Also require that gradients of zero give gradients of zero (or undefined ones).
  bool check_undefined_grad = true;
  /// Which derivative is checked: 2 is gradgradcheck, that is the gradients as a function of the
  /// inputs and of random incoming gradients. Of the orders below only this is checked: that
  /// create_graph, which the higher ones differentiate, gives the gradients of a plain backward.
  int order = 1;
};

/// What a check found, from the best to the worst. `ok` and `noise` pass.
enum class Verdict {
  ok,
  noise,          ///< differences at eps are too coarse or too noisy; a sweep of steps agrees
  kink,           ///< left and right derivatives differ at or near this point: choose another
  float32_input,  ///< a float32 input is too coarse for differences: pass float64
  no_graph,       ///< what was recorded does not lead from the output to this input
  not_linear,     ///< the gradients are not linear in the incoming gradient
  malformed,      ///< a gradient has the wrong shape or dtype
  not_deterministic,
  readings_differ,  ///< create_graph gives another gradient than a plain backward
  wrong_gradient,
};
std::string_view name_of(Verdict v);

/// One derivative: of element `output_index` of output `output` by element `index` of an input.
struct GradcheckElement {
  Shape index, output_index;
  std::size_t output = 0;
  double analytic = 0, numeric = 0;
  double relative = 0;  ///< |analytic - numeric| / the larger of the two
  Verdict verdict = Verdict::ok;
};

/// What was found for one input: the few worst elements first.
struct GradcheckInput {
  std::string name;  ///< "input 0"; "grad_output 0" in the checks of higher orders
  Shape shape;
  DType dtype = kFloat64;
  std::size_t checked = 0, failed = 0;  ///< derivatives
  Verdict verdict = Verdict::ok;
  std::vector<GradcheckElement> worst;
};

/// The result of a check. `fmt::format("{}", report)` is a table of it.
struct GradcheckReport {
  GradcheckOptions options;
  std::vector<GradcheckInput> inputs;
  bool ok() const;
  explicit operator bool() const { return ok(); }
  Verdict verdict() const;  ///< the worst of all inputs
};
std::string to_string(const GradcheckReport& report);

/// A check that failed. what() is the table.
class GradcheckError : public Error {
 public:
  explicit GradcheckError(GradcheckReport report);
  const GradcheckReport& report() const { return report_; }

 private:
  GradcheckReport report_;
};

}  // namespace downhill::autograd

namespace downhill::detail {

using GradcheckFn = std::function<std::vector<Tensor>(const std::vector<Tensor>&)>;
autograd::GradcheckReport run_gradcheck(const GradcheckFn& fn, const std::vector<Tensor>& inputs,
                                        const autograd::GradcheckOptions& options);
/// Throws: fn cannot be called with so many inputs.
[[noreturn]] void gradcheck_wrong_arity(std::size_t inputs);

template <std::size_t> using TensorArgument = const Tensor&;
template <class F, std::size_t... I> constexpr bool takes_tensors(std::index_sequence<I...>) {
  return std::is_invocable_v<F&, TensorArgument<I>...>;
}
inline std::vector<Tensor> as_list(Tensor t) { return {std::move(t)}; }
inline std::vector<Tensor> as_list(std::vector<Tensor> t) { return t; }

template <std::size_t N, class F>
std::optional<std::vector<Tensor>> call_with(F& fn, const std::vector<Tensor>& in) {
  if constexpr (N > 6) {
    return {};
  } else {
    if constexpr (takes_tensors<F>(std::make_index_sequence<N>{})) {
      const auto call = [&]<std::size_t... I>(std::index_sequence<I...>) { return fn(in[I]...); };
      if (in.size() == N) return as_list(call(std::make_index_sequence<N>{}));
    }
    return call_with<N + 1>(fn, in);
  }
}

template <class F> GradcheckFn gradcheck_fn(F& fn) {
  return [&fn](const std::vector<Tensor>& in) {
    if (auto result = call_with<1>(fn, in)) return *std::move(result);
    if constexpr (std::is_invocable_v<F&, const std::vector<Tensor>&>) return as_list(fn(in));
    gradcheck_wrong_arity(in.size());
  };
}

}  // namespace downhill::detail

namespace downhill::autograd {

/// Compares every derivative that backward gives with central differences, (f(x + eps) - f(x -
/// eps)) / 2 eps, for every element of every floating-point output by every element of every input
/// that requires a gradient. Where they disagree a sweep of steps (Richardson extrapolation) and
/// one-sided differences tell wrong gradients from kinks and from numerical noise.
///   gradcheck([](const Tensor& x, const Tensor& w) { return tanh(x.matmul(w)); }, {x, w})
/// fn takes one `const Tensor&` an input (up to six) or a `const std::vector<Tensor>&` and returns
/// a Tensor or a std::vector<Tensor>. It is called very often; inputs should be float64 and small.
/// While it runs, elements of the inputs are changed in their own memory (and put back afterwards),
/// so that fn may as well reach them elsewhere, say as the parameters of a module.
/// Throws GradcheckError with the table where the check fails and raise_exception is set; Error
/// where it cannot be made: no input requires a gradient, an input is undefined, expanded or
/// overlaps another, the output's shape is not always the same.
/// See torch.autograd.gradcheck.
template <class F>
GradcheckReport gradcheck(F&& fn, const std::vector<Tensor>& inputs,
                          const GradcheckOptions& options = {}) {
  return detail::run_gradcheck(detail::gradcheck_fn(fn), inputs, options);
}

/// The same for second derivatives: checks (inputs, v) -> gradients of <fn(inputs), v>, made with
/// create_graph, with random v. See torch.autograd.gradgradcheck.
template <class F>
GradcheckReport gradgradcheck(F&& fn, const std::vector<Tensor>& inputs,
                              GradcheckOptions options = {}) {
  ++options.order;
  return detail::run_gradcheck(detail::gradcheck_fn(fn), inputs, options);
}

}  // namespace downhill::autograd
#pragma GCC visibility pop

template <> struct fmt::formatter<downhill::autograd::GradcheckReport> {
  constexpr auto parse(format_parse_context& c) { return c.begin(); }
  template <class Context>
  auto format(const downhill::autograd::GradcheckReport& report, Context& c) const {
    const std::string text = downhill::autograd::to_string(report);
    return fmt::format_to(c.out(), "{}", fmt::string_view(text));
  }
};

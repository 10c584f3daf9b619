#include <fmt/format.h>

#include <algorithm>

#include <downhill/autograd/gradcheck.h>
#include <downhill/tensor/format.h>

namespace downhill::autograd {
namespace {

const char* advice(Verdict v) {
  switch (v) {
    case Verdict::kink:
      return "left and right derivatives differ here: check at another point";
    case Verdict::float32_input:
      return "differences need float64: pass inputs.to(kFloat64)";
    case Verdict::no_graph:
      return "what was recorded does not lead from the output to this input";
    case Verdict::not_linear:
      return "the gradients are not linear in the incoming gradient";
    case Verdict::malformed:
      return "a gradient has the wrong shape or dtype";
    case Verdict::not_deterministic:
      return "two runs on the same inputs differ";
    case Verdict::noise:
      return "differences at eps are noisy, a sweep of steps agrees";
    case Verdict::readings_differ:
      return "create_graph gives another gradient";
    case Verdict::wrong_gradient:
      return "the differences contradict the gradient";
    default:
      return "";
  }
}

std::string row(std::string_view name, const std::string& shape, std::string_view dtype,
                const std::string& place, const GradcheckElement* e, Verdict v) {
  std::string numbers = fmt::format("{:>13} {:>13} {:>9}", "", "", "");
  if (e)
    numbers = fmt::format("{:>13.6g} {:>13.6g} {:>9.1e}", e->analytic, e->numeric, e->relative);
  return fmt::format("{:<14} {:<12} {:<8} {:<22} {}  {}\n", name, shape, dtype, place, numbers,
                     name_of(v));
}

std::string rows(const GradcheckInput& in) {
  const std::string shape = to_string(in.shape);
  const std::string_view dtype = downhill::name_of(in.dtype);
  if (in.worst.empty()) return row(in.name, shape, dtype, "", nullptr, in.verdict);
  std::string r;
  for (std::size_t i = 0; i < in.worst.size(); ++i) {
    const GradcheckElement& e = in.worst[i];
    const auto place = fmt::format("{} -> {}{}", to_string(e.index), e.output,
                                   e.output_index.empty() ? "" : to_string(e.output_index));
    r += i == 0 ? row(in.name, shape, dtype, place, &e, std::max(in.verdict, e.verdict))
                : row("", "", "", place, &e, e.verdict);
  }
  return r;
}

}  // namespace

std::string_view name_of(Verdict v) {
  switch (v) {
    case Verdict::ok:
      return "ok";
    case Verdict::noise:
      return "ok (numerical noise)";
    case Verdict::kink:
      return "kink near this point";
    case Verdict::float32_input:
      return "float32 input";
    case Verdict::no_graph:
      return "no graph";
    case Verdict::not_linear:
      return "not linear";
    case Verdict::malformed:
      return "malformed gradient";
    case Verdict::not_deterministic:
      return "not deterministic";
    default:
      return "wrong gradient";
  }
}

Verdict GradcheckReport::verdict() const {
  Verdict worst = Verdict::ok;
  for (const GradcheckInput& in : inputs) worst = std::max(worst, in.verdict);
  return worst;
}

bool GradcheckReport::ok() const { return verdict() <= Verdict::noise; }

std::string to_string(const GradcheckReport& r) {
  const GradcheckOptions& o = r.options;
  std::string s = fmt::format("gradcheck: {} (order {}, eps {:g}, atol {:g}, rtol {:g})\n",
                              r.ok() ? "ok" : "FAILED", o.order, o.eps, o.atol, o.rtol);
  s += fmt::format("{:<14} {:<12} {:<8} {:<22} {:>13} {:>13} {:>9}  {}\n", "input", "shape",
                   "dtype", "element -> output", "analytic", "numeric", "relative", "verdict");
  for (const GradcheckInput& in : r.inputs) s += rows(in);
  for (const GradcheckInput& in : r.inputs)
    if (in.verdict != Verdict::ok)
      s += fmt::format("{}: {} of {} derivatives disagree at eps; {}\n", in.name, in.failed,
                       in.checked, advice(in.verdict));
  return s;
}

GradcheckError::GradcheckError(GradcheckReport report)
    : Error(to_string(report)), report_(std::move(report)) {}

}  // namespace downhill::autograd

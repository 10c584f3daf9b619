// Every pointwise op, once: its formula, its rules, and what its tests must know. Op structs live
// in namespace op so that their names do not meet the user's; the vocabulary at the top is what
// formulas, rules and users' lambdas are written in.
#pragma once
#include <downhill/tensor/formula.h>
#include <downhill/tensor/vecmath.h>

#pragma GCC visibility push(default)
namespace downhill {

namespace op {
struct Neg;
struct Abs;
struct Sign;
struct Square;
struct Sqrt;
struct Exp;
struct Log;
struct Tanh;
struct Sigmoid;
struct Relu;
struct PowInt;
struct PowReal;
struct Clamp;
struct Pow;
struct Maximum;
struct Minimum;
struct Add;
struct Sub;
struct Mul;
struct Div;
inline constexpr std::int64_t max_int_power = 63;
}  // namespace op

// ------------------------------ the vocabulary, at every reading but Tensor
#define DOWNHILL_WORD1(word, Op) \
  template <Reading X> DOWNHILL_INLINE constexpr X word(const X& x) { return apply<op::Op>(x); }
#define DOWNHILL_WORD2(word, Op)                                                     \
  template <Reading X> DOWNHILL_INLINE constexpr X word(const X& a, const X& b) {    \
    return apply<op::Op>(a, b);                                                      \
  }                                                                                  \
  template <Reading X, Number U> DOWNHILL_INLINE constexpr X word(const X& a, U b) { \
    return apply<op::Op>(a, X(b));                                                   \
  }                                                                                  \
  template <Number U, Reading X> DOWNHILL_INLINE constexpr X word(U a, const X& b) { \
    return apply<op::Op>(X(a), b);                                                   \
  }
DOWNHILL_WORD1(abs, Abs)
DOWNHILL_WORD1(sign, Sign)
DOWNHILL_WORD1(square, Square)
DOWNHILL_WORD1(sqrt, Sqrt)
DOWNHILL_WORD1(exp, Exp)
DOWNHILL_WORD1(log, Log)
DOWNHILL_WORD1(tanh, Tanh)
DOWNHILL_WORD1(sigmoid, Sigmoid)
DOWNHILL_WORD1(relu, Relu)
DOWNHILL_WORD2(maximum, Maximum)
DOWNHILL_WORD2(minimum, Minimum)
template <Reading X> DOWNHILL_INLINE constexpr X pow(const X& a, const X& b) {
  return apply<op::Pow>(a, b);
}
template <Reading X, Number U> DOWNHILL_INLINE constexpr X pow(U a, const X& b) {
  return apply<op::Pow>(X(a), b);
}
template <Reading X, Number U, class Int = op::PowInt, class Any = op::PowReal>
DOWNHILL_INLINE constexpr X pow(const X& a, U e) {
  if constexpr (std::is_integral_v<U>)
    if (e >= -op::max_int_power && e <= op::max_int_power)
      return apply(Int{static_cast<std::int64_t>(e)}, a);
  return apply(Any{static_cast<double>(e)}, a);
}
template <Reading X, Number L, Number H, class Op = op::Clamp>
DOWNHILL_INLINE constexpr X clamp(const X& x, L lo, H hi) {
  return apply(Op{lo > hi ? Scalar(hi) : Scalar(lo), Scalar(hi)}, x);
}

namespace op {

// ---------------------------------------------------------------- one input
struct Neg {
  static constexpr std::string_view name = "neg";
  static constexpr bool takes_bool = false;
  static constexpr Domain domain{};
  static constexpr Types types = Types::arithmetic;
  DOWNHILL_INLINE static auto f(auto x) { return -x; }
  static constexpr auto vjp = rules([](auto g, auto, auto) DOWNHILL_INLINE_LAMBDA { return -g; });
};
struct Abs {
  static constexpr std::string_view name = "abs";
  static constexpr Domain domain{.kink = 0};
  static constexpr Types types = Types::arithmetic;
  DOWNHILL_INLINE static auto f(auto x) { return vec::abs(x); }
  static constexpr auto vjp =
      rules([](auto g, auto x, auto) DOWNHILL_INLINE_LAMBDA { return g * sign(x); });
};
struct Sign {  // its gradient is zero wherever it exists; at 0 too, as PyTorch has it
  static constexpr std::string_view name = "sign";
  static constexpr Domain domain{.kink = 0};
  static constexpr Types types = Types::arithmetic;
  DOWNHILL_INLINE static auto f(auto x) { return where(x > 0, 1, where(x < 0, -1, x)); }
  static constexpr auto vjp =
      rules([](auto g, auto, auto) DOWNHILL_INLINE_LAMBDA { return 0 * g; });
};
struct Square {
  static constexpr std::string_view name = "square";
  static constexpr Domain domain{};
  static constexpr Types types = Types::arithmetic;
  DOWNHILL_INLINE static auto f(auto x) { return x * x; }
  static constexpr auto vjp =
      rules([](auto g, auto x, auto) DOWNHILL_INLINE_LAMBDA { return g * (2 * x); });
};
struct Sqrt {
  static constexpr std::string_view name = "sqrt";
  static constexpr Domain domain{.lo = 0.2, .hi = 3};
  static constexpr Types types = Types::floating;
  DOWNHILL_INLINE static auto f(auto x) { return vec::sqrt(x); }
  static constexpr auto vjp =
      rules([](auto g, auto, auto y) DOWNHILL_INLINE_LAMBDA { return g / (2 * y); });
};
struct Exp {
  static constexpr std::string_view name = "exp";
  static constexpr Domain domain{};
  static constexpr Types types = Types::floating;
  DOWNHILL_INLINE static auto f(auto x) { return vec::exp(x); }
  static constexpr auto vjp =
      rules([](auto g, auto, auto y) DOWNHILL_INLINE_LAMBDA { return g * y; });
};
struct Log {
  static constexpr std::string_view name = "log";
  static constexpr Domain domain{.lo = 0.2, .hi = 3};
  static constexpr Types types = Types::floating;
  DOWNHILL_INLINE static auto f(auto x) { return vec::log(x); }
  static constexpr auto vjp =
      rules([](auto g, auto x, auto) DOWNHILL_INLINE_LAMBDA { return g / x; });
};
struct Tanh {
  static constexpr std::string_view name = "tanh";
  static constexpr Domain domain{.lo = -3, .hi = 3};
  static constexpr Types types = Types::floating;
  DOWNHILL_INLINE static auto f(auto x) { return vec::tanh(x); }
  static constexpr auto vjp =
      rules([](auto g, auto, auto y) DOWNHILL_INLINE_LAMBDA { return g * (1 - y * y); });
};
struct Sigmoid {
  static constexpr std::string_view name = "sigmoid";
  static constexpr Domain domain{.lo = -4, .hi = 4};
  static constexpr Types types = Types::floating;
  DOWNHILL_INLINE static auto f(auto x) { return vec::sigmoid(x); }
  static constexpr auto vjp =
      rules([](auto g, auto, auto y) DOWNHILL_INLINE_LAMBDA { return g * (y * (1 - y)); });
};
struct Relu {  // NaN stays NaN; the gradient at 0 is 0
  static constexpr std::string_view name = "relu";
  static constexpr Domain domain{.kink = 0};
  static constexpr Types types = Types::arithmetic;
  DOWNHILL_INLINE static auto f(auto x) { return where(x <= 0, 0, x); }
  static constexpr auto vjp =
      rules([](auto g, auto, auto y) DOWNHILL_INLINE_LAMBDA { return where(y <= 0, 0, g); });
};
struct PowInt {  // |n| <= max_int_power, by repeated multiplication
  std::int64_t n = 2;
  static constexpr std::string_view name = "pow";
  static constexpr Domain domain{.lo = 0.3, .hi = 2};
  static constexpr Types types = Types::arithmetic;
  DOWNHILL_INLINE auto f(auto x) const { return vec::powi(x, n); }
  static constexpr auto vjp =
      rules([](const auto& op, auto g, auto x, auto)
                DOWNHILL_INLINE_LAMBDA { return g * (op.n * pow(x, op.n == 0 ? 0 : op.n - 1)); });
};
struct PowReal {
  double e = 1.5;
  static constexpr std::string_view name = "pow";
  static constexpr Domain domain{.lo = 0.3, .hi = 2};
  static constexpr Types types = Types::floating;
  DOWNHILL_INLINE auto f(auto x) const { return vec::pow(x, decltype(x)(e)); }
  static constexpr auto vjp =
      rules([](const auto& op, auto g, auto x, auto)
                DOWNHILL_INLINE_LAMBDA { return g * (op.e * pow(x, op.e == 0 ? 0 : op.e - 1)); });
};
struct Clamp {  // NaN stays NaN; the gradient passes where lo <= x <= hi
  Scalar lo = -1, hi = 1;
  static constexpr std::string_view name = "clamp";
  static constexpr Domain domain{.lo = -0.9, .hi = 3, .kink = 1};
  static constexpr Types types = Types::arithmetic;
  DOWNHILL_INLINE auto f(auto x) const {
    return where(x < lo, decltype(x)(lo), where(x > hi, decltype(x)(hi), x));
  }
  static constexpr auto vjp =
      rules([](const auto& op, auto g, auto x, auto)
                DOWNHILL_INLINE_LAMBDA { return where((x < op.lo) | (x > op.hi), 0, g); });
};

struct Copy {  // also every change of dtype: the driver converts
  static constexpr std::string_view name = "clone";
  static constexpr Domain domain{};
  static constexpr Types types = Types::arithmetic;
  DOWNHILL_INLINE static auto f(auto x) { return x; }
  static constexpr auto vjp = rules([](auto g, auto, auto) DOWNHILL_INLINE_LAMBDA { return g; });
};
struct Fill {  // keeps x in the graph with a gradient of zero
  Scalar number = 2;
  static constexpr std::string_view name = "fill";
  static constexpr Domain domain{};
  static constexpr Types types = Types::arithmetic;
  DOWNHILL_INLINE auto f(auto x) const { return decltype(x)(number); }
  static constexpr auto vjp =
      rules([](const auto&, auto g, auto, auto) DOWNHILL_INLINE_LAMBDA { return 0 * g; });
};

// ---------------------------------------------------------------- two inputs
struct Add {
  static constexpr std::string_view name = "add";
  static constexpr Domain domain{};
  static constexpr Types types = Types::arithmetic;
  DOWNHILL_INLINE static auto f(auto a, auto b) { return a + b; }
  static constexpr auto vjp =
      rules([](auto g, auto, auto, auto) DOWNHILL_INLINE_LAMBDA { return g; },
            [](auto g, auto, auto, auto) DOWNHILL_INLINE_LAMBDA { return g; });
};
struct Sub {
  static constexpr std::string_view name = "sub";
  static constexpr bool takes_bool = false;
  static constexpr Domain domain{};
  static constexpr Types types = Types::arithmetic;
  DOWNHILL_INLINE static auto f(auto a, auto b) { return a - b; }
  static constexpr auto vjp =
      rules([](auto g, auto, auto, auto) DOWNHILL_INLINE_LAMBDA { return g; },
            [](auto g, auto, auto, auto) DOWNHILL_INLINE_LAMBDA { return -g; });
};
struct Mul {
  static constexpr std::string_view name = "mul";
  static constexpr Domain domain{};
  static constexpr Types types = Types::arithmetic;
  DOWNHILL_INLINE static auto f(auto a, auto b) { return a * b; }
  static constexpr auto vjp =
      rules([](auto g, auto, auto b, auto) DOWNHILL_INLINE_LAMBDA { return g * b; },
            [](auto g, auto a, auto, auto) DOWNHILL_INLINE_LAMBDA { return g * a; });
};
struct Div {
  static constexpr std::string_view name = "div";
  static constexpr Domain domain{.lo = 0.4, .hi = 2};
  static constexpr Types types = Types::floating;
  DOWNHILL_INLINE static auto f(auto a, auto b) { return a / b; }
  static constexpr auto vjp =
      rules([](auto g, auto, auto b, auto) DOWNHILL_INLINE_LAMBDA { return g / b; },
            [](auto g, auto, auto b, auto y) DOWNHILL_INLINE_LAMBDA { return -g * y / b; });
};
struct Pow {  // at a = 0 and b >= 0 the gradient of b is 0, at b = 0 that of a
  static constexpr std::string_view name = "pow";
  static constexpr Domain domain{.lo = 0.3, .hi = 2};
  static constexpr Types types = Types::floating;
  DOWNHILL_INLINE static auto f(auto a, auto b) { return vec::pow(a, b); }
  static constexpr auto vjp =
      rules([](auto g, auto a, auto b, auto)
                DOWNHILL_INLINE_LAMBDA { return where(b == 0, 0, g * (b * pow(a, b - 1))); },
            [](auto g, auto a, auto b, auto y)
                DOWNHILL_INLINE_LAMBDA { return where((a == 0) & (b >= 0), 0, g * (y * log(a))); });
};
struct Maximum {  // NaN wins; where both are equal each takes half the gradient
  static constexpr std::string_view name = "maximum";
  static constexpr Domain domain{.ties = true};
  static constexpr Types types = Types::arithmetic;
  DOWNHILL_INLINE static auto f(auto a, auto b) { return vec::max(a, b); }
  static constexpr auto vjp =
      rules([](auto g, auto a, auto b, auto)
                DOWNHILL_INLINE_LAMBDA { return where(a > b, g, where(a == b, 0.5 * g, 0)); },
            [](auto g, auto a, auto b, auto)
                DOWNHILL_INLINE_LAMBDA { return where(a < b, g, where(a == b, 0.5 * g, 0)); });
};
struct Minimum {
  static constexpr std::string_view name = "minimum";
  static constexpr Domain domain{.ties = true};
  static constexpr Types types = Types::arithmetic;
  DOWNHILL_INLINE static auto f(auto a, auto b) { return vec::min(a, b); }
  static constexpr auto vjp =
      rules([](auto g, auto a, auto b, auto)
                DOWNHILL_INLINE_LAMBDA { return where(a < b, g, where(a == b, 0.5 * g, 0)); },
            [](auto g, auto a, auto b, auto)
                DOWNHILL_INLINE_LAMBDA { return where(a > b, g, where(a == b, 0.5 * g, 0)); });
};

// ---------------------------------------------------------------- choosing and comparing
struct Where {  // input 0 is a mask
  static constexpr std::string_view name = "where";
  static constexpr Domain domain{};
  static constexpr Types types = Types::arithmetic;
  static constexpr unsigned masks = 1;
  DOWNHILL_INLINE static auto f(auto c, auto a, auto b) { return where(c, a, b); }
  static constexpr auto vjp = rules(
      NoRule{},
      [](auto g, auto c, auto, auto, auto) DOWNHILL_INLINE_LAMBDA { return where(c, g, 0); },
      [](auto g, auto c, auto, auto, auto) DOWNHILL_INLINE_LAMBDA { return where(c, 0, g); });
};
template <class Self> struct Comparison {
  static constexpr Domain domain{};
  static constexpr Types types = Types::predicate;
  static constexpr auto vjp = rules(NoRule{}, NoRule{});
};
struct Lt : Comparison<Lt> {
  static constexpr std::string_view name = "lt";
  DOWNHILL_INLINE static auto f(auto a, auto b) { return a < b; }
};
struct Le : Comparison<Le> {
  static constexpr std::string_view name = "le";
  DOWNHILL_INLINE static auto f(auto a, auto b) { return a <= b; }
};
struct Gt : Comparison<Gt> {
  static constexpr std::string_view name = "gt";
  DOWNHILL_INLINE static auto f(auto a, auto b) { return a > b; }
};
struct Ge : Comparison<Ge> {
  static constexpr std::string_view name = "ge";
  DOWNHILL_INLINE static auto f(auto a, auto b) { return a >= b; }
};
struct Eq : Comparison<Eq> {
  static constexpr std::string_view name = "eq";
  DOWNHILL_INLINE static auto f(auto a, auto b) { return a == b; }
};
struct Ne : Comparison<Ne> {
  static constexpr std::string_view name = "ne";
  DOWNHILL_INLINE static auto f(auto a, auto b) { return a != b; }
};

// ------------------------------ a two-input op with a number on one side
template <class Op, bool Left> constexpr auto rule_with_number() {
  if constexpr (!has_rule < Op, Left ? 1 : 0 >) return NoRule{};
  else
    return [](const auto& op, auto g, auto x, auto y) DOWNHILL_INLINE_LAMBDA {
      if constexpr (Left) return rule_of<1>(Op::vjp)(g, op.number, x, y);
      else return rule_of<0>(Op::vjp)(g, x, op.number, y);
    };
}
/// x op number, or number op x (Left): everything is derived from Op, the number takes the place of
/// the other input.
template <class Op, bool Left = false> struct WithNumber {
  Scalar number = 2;
  static constexpr std::string_view name = Op::name;
  static constexpr Domain domain = Op::domain;
  static constexpr Types types = Op::types;
  DOWNHILL_INLINE auto f(auto x) const {
    if constexpr (Left) return Op::f(decltype(x)(number), x);
    else return Op::f(x, decltype(x)(number));
  }
  static constexpr auto vjp = rules(rule_with_number<Op, Left>());
};

}  // namespace op
}  // namespace downhill
#pragma GCC visibility pop

// How a formula is read. A pointwise op is one formula `f` and one rule an input; both are generic
// functions, called with
//   Real<T>      inside a kernel (real.h)          Tensor       as differentiable ops (ops.h)
//   Dual<X, N>   a value and N tangents            Probe        to see which arguments a rule uses
#pragma once
#include <array>
#include <string_view>

#include <downhill/tensor/real.h>

#pragma GCC visibility push(default)
namespace downhill {

template <class X>
concept Reading = requires {
  typename X::reading;
};

/// Where test samples of an op are drawn: [lo, hi] for every input, at least 0.05 away from `kink`
/// (where given) for inputs, and from each other's values where `ties` says that equal inputs are a
/// kink.
struct Domain {
  double lo = -2, hi = 2;
  double kink = 1e300;
  bool ties = false;
};

/// What an op does to dtypes.
enum class Types {
  arithmetic,  ///< keeps integers (bool only where the op says so)
  floating,    ///< integers become the default floating dtype first
  predicate,   ///< compares in the promoted dtype and gives bool
};

namespace detail {

template <int... I> struct Seq {};
template <int N> struct MakeSeqOf;
template <> struct MakeSeqOf<0> { using type = Seq<>; };
template <> struct MakeSeqOf<1> { using type = Seq<0>; };
template <> struct MakeSeqOf<2> { using type = Seq<0, 1>; };
template <> struct MakeSeqOf<3> { using type = Seq<0, 1, 2>; };
template <> struct MakeSeqOf<4> { using type = Seq<0, 1, 2, 3>; };
template <> struct MakeSeqOf<5> { using type = Seq<0, 1, 2, 3, 4>; };
template <int N> using MakeSeq = typename MakeSeqOf<N>::type;

template <class... R> struct Rules;
template <class A> struct Rules<A> {
  A r0;
  static constexpr int size = 1;
};
template <class A, class B> struct Rules<A, B> {
  A r0;
  B r1;
  static constexpr int size = 2;
};
template <class A, class B, class C> struct Rules<A, B, C> {
  A r0;
  B r1;
  C r2;
  static constexpr int size = 3;
};

}  // namespace detail

/// The rules of an op, one an input: each takes (g, inputs..., output) and returns the gradient of
/// its input; an op with parameters is handed in front of them. What a rule does not use is not
/// saved.
template <class... R> constexpr detail::Rules<R...> rules(R... r) { return {r...}; }
template <int K> DOWNHILL_INLINE constexpr const auto& rule_of(const auto& r) {
  if constexpr (K == 0) return r.r0;
  else if constexpr (K == 1) return r.r1;
  else return r.r2;
}
/// The rule of an input that has no gradient (a condition, an input of a comparison).
struct NoRule {
  DOWNHILL_INLINE constexpr auto operator()(const auto& first, const auto&...) const {
    return 0 * first;
  }
};
template <class Op, int K>
inline constexpr bool has_rule =
    !std::is_same_v<std::remove_cvref_t<decltype(rule_of<K>(Op::vjp))>, NoRule>;
template <class Op> inline constexpr int arity_of = Op::vjp.size;

/// f and the rules of an op, with or without parameters.
template <class Op, class... X> DOWNHILL_STEP constexpr auto call_f(const Op& op, X... x) {
  return op.f(x...);
}
template <int K, class Op, class... X>
DOWNHILL_STEP constexpr auto call_rule(const Op& op, const X&... x) {
  if constexpr (std::is_empty_v<Op>) return rule_of<K>(Op::vjp)(x...);
  else return rule_of<K>(Op::vjp)(op, x...);
}

/// The reading that only notes which values reach a result, and whether the result is just the
/// incoming gradient.
struct Probe {
  using reading = void;
  unsigned mask = 0;
  bool passes = false;

  constexpr Probe() = default;
  template <Number U> constexpr Probe(U) {}
  constexpr Probe(const Scalar&) {}
  static constexpr Probe argument(int i) { return {1u << i, false}; }
  static constexpr Probe gradient() { return {0, true}; }

  friend constexpr Probe operator+(Probe a, Probe b) { return either(a, b); }
  friend constexpr Probe operator-(Probe a, Probe b) { return either(a, b); }
  friend constexpr Probe operator*(Probe a, Probe b) { return either(a, b); }
  friend constexpr Probe operator/(Probe a, Probe b) { return either(a, b); }
  friend constexpr Probe operator<(Probe a, Probe b) { return either(a, b); }
  friend constexpr Probe operator>(Probe a, Probe b) { return either(a, b); }
  friend constexpr Probe operator<=(Probe a, Probe b) { return either(a, b); }
  friend constexpr Probe operator>=(Probe a, Probe b) { return either(a, b); }
  friend constexpr Probe operator==(Probe a, Probe b) { return either(a, b); }
  friend constexpr Probe operator!=(Probe a, Probe b) { return either(a, b); }
  friend constexpr Probe operator&(Probe a, Probe b) { return either(a, b); }
  friend constexpr Probe operator|(Probe a, Probe b) { return either(a, b); }
  friend constexpr Probe operator-(Probe a) { return either(a, a); }
  friend constexpr Probe operator!(Probe a) { return either(a, a); }
  friend constexpr Probe where(Probe c, Probe a, Probe b) { return either(c, either(a, b)); }
  static constexpr Probe either(Probe a, Probe b) { return {a.mask | b.mask, false}; }

 private:
  constexpr Probe(unsigned m, bool p) : mask(m), passes(p) {}
};

/// An op at a reading: what the vocabulary (tanh(x), maximum(a, b) ...) calls, with or without the
/// op's parameters.
template <class Op> constexpr Probe apply(const Op&, Probe a) { return Probe::either(a, a); }
template <class Op> constexpr Probe apply(const Op&, Probe a, Probe b) {
  return Probe::either(a, b);
}
template <class Op, class T> DOWNHILL_INLINE Real<T> apply(const Op& op, Real<T> a) {
  return op.f(a);
}
template <class Op, class T> DOWNHILL_INLINE Real<T> apply(const Op& op, Real<T> a, Real<T> b) {
  return op.f(a, b);
}

template <class Op, Reading... X> DOWNHILL_INLINE constexpr auto apply(const X&... x) {
  return apply(Op{}, x...);
}

namespace detail {
template <class Op, int K, int... I> constexpr Probe probe_rule(Seq<I...>) {
  constexpr int n = arity_of<Op>;
  if constexpr (!has_rule<Op, K>) return {};
  else return call_rule<K>(Op{}, Probe::gradient(), Probe::argument(I)..., Probe::argument(n));
}
}  // namespace detail

/// What rule K of an op uses: bit i for input i, bit arity for the output.
template <class Op, int K>
inline constexpr unsigned uses_of = detail::probe_rule<Op, K>(detail::MakeSeq<arity_of<Op>>{}).mask;
/// Whether rule K hands the incoming gradient on as it is.
template <class Op, int K>
inline constexpr bool passes_of = detail::probe_rule<Op, K>(detail::MakeSeq<arity_of<Op>>{}).passes;
template <class Op>
inline constexpr unsigned uses_of_any = [] {
  unsigned m = uses_of<Op, 0>;
  if constexpr (arity_of < Op >> 1) m |= uses_of<Op, 1>;
  if constexpr (arity_of < Op >> 2) m |= uses_of<Op, 2>;
  return m;
}();

}  // namespace downhill
#pragma GCC visibility pop

// From a formula to a loop: a task says what one element needs, Loop<Task, T> runs it over
// contiguous memory.
#pragma once
#include <downhill/tensor/formula.h>

#pragma GCC visibility push(default)
namespace downhill::detail {

/// out[0][i], out[1][i] ... = task(in[0][i], in[1][i] ...) for i < n. `state` points to the op (its
/// parameters, or a lambda's captures). Masks are bytes; everything else has the kernel's own type.
using PointwiseKernel =
    KernelTable<void(const void* state, void* const* out, const void* const* in, std::int64_t n)>;

template <class Op> inline constexpr unsigned masks_of = 0;
template <class Op>
requires requires { Op::masks; }
inline constexpr unsigned masks_of<Op> = Op::masks;

template <class Op> constexpr bool is_mask(int input) {
  const unsigned masks = masks_of<Op>;
  return masks >> input & 1;
}

/// The value of an op.
template <class Op> struct Forward {
  using State = Op;
  static constexpr int inputs = arity_of<Op>, outputs = 1;
  static constexpr unsigned masks = masks_of<Op>;
  static constexpr bool predicate = Op::types == Types::predicate;
  template <class Out, class... X> DOWNHILL_STEP static void eval(const Op& op, Out* out, X... x) {
    out[0] = call_f(op, x...);
  }
};

/// The gradient of input K: takes g, then the arguments that the rule uses, in order.
template <class Op, int K> struct Backward1 {
  using State = Op;
  static constexpr unsigned uses = uses_of<Op, K>;
  static constexpr int inputs = 1 + __builtin_popcount(uses), outputs = 1;
  static constexpr int slot(int argument) {
    return 1 + __builtin_popcount(uses & ((1u << argument) - 1));
  }
  static constexpr unsigned masks = [] {
    unsigned m = 0;
    for (int i = 0; i < arity_of<Op>; ++i)
      if (is_mask<Op>(i) && (uses >> i & 1)) m |= 1u << slot(i);
    return m;
  }();
  static constexpr bool predicate = false;

  template <int Argument, class G, class... X> DOWNHILL_INLINE static auto pick(G, X... x) {
    if constexpr (uses >> Argument & 1) return at<slot(Argument) - 1>(x...);
    else if constexpr (is_mask<Op>(Argument)) return G(0) != G(0);
    else return G(0);
  }
  template <int I, class A, class... X> DOWNHILL_INLINE static auto at(A a, X... x) {
    if constexpr (I == 0) return a;
    else return at<I - 1>(x...);
  }
  template <class X, class... U, int... I>
  DOWNHILL_STEP static void eval_at(Seq<I...>, const Op& op, X* out, X g, U... u) {
    out[0] = call_rule<K>(op, g, pick<I>(g, u...)..., pick<arity_of<Op>>(g, u...));
  }
  template <class X, class... U> DOWNHILL_STEP static void eval(const Op& op, X* out, X g, U... u) {
    eval_at(MakeSeq<arity_of<Op>>{}, op, out, g, u...);
  }
};

#ifdef __clang__
#pragma clang diagnostic push
// A formula that stays scalar is no fault of the user's.
#pragma clang diagnostic ignored "-Wpass-failed"
#endif
template <class Task, class T> struct Loop {
  template <int I> DOWNHILL_INLINE static auto load(const void* p, std::int64_t i) {
    if constexpr (Task::masks >> I & 1)
      return Mask<T>::of(static_cast<const std::uint8_t*>(p)[i] != 0);
    else return Real<T>(static_cast<const T*>(p)[i]);
  }
  template <int... O, int... I>
  DOWNHILL_STEP static void loop(Seq<O...>, Seq<I...>, const void* state, void* const* out,
                                 const void* const* in, std::int64_t n) {
    const auto op = *static_cast<const typename Task::State*>(
        state);  // a copy: captures cannot alias the output
    const void* const p[] = {in[I]...};
    if constexpr (Task::predicate) {
      auto* o = static_cast<std::uint8_t*>(out[0]);
      DOWNHILL_VECTORIZE
      for (std::int64_t i = 0; i < n; ++i) {
        Mask<T> r[1];
        Task::eval(op, r, load<I>(p[I], i)...);
        o[i] = r[0].test();
      }
    } else {
      T* const o[] = {static_cast<T*>(out[O])...};
      DOWNHILL_VECTORIZE
      for (std::int64_t i = 0; i < n; ++i) {
        Real<T> r[sizeof...(O)];
        Task::eval(op, r, load<I>(p[I], i)...);
        ((o[O][i] = r[O].v), ...);
      }
    }
  }
  DOWNHILL_STEP static void run(const void* state, void* const* out, const void* const* in,
                                std::int64_t n) {
    loop(MakeSeq<Task::outputs>{}, MakeSeq<Task::inputs>{}, state, out, in, n);
  }
};
#ifdef __clang__
#pragma clang diagnostic pop
#endif

}  // namespace downhill::detail
#pragma GCC visibility pop

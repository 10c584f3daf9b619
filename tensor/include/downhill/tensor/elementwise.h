// elementwise(f, a, b ...): a generic lambda becomes one op, fused forward and backward,
// differentiable to any order.
//   forward        one loop at Real<T>
//   backward       one loop at Dual<Real<T>, N>, whose tangents are seeded with the incoming
//   gradient create_graph   the same at TensorDual: made of recorded ops
// Pointwise ops have diagonal Jacobians, so an op on duals is its own rule with the tangent in the
// gradient's place.
#pragma once
#include <downhill/tensor/formulas.h>
#include <downhill/tensor/pointwise.h>

#pragma GCC visibility push(default)
namespace downhill {
namespace detail {

/// A value and N tangents. `live` says which tangents are not zero: after inlining a constant, so
/// that a zero tangent costs nothing and 0 * inf never turns a gradient into NaN.
template <class X, int N> struct Dual {
  using reading = void;
  using Condition = decltype(std::declval<X>() > std::declval<X>());
  X v;
  X d[N]{};
  unsigned live = 0;

  constexpr Dual() = default;
  constexpr Dual(const Dual&) = default;
  constexpr Dual(Dual&&) = default;
  constexpr Dual& operator=(const Dual&) = default;
  constexpr Dual& operator=(Dual&&) = default;
  DOWNHILL_INLINE constexpr ~Dual() {
  }  // not trivial, hence passed in memory: in registers clang packs and gives up
  DOWNHILL_INLINE constexpr Dual(X value) : v(value) {}
  template <Number U> DOWNHILL_INLINE constexpr Dual(U value) : v(value) {}
  DOWNHILL_INLINE constexpr Dual(const Scalar& value) : v(value) {}
  template <class C>
  requires(std::is_same_v<C, Condition> && !std::is_same_v<C, X>)
      DOWNHILL_INLINE constexpr Dual(C c)
      : v(X(c)) {}  // (x > 0) * y
  template <class U>
  requires std::is_same_v<U, Tensor> Dual(const U& t) : v(t) {}
  DOWNHILL_INLINE constexpr bool has(int k) const { return live >> k & 1; }
  DOWNHILL_INLINE constexpr X tangent(int k) const { return has(k) ? d[k] : X(0); }

  DOWNHILL_INLINE friend constexpr Dual operator+(const Dual& a, const Dual& b) {
    return apply<op::Add>(a, b);
  }
  DOWNHILL_INLINE friend constexpr Dual operator-(const Dual& a, const Dual& b) {
    return apply<op::Sub>(a, b);
  }
  DOWNHILL_INLINE friend constexpr Dual operator*(const Dual& a, const Dual& b) {
    return apply<op::Mul>(a, b);
  }
  DOWNHILL_INLINE friend constexpr Dual operator/(const Dual& a, const Dual& b) {
    return apply<op::Div>(a, b);
  }
  DOWNHILL_INLINE friend constexpr Dual operator-(const Dual& a) { return apply<op::Neg>(a); }
  DOWNHILL_INLINE friend constexpr Condition operator<(const Dual& a, const Dual& b) {
    return a.v < b.v;
  }
  DOWNHILL_INLINE friend constexpr Condition operator>(const Dual& a, const Dual& b) {
    return a.v > b.v;
  }
  DOWNHILL_INLINE friend constexpr Condition operator<=(const Dual& a, const Dual& b) {
    return a.v <= b.v;
  }
  DOWNHILL_INLINE friend constexpr Condition operator>=(const Dual& a, const Dual& b) {
    return a.v >= b.v;
  }
  DOWNHILL_INLINE friend constexpr Condition operator==(const Dual& a, const Dual& b) {
    return a.v == b.v;
  }
  DOWNHILL_INLINE friend constexpr Condition operator!=(const Dual& a, const Dual& b) {
    return a.v != b.v;
  }
  DOWNHILL_INLINE friend constexpr Dual where(const Condition& c, const Dual& a, const Dual& b) {
    Dual r(where(c, a.v, b.v));
    r.live = a.live | b.live;
    r.each([&](int k) DOWNHILL_INLINE_LAMBDA { return where(c, a.tangent(k), b.tangent(k)); });
    return r;
  }
  /// d[k] = f(k) for every live k. A fold, not a loop: nothing has to be unrolled before it
  /// vectorises.
  template <class F> DOWNHILL_INLINE constexpr void each(F f) { each(f, MakeSeq<N>{}); }
  template <class F, int... K> DOWNHILL_INLINE constexpr void each(F f, Seq<K...>) {
    ((has(K) ? void(d[K] = f(K)) : void()), ...);
  }
};

template <class Op, class X, int N>
DOWNHILL_INLINE constexpr Dual<X, N> apply(const Op& op, const Dual<X, N>& a) {
  Dual<X, N> r(downhill::apply(op, a.v));
  r.live = a.live;
  r.each([&](int k) DOWNHILL_INLINE_LAMBDA { return X(call_rule<0>(op, a.d[k], a.v, r.v)); });
  return r;
}
template <class Op, class X, int N>
DOWNHILL_INLINE constexpr Dual<X, N> apply(const Op& op, const Dual<X, N>& a, const Dual<X, N>& b) {
  Dual<X, N> r(downhill::apply(op, a.v, b.v));
  r.live = a.live | b.live;
  r.each([&](int k) DOWNHILL_INLINE_LAMBDA {
    if (!b.has(k)) return X(call_rule<0>(op, a.d[k], a.v, b.v, r.v));
    if (!a.has(k)) return X(call_rule<1>(op, b.d[k], a.v, b.v, r.v));
    return X(call_rule<0>(op, a.d[k], a.v, b.v, r.v) + call_rule<1>(op, b.d[k], a.v, b.v, r.v));
  });
  return r;
}

/// The most inputs of elementwise().
inline constexpr int max_elementwise = 4;

/// A tensor and its tangents; an undefined tangent is zero.
struct TensorDual {
  using reading = void;
  Tensor v, d[max_elementwise];
  TensorDual() = default;
  TensorDual(Tensor t) : v(std::move(t)) {}
  template <Number U> TensorDual(U n) : v(number_tensor(n)) {}
  TensorDual(const Scalar& n) : v(number_tensor(n)) {}
  static Tensor number_tensor(const Scalar& n);

  friend TensorDual operator+(const TensorDual& a, const TensorDual& b) {
    return apply(op::Add{}, a, b);
  }
  friend TensorDual operator-(const TensorDual& a, const TensorDual& b) {
    return apply(op::Sub{}, a, b);
  }
  friend TensorDual operator*(const TensorDual& a, const TensorDual& b) {
    return apply(op::Mul{}, a, b);
  }
  friend TensorDual operator/(const TensorDual& a, const TensorDual& b) {
    return apply(op::Div{}, a, b);
  }
  friend TensorDual operator-(const TensorDual& a) { return apply(op::Neg{}, a); }
  friend Tensor operator<(const TensorDual& a, const TensorDual& b) {
    return compare(a, b, op_table<op::Lt>());
  }
  friend Tensor operator>(const TensorDual& a, const TensorDual& b) {
    return compare(a, b, op_table<op::Gt>());
  }
  friend Tensor operator<=(const TensorDual& a, const TensorDual& b) {
    return compare(a, b, op_table<op::Le>());
  }
  friend Tensor operator>=(const TensorDual& a, const TensorDual& b) {
    return compare(a, b, op_table<op::Ge>());
  }
  friend Tensor operator==(const TensorDual& a, const TensorDual& b) {
    return compare(a, b, op_table<op::Eq>());
  }
  friend Tensor operator!=(const TensorDual& a, const TensorDual& b) {
    return compare(a, b, op_table<op::Ne>());
  }
  friend TensorDual where(const Tensor& c, const TensorDual& a, const TensorDual& b) {
    return choose(c, a, b);
  }

  template <class Op> friend TensorDual apply(const Op& op, const TensorDual& a) {
    const TensorDual* in[] = {&a};
    return call(op_table<Op>(), &op, in);
  }
  template <class Op>
  friend TensorDual apply(const Op& op, const TensorDual& a, const TensorDual& b) {
    const TensorDual* in[] = {&a, &b};
    return call(op_table<Op>(), &op, in);
  }

 private:
  static TensorDual call(const PointwiseOp& op, const void* state,
                         std::span<const TensorDual* const> in);
  static Tensor compare(const TensorDual& a, const TensorDual& b, const PointwiseOp& op);
  static TensorDual choose(const Tensor& c, const TensorDual& a, const TensorDual& b);
};

template <class F, int N> struct ElementwiseForward {
  using State = F;
  static constexpr int inputs = N, outputs = 1;
  static constexpr unsigned masks = 0;
  static constexpr bool predicate = false;
  template <class X, class... Y> DOWNHILL_STEP static void eval(const F& f, X* out, X x, Y... y) {
    out[0] = X(f(x, y...));
  }
};

/// Out: the gradients of the wanted inputs, in order. In: g, then all inputs.
template <class F, int N, unsigned Wanted> struct ElementwiseBackward {
  using State = F;
  static constexpr int inputs = N + 1, outputs = __builtin_popcount(Wanted);
  static constexpr unsigned masks = 0;
  static constexpr bool predicate = false;
  template <int K, class X> DOWNHILL_INLINE static constexpr Dual<X, N> seed(X x, X g) {
    Dual<X, N> r(x);
    if constexpr (Wanted >> K & 1) r.d[K] = g, r.live = 1u << K;
    return r;
  }
  template <class X, int... K, class... Y>
  DOWNHILL_STEP static constexpr Dual<X, N> run(const F& f, X g, Seq<K...>, Y... x) {
    return f(seed<K>(x, g)...);
  }
  template <class X, int... K>
  DOWNHILL_INLINE static void store(X* out, const Dual<X, N>& y, Seq<K...>) {
    ((Wanted >> K & 1 ? void(out[__builtin_popcount(Wanted & ((1u << K) - 1))] = y.tangent(K))
                      : void()),
     ...);
  }
  template <class X, class... Y> DOWNHILL_STEP static void eval(const F& f, X* out, X g, Y... x) {
    store(out, run(f, g, MakeSeq<N>{}, x...), MakeSeq<N>{});
  }
};

/// Which inputs the derivatives with respect to the wanted ones use: found by reading f at duals of
/// Probe.
template <unsigned Wanted, class F, int... K>
constexpr unsigned elementwise_uses(const F& f, Seq<K...>) {
  constexpr int n = sizeof...(K);
  const auto y = ElementwiseBackward<F, n, Wanted>::run(f, Probe::gradient(), Seq<K...>{},
                                                        Probe::argument(K)...);
  return ((Wanted >> K & 1 ? y.tangent(K).mask : 0u) | ...);
}

/// The parts of the node that do not depend on the lambda.
struct ElementwiseRun {
  static DType compute_dtype(std::span<const Tensor* const> in);
  static Tensor forward(const PointwiseKernel& k, const void* f, DType compute,
                        std::span<const Tensor* const> in);
  static void backward(const PointwiseKernel& k, const void* f, Backward& b, unsigned wanted,
                       std::span<const Saved> saved);
};

template <class F, int N> class ElementwiseNode final : public Node {
 public:
  static constexpr unsigned all = (1u << N) - 1;

  ElementwiseNode(const F& f, std::span<const Tensor* const> in, DType compute)
      : Node(edges_, N, &output_, 1), f_(f), compute_(compute) {
    for (int i = 0; i < N; ++i) edges_[i] = edge_to(in[static_cast<std::size_t>(i)]->impl());
    const unsigned uses = elementwise_uses<all>(f, MakeSeq<N>{});
    for (int i = 0; i < N; ++i)
      if (uses >> i & 1) saved_[i] = Saved(*in[static_cast<std::size_t>(i)]);
    finish_recording(*this);
  }
  NodeOutput& output() { return output_; }
  std::string_view name() const override { return "elementwise"; }
  bool release() override { return release_all(saved_); }
  void backward(Backward& b) override {
    if (b.create_graph()) return differentiable(b, MakeSeq<N>{});
    const unsigned wanted = (b.needs(0) ? 1u : 0u) | (N > 1 && b.needs(1) ? 2u : 0u);
    if constexpr (N == 1) fused<1>(b);
    else if constexpr (N == 2) wanted == 1 ? fused<1>(b) : wanted == 2 ? fused<2>(b) : fused<3>(b);
    else fused<all>(b);
  }

 private:
  template <unsigned Wanted> void fused(Backward& b) {
    using Task = ElementwiseBackward<F, N, Wanted>;
    const auto& k = compute_ == kFloat32 ? kernel<Loop<Task, float>> : kernel<Loop<Task, double>>;
    ElementwiseRun::backward(k, &f_, b, Wanted, saved_);
  }
  template <int... K> void differentiable(Backward& b, Seq<K...>) {
    TensorDual x[N];
    for (int k = 0; k < N; ++k) {
      x[k].v = saved_[k] ? saved_[k].input(b, k) : b.grad();
      if (b.needs(k)) x[k].d[k] = b.grad();
    }
    TensorDual y = f_(x[K]...);
    for (int k = 0; k < N; ++k)
      if (y.d[k].defined()) b.set(k, std::move(y.d[k]));
  }

  F f_;
  DType compute_;
  Edge edges_[N];
  Saved saved_[N];
  NodeOutput output_;
};

}  // namespace detail

/// Applies a formula to every element: `elementwise([](auto x, auto w) { return tanh(x) * w +
/// exp(-x * x); }, a, b)`. One to four tensors, which broadcast; integers are converted to floating
/// point. The formula may use + - * / and the vocabulary of formulas.h (exp log tanh sigmoid relu
/// abs sign square sqrt pow clamp maximum minimum), comparisons and where(condition, a, b), numbers
/// it captures, own helpers and loops of fixed length; not `if` on values, nor captured tensors. It
/// runs once a pass, compiled for the instruction set of the processor whatever the flags of the
/// program.
template <class F, class... T>
requires(sizeof...(T) >= 1 && (std::is_same_v<T, Tensor> && ...)) Tensor
    elementwise(const F& f, const T&... x) {
  constexpr int n = sizeof...(T);
  static_assert(n <= detail::max_elementwise, "elementwise: at most four tensors");
  static_assert(std::is_trivially_copyable_v<F>,
                "elementwise: the lambda may capture numbers only");
  using Task = detail::ElementwiseForward<F, n>;
  const Tensor* in[] = {&x...};
  const DType compute = detail::ElementwiseRun::compute_dtype(in);
  const auto& k =
      compute == kFloat32 ? kernel<detail::Loop<Task, float>> : kernel<detail::Loop<Task, double>>;
  Tensor out = detail::ElementwiseRun::forward(k, &f, compute, in);
  if (grad_mode() && (x.requires_grad() || ...)) {
    (detail::check_view_is_current("elementwise", x.impl()), ...);
    auto node = make_node<detail::ElementwiseNode<F, n>>(detail::thread_state(), f, in, compute);
    node->output().size = out.sizes();
    node->output().dtype = out.dtype();
    out.impl().history = std::move(node);
  }
  return out;
}

}  // namespace downhill
#pragma GCC visibility pop

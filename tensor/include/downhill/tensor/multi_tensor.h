// One pass over many tensors at once: the driver behind optimizer steps, gradient clipping and
// penalties. Not part of the umbrella header: it is for code that writes optimizers.
//
// A rule is one formula over the same element of several arrays:
//
//   struct Descent {
//     static constexpr int operands = 2;            // the first is changed, the second only read,
//     struct Coefficients { double lr; };           // all others are state
//     DOWNHILL_INLINE static void update(auto& p, const auto& g, const auto& c) {
//       p = p - c.lr * g;
//     }
//   };
//
// It is read at Real<float> and Real<double> by the loop below, for three instruction sets, and can
// be read at Tensor as a differentiable function.
#pragma once
#include <downhill/tensor/formulas.h>
#include <downhill/tensor/kernels.h>
#include <downhill/tensor/tensor.h>

#include <span>
#include <vector>

#pragma GCC visibility push(default)
namespace downhill {

/// sum over all elements w of all tensors of (l1 |w| + l2 w^2), a 0-d tensor of their promoted
/// dtype: one pass forward and one backward over all of them, summed in double. The gradient,
/// l1 sign(w) + 2 l2 w, is 0 at 0. Of no tensors: 0. Throws for tensors that are not floating.
Tensor elastic_net(const std::vector<Tensor>& tensors, double l1, double l2);

namespace detail {

inline constexpr int kMaxRuleOperands = 6;

/// rule(coefficients, operands, n): the rule on n elements of contiguous arrays.
using MultiKernel = KernelTable<void(const void* coefficients, void* const* data, std::int64_t n)>;

template <class Rule, class T> struct MultiLoop {
  static constexpr int states = Rule::operands > 2 ? Rule::operands - 2 : 0;

  template <int... S>
  DOWNHILL_STEP static void loop(Seq<S...>, const void* coefficients, void* const* data,
                                 std::int64_t n) {
    const auto c = *static_cast<const typename Rule::Coefficients*>(coefficients);
    T* const p = static_cast<T*>(data[0]);
    T* const state[] = {p, static_cast<T*>(data[2 + S])...};
    if constexpr (Rule::operands == 1) {
      DOWNHILL_VECTORIZE
      for (std::int64_t i = 0; i < n; ++i) {
        Real<T> x = p[i];
        Rule::update(x, c);
        p[i] = x.v;
      }
    } else {
      const T* const g = static_cast<const T*>(data[1]);
      DOWNHILL_VECTORIZE
      for (std::int64_t i = 0; i < n; ++i) {
        Real<T> x = p[i], s[] = {x, state[1 + S][i]...};
        Rule::update(x, Real<T>(g[i]), s[1 + S]..., c);
        p[i] = x.v;
        ((state[1 + S][i] = s[1 + S].v), ...);
      }
    }
  }
  DOWNHILL_STEP static void run(const void* coefficients, void* const* data, std::int64_t n) {
    loop(MakeSeq<states>{}, coefficients, data, n);
  }
};

/// A rule at run time.
struct MultiRule {
  int operands;
  const MultiKernel* kernels[2];  ///< float, double
};
template <class Rule>
inline constexpr MultiRule multi_rule{
    Rule::operands, {&kernel<MultiLoop<Rule, float>>, &kernel<MultiLoop<Rule, double>>}};

/// Sums over all elements, in double, over blocks of fixed size: the same for any number of
/// threads.
struct MultiSums {
  double magnitudes = 0;  ///< sum of |x|
  double squares = 0;     ///< sum of x^2
};

/// A list of arrays, float and double mixed, to run rules and sums on. Reuse one: it keeps its
/// memory. Arrays are named by pointers, so whoever fills the list keeps the tensors alive.
class MultiList {
 public:
  void clear() { items_.clear(), chunks_ = elements_ = 0; }
  bool empty() const { return items_.empty(); }
  /// n elements of `dtype`; data[0 .. operands) are the rule's operands.
  void add(DType dtype, std::int64_t n, const void* const* data, int operands);
  /// The elements of a tensor that is dense, in any order of dimensions.
  void add(const TensorImpl& x) { add(x.dtype, x.numel, &x.data, 1); }

  /// Applies the rule to every item, on several threads where that pays. Denormal numbers count as
  /// zero on x86-64: they would make a step several times slower.
  void run(const MultiRule& rule, const void* coefficients) const;
  MultiSums sums() const;                ///< denormal numbers may count as zero here, too
  double largest_magnitude() const;      ///< NaN where there is one; 0 of nothing
  double sum_of_powers(double p) const;  ///< sum of |x|^p

 private:
  struct Item {
    Item() {}  // leaves the members unset
    void* data[kMaxRuleOperands];
    std::int64_t n, first_chunk;
    DType dtype;
  };
  using BlockKernel = KernelTable<void(const void* data, std::int64_t n, MultiSums* out)>;
  template <class F> void over_chunks(F&& f) const;
  template <class F> void over_parts(std::int64_t begin, std::int64_t end, F&& f) const;
  std::span<const MultiSums> blocks(const BlockKernel& single, const BlockKernel& twice) const;

  std::vector<Item> items_;
  std::int64_t chunks_ = 0, elements_ = 0;
};

/// Multiplies by a number.
struct ScaleRule {
  static constexpr int operands = 1;
  struct Coefficients {
    double factor;
  };
  DOWNHILL_INLINE static void update(auto& x, const auto& c) { x = c.factor * x; }
};

}  // namespace detail
}  // namespace downhill
#pragma GCC visibility pop

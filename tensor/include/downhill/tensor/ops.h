// Every operation on tensors. Where a name exists in PyTorch, arguments, broadcasting, promotion
// and results are PyTorch's. Inputs of different shapes broadcast as in NumPy; a number mixed with
// a tensor changes its dtype only where the number's kind is higher. Every op is recorded while
// grad mode is on and an input requires a gradient. Errors: Error (IndexError for indices and
// dimensions) whose text begins with the op's name.
#pragma once
#include <utility>

#include <downhill/tensor/tensor.h>

#pragma GCC visibility push(default)
namespace downhill {

// ---------------------------------------------------------------- arithmetic
Tensor add(const Tensor& a, const Tensor& b);
Tensor add(const Tensor& a, const Scalar& b);
Tensor sub(const Tensor& a, const Tensor& b);  ///< bool tensors are refused, as in PyTorch
Tensor sub(const Tensor& a, const Scalar& b);
Tensor sub(const Scalar& a, const Tensor& b);
Tensor mul(const Tensor& a, const Tensor& b);
Tensor mul(const Tensor& a, const Scalar& b);
Tensor div(const Tensor& a, const Tensor& b);  ///< true division: integers give floating point
Tensor div(const Tensor& a, const Scalar& b);
Tensor div(const Scalar& a, const Tensor& b);
Tensor neg(const Tensor& x);

inline Tensor operator+(const Tensor& a, const Tensor& b) { return add(a, b); }
inline Tensor operator+(const Tensor& a, const Scalar& b) { return add(a, b); }
inline Tensor operator+(const Scalar& a, const Tensor& b) { return add(b, a); }
inline Tensor operator-(const Tensor& a, const Tensor& b) { return sub(a, b); }
inline Tensor operator-(const Tensor& a, const Scalar& b) { return sub(a, b); }
inline Tensor operator-(const Scalar& a, const Tensor& b) { return sub(a, b); }
inline Tensor operator*(const Tensor& a, const Tensor& b) { return mul(a, b); }
inline Tensor operator*(const Tensor& a, const Scalar& b) { return mul(a, b); }
inline Tensor operator*(const Scalar& a, const Tensor& b) { return mul(b, a); }
inline Tensor operator/(const Tensor& a, const Tensor& b) { return div(a, b); }
inline Tensor operator/(const Tensor& a, const Scalar& b) { return div(a, b); }
inline Tensor operator/(const Scalar& a, const Tensor& b) { return div(a, b); }
inline Tensor operator-(const Tensor& x) { return neg(x); }

// ------------------------------ comparisons: bool results, no gradient
Tensor lt(const Tensor& a, const Tensor& b);
Tensor lt(const Tensor& a, const Scalar& b);
Tensor le(const Tensor& a, const Tensor& b);
Tensor le(const Tensor& a, const Scalar& b);
Tensor gt(const Tensor& a, const Tensor& b);
Tensor gt(const Tensor& a, const Scalar& b);
Tensor ge(const Tensor& a, const Tensor& b);
Tensor ge(const Tensor& a, const Scalar& b);
Tensor eq(const Tensor& a, const Tensor& b);
Tensor eq(const Tensor& a, const Scalar& b);
Tensor ne(const Tensor& a, const Tensor& b);
Tensor ne(const Tensor& a, const Scalar& b);

inline Tensor operator<(const Tensor& a, const Tensor& b) { return lt(a, b); }
inline Tensor operator<(const Tensor& a, const Scalar& b) { return lt(a, b); }
inline Tensor operator<(const Scalar& a, const Tensor& b) { return gt(b, a); }
inline Tensor operator<=(const Tensor& a, const Tensor& b) { return le(a, b); }
inline Tensor operator<=(const Tensor& a, const Scalar& b) { return le(a, b); }
inline Tensor operator<=(const Scalar& a, const Tensor& b) { return ge(b, a); }
inline Tensor operator>(const Tensor& a, const Tensor& b) { return gt(a, b); }
inline Tensor operator>(const Tensor& a, const Scalar& b) { return gt(a, b); }
inline Tensor operator>(const Scalar& a, const Tensor& b) { return lt(b, a); }
inline Tensor operator>=(const Tensor& a, const Tensor& b) { return ge(a, b); }
inline Tensor operator>=(const Tensor& a, const Scalar& b) { return ge(a, b); }
inline Tensor operator>=(const Scalar& a, const Tensor& b) { return le(b, a); }
inline Tensor operator==(const Tensor& a, const Tensor& b) { return eq(a, b); }
inline Tensor operator==(const Tensor& a, const Scalar& b) { return eq(a, b); }
inline Tensor operator==(const Scalar& a, const Tensor& b) { return eq(b, a); }
inline Tensor operator!=(const Tensor& a, const Tensor& b) { return ne(a, b); }
inline Tensor operator!=(const Tensor& a, const Scalar& b) { return ne(a, b); }
inline Tensor operator!=(const Scalar& a, const Tensor& b) { return ne(b, a); }

/// And, or, not of bool tensors.
Tensor operator&(const Tensor& a, const Tensor& b);
Tensor operator|(const Tensor& a, const Tensor& b);
Tensor operator~(const Tensor& a);
inline Tensor operator!(const Tensor& a) { return ~a; }

// ---------------------------------------------------------------- pointwise functions
Tensor abs(const Tensor& x);   ///< |x|; gradient sign(x), 0 at 0
Tensor sign(const Tensor& x);  ///< -1, 0 or 1; NaN stays NaN; gradient 0
Tensor square(const Tensor& x);
Tensor sqrt(const Tensor& x);
Tensor exp(const Tensor& x);
Tensor log(const Tensor& x);
Tensor tanh(const Tensor& x);
Tensor sigmoid(const Tensor& x);  ///< 1 / (1 + e^-x)
Tensor relu(const Tensor& x);     ///< max(0, x); gradient 0 at 0
/// a^b. A number as exponent that is an integer works for integer tensors too (not a negative one)
/// and for negative bases.
Tensor pow(const Tensor& a, const Scalar& b);
Tensor pow(const Tensor& a, const Tensor& b);
/// min(max(x, lo), hi), either bound may be left out; hi wins where lo > hi. The gradient passes
/// inside and on the bounds.
Tensor clamp(const Tensor& x, std::optional<Scalar> lo, std::optional<Scalar> hi = {});
Tensor maximum(const Tensor& a,
               const Tensor& b);  ///< NaN wins; at a tie each input takes half the gradient
Tensor minimum(const Tensor& a, const Tensor& b);
Tensor maximum(const Tensor& a, const Scalar& b);  ///< clamp from below by a number
Tensor maximum(const Scalar& a, const Tensor& b);
Tensor minimum(const Tensor& a, const Scalar& b);
Tensor minimum(const Scalar& a, const Tensor& b);
/// a where the bool tensor `condition` is true, else b.
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);
Tensor where(const Tensor& condition, const Tensor& a, const Scalar& b);
Tensor where(const Tensor& condition, const Scalar& a, const Tensor& b);
Tensor where(const Tensor& condition, const Scalar& a, const Scalar& b);
Tensor masked_fill(const Tensor& x, const Tensor& mask, const Scalar& value);

// ------------------------------ reductions: over `dims`, over all when dims is {}
Tensor sum(const Tensor& x);
Tensor sum(const Tensor& x, const Shape& dims,
           bool keepdim = false);  ///< bool and integers give int64; pairwise in blocks
Tensor mean(const Tensor& x);
Tensor mean(const Tensor& x, const Shape& dims,
            bool keepdim = false);  ///< floating dtypes only; of nothing: NaN
/// The largest (smallest) element; NaN wins; ties share the gradient evenly. An empty reduction is
/// an error.
Tensor amax(const Tensor& x, const Shape& dims = {}, bool keepdim = false);
Tensor amin(const Tensor& x, const Shape& dims = {}, bool keepdim = false);
Tensor max(const Tensor& x);
Tensor min(const Tensor& x);
struct ValuesIndices {
  Tensor values, indices;
};
/// The largest along `dim` and where it is (the first one); the gradient goes there.
ValuesIndices max(const Tensor& x, std::int64_t dim, bool keepdim = false);
ValuesIndices min(const Tensor& x, std::int64_t dim, bool keepdim = false);
struct MinMax {
  Tensor min, max;
};
/// Both in one op with two outputs; ties share the gradient evenly.
MinMax aminmax(const Tensor& x, std::optional<std::int64_t> dim = {}, bool keepdim = false);
Tensor argmax(const Tensor& x);  ///< the flat index of the first largest element
Tensor argmax(const Tensor& x, std::int64_t dim, bool keepdim = false);
Tensor logsumexp(const Tensor& x, const Shape& dims,
                 bool keepdim = false);             ///< log(sum(exp(x))) without overflow
Tensor softmax(const Tensor& x, std::int64_t dim);  ///< nan with +inf, or of -inf only, in a row
Tensor log_softmax(const Tensor& x, std::int64_t dim);  ///< nan where softmax is
/// x summed back to a shape that broadcasts to x's: the adjoint of expand.
Tensor sum_to(const Tensor& x, const Shape& shape);

// ---------------------------------------------------------------- products
/// PyTorch's matmul: 1-d and 2-d combinations, and batches of matrices whose leading dimensions
/// broadcast.
Tensor matmul(const Tensor& a, const Tensor& b);
inline Tensor mm(const Tensor& a, const Tensor& b) { return matmul(a, b); }
/// x W^T + b with x [..., in], weight [out, in], bias [out] (may be undefined).
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});

// ---------------------------------------------------------------- losses with a fused backward
/// Mean of the per-example losses, their sum, or the losses themselves.
enum class Reduction { none, mean, sum };
/// -log softmax(x)[target], nan where softmax is: x [N, C] (or [C]), target int64 [N] (or 0-d). An
/// example whose target is ignore_index counts for nothing; the mean of no examples is NaN.
Tensor cross_entropy(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::mean,
                     std::int64_t ignore_index = -100);
/// sum over j != y of max(0, x_j - x_y + margin), Weston and Watkins' multiclass SVM loss: x [N,
/// C], target int64 [N]. The gradient at a kink is that of the flat side.
Tensor multiclass_hinge(const Tensor& x, const Tensor& target, double margin = 1,
                        Reduction reduction = Reduction::mean);

// ---------------------------------------------------------------- shape
Tensor reshape(const Tensor& x,
               const Shape& shape);  ///< a view where strides allow; one size may be -1
Tensor view(const Tensor& x,
            const Shape& shape);  ///< the same, but an error where it would have to copy
Tensor flatten(const Tensor& x, std::int64_t start_dim = 0, std::int64_t end_dim = -1);
Tensor transpose(const Tensor& x, std::int64_t dim0, std::int64_t dim1);
Tensor t(const Tensor& x);  ///< transposes a matrix; fewer dimensions are returned as they are
Tensor permute(const Tensor& x, const Shape& dims);
Tensor expand(const Tensor& x,
              const Shape& shape);  ///< broadcasts without copying; -1 keeps a size
Tensor squeeze(const Tensor& x);
Tensor squeeze(const Tensor& x, std::int64_t dim);
Tensor unsqueeze(const Tensor& x, std::int64_t dim);
Tensor select(const Tensor& x, std::int64_t dim, std::int64_t index);
Tensor slice(const Tensor& x, std::int64_t dim, std::optional<std::int64_t> start = {},
             std::optional<std::int64_t> end = {}, std::int64_t step = 1);
Tensor narrow(const Tensor& x, std::int64_t dim, std::int64_t start, std::int64_t length);
Tensor clone(const Tensor& x);
Tensor contiguous(const Tensor& x);
Tensor to(const Tensor& x, DType dtype);
Tensor cat(const std::vector<Tensor>& tensors, std::int64_t dim = 0);
Tensor stack(const std::vector<Tensor>& tensors, std::int64_t dim = 0);

// ---------------------------------------------------------------- indexing (indexing.h has Slice,
// None, Ellipsis)
Tensor index_select(const Tensor& x, std::int64_t dim, const Tensor& index);
Tensor gather(const Tensor& x, std::int64_t dim, const Tensor& index);
/// zeros of `shape` with src added at `index` along dim: the adjoint of gather.
Tensor scatter_add(const Tensor& x, std::int64_t dim, const Tensor& index, const Tensor& src);

}  // namespace downhill
#pragma GCC visibility pop

// Tensor: a handle to an n-dimensional array that may remember how it was made.
#pragma once
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <vector>

#include <downhill/tensor/dtype.h>
#include <downhill/tensor/error.h>
#include <downhill/tensor/memory.h>
#include <downhill/tensor/shape.h>

#pragma GCC visibility push(default)
namespace downhill {

class Node;
class Tensor;
class TensorIndex;

namespace detail {

/// What a handle points to: where the elements are, and the history. Two counts keep the two halves
/// apart: `refs` counts handles, `values` counts the values that graph nodes saved (and one for all
/// handles together). A saved value keeps the elements but not the history, so a node that saves
/// its own output, or a tensor changed in place, makes no cycle.
struct TensorImpl {
  RefCount refs, values;
  DType dtype = kFloat32;
  bool contiguous = true;           ///< row-major without gaps
  bool dense = true;                ///< without gaps or overlap, in any order of dimensions
  bool number = false;              ///< a C++ number as a tensor: takes the dtype of what it meets
  std::uint32_t output = 0;         ///< which output of the history this is
  std::uint32_t view_recorded = 0;  ///< storage->recorded when this view was made
  void* data = nullptr;
  std::int64_t numel = 0;
  Ref<Storage> storage;
  Ref<Node> history;     ///< null: a constant; a Leaf: a parameter; else the op that made it
  Ref<TensorImpl> base;  ///< of a view: the tensor it looks into (never itself a view)
  Shape size, stride;

  TensorImpl();
  ~TensorImpl();
  static void destroy(TensorImpl* p);        // the last handle is gone
  static void destroy_value(TensorImpl* p);  // and so is the last saved value
};

}  // namespace detail

/// A view of the elements with N indices and no checks beyond dtype and rank: `auto a =
/// x.accessor<float, 2>(); a[i][j]`.
template <class T, int N> class TensorAccessor {
 public:
  TensorAccessor(T* data, const std::int64_t* size, const std::int64_t* stride)
      : data_(data), size_(size), stride_(stride) {}
  std::int64_t size(int dim) const { return size_[dim]; }
  decltype(auto) operator[](std::int64_t i) const {
    if constexpr (N == 1) return (data_[i * stride_[0]]);
    else return TensorAccessor<T, N - 1>(data_ + i * stride_[0], size_ + 1, stride_ + 1);
  }

 private:
  T* data_;
  const std::int64_t *size_, *stride_;
};

/// Copying a Tensor copies the handle: both see the same elements. A default-made Tensor is
/// undefined (no elements at all); using it throws. Names, arguments and results follow
/// torch.Tensor; every op here is described at the free function of the same name in ops.h. Methods
/// that end in `_` change the tensor in place and return it.
class Tensor {
 public:
  using Hook = std::function<Tensor(const Tensor&)>;

  Tensor() = default;
  Tensor(const Tensor&) = default;
  Tensor(Tensor&&) noexcept = default;
  Tensor& operator=(const Tensor&) & = default;
  Tensor& operator=(Tensor&&) & noexcept = default;
  /// Assigning to a temporary writes through: x[0] = v, x.index({...}) is for reading, index_put_
  /// for writing.
  Tensor& operator=(const Tensor& v) && {
    copy_(v);
    return *this;
  }
  Tensor& operator=(Tensor&& v) && {
    copy_(v);
    return *this;
  }
  Tensor& operator=(const Scalar& v) && {
    fill_(v);
    return *this;
  }

  // ---- looking
  bool defined() const { return bool(p_); }
  const Shape& sizes() const { return impl().size; }
  const Shape& strides() const { return impl().stride; }
  std::int64_t size(std::int64_t dim) const;
  std::int64_t stride(std::int64_t dim) const;
  std::int64_t dim() const { return impl().size.size(); }
  std::int64_t numel() const { return impl().numel; }
  DType dtype() const { return impl().dtype; }
  bool is_floating_point() const { return is_floating(impl().dtype); }
  bool is_contiguous() const { return impl().contiguous; }
  bool is_same(const Tensor& o) const { return p_.get() == o.p_.get(); }
  /// The first element. Throws where T is not the dtype. Writing through it is not recorded and not
  /// noticed by backward.
  template <class T> T* data_ptr() const {
    return static_cast<T*>(typed_data("data_ptr", dtype_of<T>));
  }
  void* data_ptr() const { return impl().data; }
  /// The only element as a number. Throws for more or fewer than one element.
  template <Number T = double> T item() const { return item_scalar().to<T>(); }
  template <class T, int N> TensorAccessor<T, N> accessor() const {
    check_rank(N);
    return {static_cast<T*>(typed_data("accessor", dtype_of<T>)), sizes().data(), strides().data()};
  }
  /// How many in-place writes its memory has seen (views share the count).
  std::uint32_t version() const { return impl().storage->version; }

  // ---- differentiating
  /// True where backward would reach this tensor: a parameter, or made from one while grad mode was
  /// on.
  bool requires_grad() const { return bool(impl().history); }
  /// Makes a constant a leaf that collects its gradient (or a leaf a constant). Throws for integer
  /// dtypes, and for `false` on an intermediate (use detach()).
  const Tensor& requires_grad_(bool on = true) const;
  bool is_leaf() const;
  /// The collected gradient of a leaf, or of an intermediate after retain_grad(); undefined before
  /// the first backward.
  Tensor grad() const;
  /// The same, to assign to or to change. Throws for a tensor that collects no gradient.
  Tensor& mutable_grad() const;
  /// Makes backward keep this intermediate's gradient in grad(). No effect on a leaf.
  void retain_grad() const;
  /// Calls `fn` with the gradient of this tensor during backward; what it returns, where defined,
  /// takes the gradient's place. Returns an id for remove_hook.
  std::int64_t register_hook(Hook fn) const;
  void remove_hook(std::int64_t id) const;
  /// The node that made it; null for a constant or a leaf.
  const Node* grad_fn() const;
  /// The same elements without history. Shares memory and version counter.
  Tensor detach() const;
  /// Adds d(this)/d(leaf), weighted with `gradient` (may be left out for one element), to every
  /// leaf's grad. Defined in autograd. retain_graph defaults to create_graph; without it the saved
  /// values are freed.
  void backward(const Tensor& gradient = {}, std::optional<bool> retain_graph = {},
                bool create_graph = false) const;

  // ---- whole tensors
  Tensor clone() const;
  Tensor contiguous() const;
  Tensor to(DType dtype) const;
  const Tensor& copy_(const Tensor& source) const;
  const Tensor& fill_(const Scalar& value) const;
  const Tensor& zero_() const { return fill_(0); }
  /// Makes this tensor show `other`'s elements, keeping its identity as a leaf; not recorded.
  void set_data(const Tensor& other);

  // ---- shape
  Tensor reshape(const Shape& shape) const;
  Tensor view(const Shape& shape) const;
  Tensor view_as(const Tensor& other) const { return view(other.sizes()); }
  Tensor flatten(std::int64_t start_dim = 0, std::int64_t end_dim = -1) const;
  Tensor transpose(std::int64_t dim0, std::int64_t dim1) const;
  Tensor t() const;
  Tensor mT() const { return transpose(-2, -1); }
  Tensor permute(const Shape& dims) const;
  Tensor expand(const Shape& shape) const;
  Tensor expand_as(const Tensor& other) const { return expand(other.sizes()); }
  Tensor squeeze() const;
  Tensor squeeze(std::int64_t dim) const;
  Tensor unsqueeze(std::int64_t dim) const;
  Tensor select(std::int64_t dim, std::int64_t index) const;
  Tensor slice(std::int64_t dim, std::optional<std::int64_t> start = {},
               std::optional<std::int64_t> end = {}, std::int64_t step = 1) const;
  Tensor narrow(std::int64_t dim, std::int64_t start, std::int64_t length) const;

  // ---- indexing
  Tensor operator[](std::int64_t i) const { return select(0, i); }
  Tensor index(std::initializer_list<TensorIndex> indices) const;
  const Tensor& index_put_(std::initializer_list<TensorIndex> indices, const Tensor& values) const;
  const Tensor& index_put_(std::initializer_list<TensorIndex> indices, const Scalar& value) const;
  Tensor index_select(std::int64_t dim, const Tensor& index) const;
  Tensor gather(std::int64_t dim, const Tensor& index) const;

  // ---- pointwise
  Tensor abs() const;
  Tensor neg() const;
  Tensor square() const;
  Tensor sqrt() const;
  Tensor exp() const;
  Tensor log() const;
  Tensor tanh() const;
  Tensor sigmoid() const;
  Tensor relu() const;
  Tensor pow(const Scalar& exponent) const;
  Tensor pow(const Tensor& exponent) const;
  Tensor clamp(std::optional<Scalar> min = {}, std::optional<Scalar> max = {}) const;
  Tensor clamp_min(const Scalar& min) const { return clamp(min, {}); }
  Tensor clamp_max(const Scalar& max) const { return clamp({}, max); }
  Tensor add(const Tensor& o) const;
  Tensor add(const Scalar& o) const;
  Tensor sub(const Tensor& o) const;
  Tensor sub(const Scalar& o) const;
  Tensor mul(const Tensor& o) const;
  Tensor mul(const Scalar& o) const;
  Tensor div(const Tensor& o) const;
  Tensor div(const Scalar& o) const;
  Tensor masked_fill(const Tensor& mask, const Scalar& value) const;

  // ---- pointwise in place
  const Tensor& add_(const Tensor& o) const;
  const Tensor& add_(const Scalar& o) const;
  const Tensor& sub_(const Tensor& o) const;
  const Tensor& sub_(const Scalar& o) const;
  const Tensor& mul_(const Tensor& o) const;
  const Tensor& mul_(const Scalar& o) const;
  const Tensor& div_(const Tensor& o) const;
  const Tensor& div_(const Scalar& o) const;
  const Tensor& operator+=(const Tensor& o) const { return add_(o); }
  const Tensor& operator+=(const Scalar& o) const { return add_(o); }
  const Tensor& operator-=(const Tensor& o) const { return sub_(o); }
  const Tensor& operator-=(const Scalar& o) const { return sub_(o); }
  const Tensor& operator*=(const Tensor& o) const { return mul_(o); }
  const Tensor& operator*=(const Scalar& o) const { return mul_(o); }
  const Tensor& operator/=(const Tensor& o) const { return div_(o); }
  const Tensor& operator/=(const Scalar& o) const { return div_(o); }
  const Tensor& neg_() const;
  const Tensor& exp_() const;
  const Tensor& sqrt_() const;
  const Tensor& tanh_() const;
  const Tensor& sigmoid_() const;
  const Tensor& relu_() const;
  const Tensor& clamp_(std::optional<Scalar> min = {}, std::optional<Scalar> max = {}) const;

  // ---- random, in place (random.h)
  const Tensor& uniform_(double from = 0, double to = 1) const;
  const Tensor& normal_(double mean = 0, double std = 1) const;

  // ---- reductions
  Tensor sum() const;
  Tensor sum(const Shape& dims, bool keepdim = false) const;
  Tensor mean() const;
  Tensor mean(const Shape& dims, bool keepdim = false) const;
  Tensor amax(const Shape& dims = {}, bool keepdim = false) const;
  Tensor amin(const Shape& dims = {}, bool keepdim = false) const;
  Tensor max() const;
  Tensor min() const;
  Tensor argmax() const;
  Tensor argmax(std::int64_t dim, bool keepdim = false) const;
  Tensor logsumexp(const Shape& dims, bool keepdim = false) const;
  Tensor softmax(std::int64_t dim) const;
  Tensor log_softmax(std::int64_t dim) const;

  // ---- products
  Tensor matmul(const Tensor& o) const;
  Tensor mm(const Tensor& o) const { return matmul(o); }

  // ---- for ops
  explicit Tensor(detail::Ref<detail::TensorImpl> p) : p_(std::move(p)) {}
  detail::TensorImpl& impl() const {
    if (!p_) [[unlikely]]
      undefined();
    return *p_;
  }
  const detail::Ref<detail::TensorImpl>& ref() const { return p_; }

 private:
  [[noreturn]] static void undefined();
  void* typed_data(const char* op, DType expected) const;
  void check_rank(int n) const;
  Scalar item_scalar() const;

  detail::Ref<detail::TensorImpl> p_;
};

/// How a new tensor is made: `zeros({2}, kFloat64)`, `zeros({2},
/// TensorOptions().dtype(kFloat64).requires_grad())`, `randn({2}, requires_grad())`.
class TensorOptions {
 public:
  TensorOptions() = default;
  TensorOptions(DType t) : dtype_(t) {}
  TensorOptions dtype(DType t) const {
    auto o = *this;
    o.dtype_ = t;
    return o;
  }
  TensorOptions requires_grad(bool on = true) const {
    auto o = *this;
    o.requires_grad_ = on;
    return o;
  }
  DType dtype_or(DType fallback) const { return dtype_.value_or(fallback); }
  bool wants_grad() const { return requires_grad_; }

 private:
  std::optional<DType> dtype_;
  bool requires_grad_ = false;
};
inline TensorOptions dtype(DType t) { return TensorOptions(t); }
inline TensorOptions requires_grad(bool on = true) { return TensorOptions().requires_grad(on); }

namespace detail {

/// A fresh contiguous tensor with unset elements.
Tensor new_tensor(ThreadState& t, const Shape& size, DType dtype);
/// The same with the strides of `like` where that is dense, else contiguous.
Tensor new_like(ThreadState& t, const TensorImpl& like, DType dtype);
/// Another window on `of`'s memory, not recorded: a view (of.base or of itself becomes its base)
/// ...
Tensor new_view(const Tensor& of, const Shape& size, const Shape& stride, std::int64_t offset);
/// ... or a plain alias of the same elements, without base and history.
Tensor new_alias(ThreadState& t, const TensorImpl& of);
/// A 0-d constant that promotes as the number would.
Tensor number_tensor(const Scalar& value);
/// Recomputes numel, contiguous and dense from size and stride.
void update_layout(TensorImpl& p);

}  // namespace detail
}  // namespace downhill
#pragma GCC visibility pop

// What stands between the brackets, turned into views and one pick.
#include <downhill/tensor/format.h>

#include <algorithm>
#include <cstring>

#include "ops/index_ops.h"

namespace downhill {

TensorIndex::TensorIndex(const char* dots) : kind(Kind::ellipsis) {
  check(std::string_view(dots) == "...",
        "index: the only string that can index is \"...\", got \"{}\"", dots);
}

namespace detail {

Tensor dense_data(const Tensor& t) {
  if (t.is_contiguous()) return t;
  NoGradGuard guard;
  return contiguous(t);
}

bool check_positions(const char* op, const Tensor& index, std::int64_t dim, std::int64_t size,
                     bool wrap) {
  const std::int64_t *p = index.data_ptr<std::int64_t>(), n = index.numel(),
                     least = wrap ? -size : 0;
  std::int64_t lo = 0, hi = -1;
  for (std::int64_t i = 0; i < n; ++i) {
    lo = std::min(lo, p[i]);
    hi = std::max(hi, p[i]);
  }
  if (lo >= least && hi < size) [[likely]]
    return lo < 0;
  const std::int64_t* bad =
      std::find_if(p, p + n, [&](std::int64_t i) { return i < least || i >= size; });
  fail_index("{}: index {} is out of range for dimension {} of size {}", op, *bad, dim, size);
}

namespace {

Tensor nonzero_positions(const Tensor& mask) {
  const Tensor dense = dense_data(mask);
  const bool* p = dense.data_ptr<bool>();
  Tensor r = new_tensor(thread_state(), {std::count(p, p + dense.numel(), true)}, kInt64);
  std::int64_t* out = r.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < dense.numel(); ++i)
    if (p[i]) *out++ = i;
  return r;
}

Tensor counted_from_front(const Tensor& index, std::int64_t size) {
  Tensor r = new_tensor(thread_state(), index.sizes(), kInt64);
  const std::int64_t* from = index.data_ptr<std::int64_t>();
  std::int64_t* to = r.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < index.numel(); ++i) to[i] = from[i] < 0 ? from[i] + size : from[i];
  return r;
}

bool is_scalar(const TensorIndex& i, DType t) {
  return i.kind == TensorIndex::Kind::tensor && i.tensor.dim() == 0 && i.tensor.dtype() == t;
}

// How many dimensions of the tensor an index speaks of.
int dims_of(const TensorIndex& i) {
  switch (i.kind) {
    case TensorIndex::Kind::integer:
    case TensorIndex::Kind::slice:
      return 1;
    case TensorIndex::Kind::tensor:
      return i.tensor.dtype() == kBool ? static_cast<int>(i.tensor.dim()) : 1;
    default:
      return 0;
  }
}

class Planner {
 public:
  Planner(const char* op, const Tensor& x) : op_(op), whole_(x), x_(x) {}

  Plan operator()(std::span<const TensorIndex> indices) {
    const int rest = check_indices(indices);
    for (const TensorIndex& i : indices) add(i, rest);
    if (n_ == 0) return {x_.is_same(whole_) ? reshape(x_, x_.sizes()) : x_, {}, {}};
    Tensor positions = combined();
    const DimRange dims = make_adjacent();
    return {std::move(x_), dims, std::move(positions)};
  }

 private:
  struct Pick {
    DimRange dims;
    Tensor positions;
  };

  // Returns how many dimensions an ellipsis stands for.
  int check_indices(std::span<const TensorIndex> indices) const {
    int used = 0, dots = 0;
    for (const TensorIndex& i : indices) {
      if (i.kind == TensorIndex::Kind::tensor) check_tensor(i.tensor);
      used += dims_of(i);
      dots += i.kind == TensorIndex::Kind::ellipsis;
    }
    check_index(used <= whole_.dim(), "{}: too many indices ({}) for a tensor of shape {}", op_,
                used, whole_.sizes());
    check_index(dots <= 1, "{}: an ellipsis (\"...\") can stand only once, got {}", op_, dots);
    return static_cast<int>(whole_.dim()) - used;
  }
  void check_tensor(const Tensor& t) const {
    check_defined(op_, t);
    check_index(t.dtype() == kInt64 || t.dtype() == kBool,
                "{}: a tensor that indexes must be int64 or bool, got {}", op_, name_of(t.dtype()));
  }

  void add(const TensorIndex& i, int rest) {
    switch (i.kind) {
      case TensorIndex::Kind::none:
        x_ = unsqueeze(x_, dim_++);
        break;
      case TensorIndex::Kind::ellipsis:
        skip(rest);
        break;
      case TensorIndex::Kind::integer:
        add_integer(i.integer);
        break;
      case TensorIndex::Kind::boolean:
        add_boolean(i.integer != 0);
        break;
      case TensorIndex::Kind::slice:
        add_slice(i.slice);
        break;
      default:
        if (is_scalar(i, kInt64)) add_integer(i.tensor.item<std::int64_t>());
        else if (is_scalar(i, kBool)) add_boolean(i.tensor.item<bool>());
        else if (i.tensor.dtype() == kBool) add_mask(i.tensor);
        else add_tensor(i.tensor);
    }
  }
  void skip(int n) {
    dim_ += n;
    source_ += n;
  }
  void add_pick(int dims, Tensor positions) {
    picks_[n_++] = {{dim_, dims}, std::move(positions)};
    skip(dims);
  }
  void add_integer(std::int64_t i) {
    const std::int64_t size = x_.sizes()[dim_];
    check_index(i >= -size && i < size, "{}: index {} is out of range for dimension {} of size {}",
                op_, i, source_, size);
    x_ = select(x_, dim_, i);
    ++source_;
  }
  void add_boolean(bool on) {
    x_ = unsqueeze(x_, dim_);
    Tensor none_or_one = new_tensor(thread_state(), {on}, kInt64);
    if (on) *none_or_one.data_ptr<std::int64_t>() = 0;
    add_pick(1, std::move(none_or_one));
    --source_;
  }
  void add_slice(const Slice& s) {
    check(s.step >= 1, "{}: the step of a slice must be at least 1, got {}", op_, s.step);
    x_ = slice(x_, dim_, s.start, s.stop, s.step);
    skip(1);
  }
  void add_mask(const Tensor& mask) {
    const int n = static_cast<int>(mask.dim());
    bool fits = true;
    for (int d = 0; d < n; ++d) fits &= mask.sizes()[d] == x_.sizes()[dim_ + d];
    check_index(fits, "{}: a mask of shape {} does not fit {} from dimension {} on", op_,
                mask.sizes(), whole_.sizes(), source_);
    add_pick(n, nonzero_positions(mask));
  }
  void add_tensor(const Tensor& index) {
    const Tensor dense = dense_data(index);
    const std::int64_t size = x_.sizes()[dim_];
    const bool negative = check_positions(op_, dense, source_, size, true);
    add_pick(1, negative ? counted_from_front(dense, size) : dense);
  }

  // Several picks broadcast together into one, over all their dimensions.
  Tensor combined() const {
    if (n_ == 1) return picks_[0].positions;
    Shape size = picks_[0].positions.sizes();
    for (int i = 1; i < n_; ++i) size = broadcast(op_, size, picks_[i].positions.sizes());
    Tensor r = new_tensor(thread_state(), size, kInt64);
    std::int64_t* to = r.data_ptr<std::int64_t>();
    std::memset(to, 0, static_cast<std::size_t>(r.numel()) * sizeof *to);
    for (int i = 0; i < n_; ++i) {
      const Tensor one = dense_data(expand(picks_[i].positions, size));
      const std::int64_t* from = one.data_ptr<std::int64_t>();
      const DimRange d = picks_[i].dims;
      const std::int64_t places =
          Levels(x_.sizes(), x_.strides(), d.first, d.first + d.count).numel();
      for (std::int64_t k = 0; k < r.numel(); ++k) to[k] = to[k] * places + from[k];
    }
    return r;
  }
  // Picked dimensions that others separate go to the front.
  DimRange make_adjacent() {
    DimRange all = picks_[0].dims;
    bool adjacent = true;
    for (int i = 1; i < n_; ++i) {
      adjacent &= picks_[i].dims.first == all.first + all.count;
      all.count += picks_[i].dims.count;
    }
    if (adjacent) return all;
    Shape order;
    bool taken[kMaxDims] = {};
    for (int i = 0; i < n_; ++i)
      for (int d = 0; d < picks_[i].dims.count; ++d) {
        order.push_back(picks_[i].dims.first + d);
        taken[order.back()] = true;
      }
    for (int d = 0; d < x_.dim(); ++d)
      if (!taken[d]) order.push_back(d);
    x_ = permute(x_, order);
    return {0, all.count};
  }

  const char* op_;
  const Tensor& whole_;
  Tensor x_;
  Pick picks_[kMaxDims];
  int n_ = 0, dim_ = 0;
  int source_ = 0;  // dim_, counted in the tensor as it came
};

}  // namespace

Plan make_plan(const char* op, const Tensor& x, std::span<const TensorIndex> indices) {
  check_defined(op, x);
  return Planner(op, x)(indices);
}

}  // namespace detail
}  // namespace downhill

// Reading and writing at positions.
#include <downhill/tensor/factory.h>
#include <downhill/tensor/format.h>
#include <downhill/tensor/parallel.h>

#include <algorithm>
#include <cstring>

#include "inplace.h"
#include "ops/index_ops.h"
#include "ops/strided_copy.h"

namespace downhill {
namespace detail {
namespace {

// A tensor as [outer.., picked.., inner..]: every position names one block of inner elements.
struct Blocks {
  Levels outer, picked, inner;

  Blocks(const Shape& size, const Shape& stride, DimRange d)
      : outer(size, stride, 0, d.first), picked(size, stride, d.first, d.first + d.count),
        inner(size, stride, d.first + d.count, size.size()) {}

  // Calls f with the number of each block in [begin, end) and where it starts.
  template <class F>
  void each(const Tensor& positions, std::int64_t begin, std::int64_t end, F f) const {
    const std::int64_t *at = positions.data_ptr<std::int64_t>(), n = positions.numel();
    for (std::int64_t r = begin; r < end;) {
      const std::int64_t base = outer.offset(r / n);
      for (std::int64_t p = r % n; p < n && r < end; ++p, ++r) f(r, base + picked.offset(at[p]));
    }
  }
};

Shape tail(const Shape& s, int from) { return {s.data() + from, s.size() - from}; }

Shape picked_size(const Shape& size, DimRange d, const Shape& positions) {
  Shape r(size.data(), d.first);
  for (std::int64_t s : positions) r.push_back(s);
  for (std::int64_t s : tail(size, d.first + d.count)) r.push_back(s);
  return r;
}

// Copies the blocks of x to the contiguous `flat`, or back.
template <bool Write>
void move_blocks(const TensorImpl& x, DimRange dims, const Tensor& positions, void* flat) {
  const Blocks b(x.size, x.stride, dims);
  const std::int64_t total = b.outer.numel() * positions.numel(), run = b.inner.numel();
  if (total * run == 0) return;
  const int inner = dims.first + dims.count;
  const Shape size = tail(x.size, inner), spread = tail(x.stride, inner);
  const Shape packed = contiguous_strides(size);
  const StridedCopy copy(size, {x.dtype, Write ? spread : packed},
                         {x.dtype, Write ? packed : spread});
  dispatch_all(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    auto each = [&](auto move) {
      constexpr std::int64_t threaded = (std::int64_t(1) << 18) / sizeof(T);
      parallel_for(total, Write ? total : std::max<std::int64_t>(threaded / run, 1),
                   [&](std::int64_t s, std::int64_t e) {
                     b.each(positions, s, e,
                            [&, data = static_cast<T*>(x.data), part = static_cast<T*>(flat)](
                                auto r, auto at) {
                              if constexpr (Write) move(data + at, part + r * run);
                              else move(part + r * run, data + at);
                            });
                   });
    };
    if (run == 1) each([](T* to, const T* from) { *to = *from; });
    else if (b.inner.contiguous())
      each([n = static_cast<std::size_t>(run) * sizeof(T)](T* to, const T* from) {
        std::memcpy(to, from, n);
      });
    else each([&](T* to, const T* from) { copy(to, from); });
  });
}

// Which of several values for one place are not the last; undefined where every place is named
// once.
Tensor find_overwritten(const Tensor& positions, std::int64_t places) {
  Tensor last = new_tensor(thread_state(), {places}, kInt64),
         lost = new_tensor(thread_state(), positions.sizes(), kBool);
  const std::int64_t* at = positions.data_ptr<std::int64_t>();
  std::int64_t* winner = last.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < positions.numel(); ++i) winner[at[i]] = i;
  bool any = false;
  for (std::int64_t i = 0; i < positions.numel(); ++i)
    any |= lost.data_ptr<bool>()[i] = winner[at[i]] != i;
  return any ? lost : Tensor();
}

IndexPut::Values put_values(const Tensor& x, const Tensor& positions, const Tensor& values) {
  const Tensor lost = values.requires_grad() ? find_overwritten(positions, x.numel()) : Tensor();
  return {Saved(positions), lost.defined() ? Saved(lost) : Saved()};
}

Tensor trimmed(Tensor v, std::int64_t dims) {
  while (v.dim() > dims && v.sizes()[0] == 1) v = select(v, 0, 0);
  return v;
}

bool broadcasts_to(const Shape& from, const Shape& to) {
  const int shift = to.size() - from.size();
  bool fits = shift >= 0;
  for (int d = 0; fits && d < from.size(); ++d) fits = from[d] == 1 || from[d] == to[d + shift];
  return fits;
}

// `values` in x's dtype, spread over `size`.
Tensor spread(const Tensor& x, const Tensor& values, const Shape& size) {
  const Tensor v = trimmed(values, size.size());
  check(broadcasts_to(v.sizes(), size), "index_put_: values of shape {} do not fit into shape {}",
        values.sizes(), size);
  return expand(to(v, x.dtype()), size);
}

Tensor separate_data(const Tensor& v, const Tensor& from) {
  NoGradGuard guard;
  return v.impl().storage.get() == from.impl().storage.get() ? clone(v).contiguous()
                                                             : contiguous(v);
}

void put_data(const Tensor& self, std::span<const TensorIndex> indices, const Tensor& values) {
  NoGradGuard guard;
  Plan p = make_plan("index_put_", self, indices);
  const bool views_only = !p.positions.defined();
  const Shape size =
      views_only ? p.x.sizes() : picked_size(p.x.sizes(), p.dims, p.positions.sizes());
  const Tensor v = spread(self, values, size);
  if (views_only) return void(p.x.copy_(v));
  move_blocks<true>(p.x.impl(), p.dims, p.positions, separate_data(v, self).data_ptr());
  bump_version(self);
}

Tensor flat_positions(const Tensor& self, std::span<const TensorIndex> indices) {
  NoGradGuard guard;
  const Plan p = make_plan("index_put_", reshape(arange(self.numel()), self.sizes()), indices);
  return dense_data(p.positions.defined() ? take(p.x, p.dims, p.positions) : p.x);
}

void put_recorded(const Tensor& self, std::span<const TensorIndex> indices, const Tensor& values) {
  static_assert(is_listed<IndexPut, IndexOps>);
  const Tensor at = flat_positions(self, indices), v = spread(self, values, at.sizes());
  const Tensor* in[] = {&self, &at, &v};
  for (const Tensor* t : in) check_view_is_current("index_put_", t->impl());
  auto node = make_node<OpNode<IndexPut>>(thread_state(), in, put_values(self, at, v));
  move_blocks<true>(self.impl(), {0, static_cast<int>(self.dim())}, at,
                    separate_data(v, self).data_ptr());
  bump_version(self);
  rebase_history(self, node);
}

}  // namespace

Tensor take(const Tensor& x, DimRange dims, const Tensor& positions) {
  Tensor out =
      new_tensor(thread_state(), picked_size(x.sizes(), dims, positions.sizes()), x.dtype());
  move_blocks<false>(x.impl(), dims, positions, out.data_ptr());
  return record<Index>(std::move(out), {&x, &positions}, [&] {
    return Index::Values{Saved(positions), x.sizes(), dims};
  });
}

Tensor add_at(const Tensor& g, const Shape& size, DimRange dims, const Tensor& positions) {
  Tensor out = zeros(size, g.dtype());
  const Tensor dense = dense_data(g);
  const Blocks b(size, out.strides(), dims);
  const std::int64_t run = b.inner.numel();
  dispatch_all(g.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T* from = static_cast<const T*>(dense.data_ptr());
    T* to = static_cast<T*>(out.data_ptr());
    if (dense.numel() == 0) return;
    b.each(positions, 0, b.outer.numel() * positions.numel(), [&](std::int64_t r, std::int64_t at) {
      for (std::int64_t i = 0; i < run; ++i)
        to[at + i] = static_cast<T>(to[at + i] + from[r * run + i]);
    });
  });
  return record<IndexAdd>(std::move(out), {&g, &positions}, [&] {
    return IndexAdd::Values{Saved(positions), dims};
  });
}

Tensor put(const Tensor& x, const Tensor& positions, const Tensor& values) {
  Tensor out = new_tensor(thread_state(), x.sizes(), x.dtype());
  const Shape strides = out.strides();
  StridedCopy(x.sizes(), {x.dtype(), strides}, {x.dtype(), x.strides()})(out.data_ptr(),
                                                                         x.data_ptr());
  move_blocks<true>(out.impl(), {0, static_cast<int>(x.dim())}, positions,
                    dense_data(values).data_ptr());
  return record<IndexPut>(std::move(out), {&x, &positions, &values},
                          [&] { return put_values(x, positions, values); });
}

void IndexPut::vjp(Backward& b, const Values& v) {
  const Tensor &g = b.grad(), at = v.positions.input(b, 1);
  if (b.needs(0)) b.set(0, put(g, at, expand(zeros({}, g.dtype()), at.sizes())));
  if (!b.needs(2)) return;
  Tensor r = take(g, {0, static_cast<int>(g.dim())}, at);
  b.set(2, v.overwritten ? masked_fill(r, v.overwritten.input(b, 1), 0) : r);
}

}  // namespace detail

Tensor index_select(const Tensor& x, std::int64_t dim, const Tensor& index) {
  detail::check_defined("index_select", x);
  detail::check_defined("index_select", index);
  detail::check_index_dtype("index_select", index);
  check(index.dim() <= 1, "index_select: the index must be a vector, got shape {}", index.sizes());
  if (x.dim() == 0) {
    check(index.numel() == 1, "index_select: a 0-d tensor takes one index, got {}", index.numel());
    return squeeze(index_select(unsqueeze(x, 0), dim, index), 0);
  }
  const int d = detail::wrap_dim("index_select", dim, x.sizes().size());
  const Tensor positions = detail::dense_data(index.dim() == 0 ? unsqueeze(index, 0) : index);
  detail::check_positions("index_select", positions, d, x.sizes()[d], false);
  return detail::take(x, {d, 1}, positions);
}

Tensor Tensor::index_select(std::int64_t dim, const Tensor& index) const {
  return downhill::index_select(*this, dim, index);
}

Tensor Tensor::index(std::initializer_list<TensorIndex> indices) const {
  detail::Plan p = detail::make_plan("index", *this, {indices.begin(), indices.size()});
  return p.positions.defined() ? detail::take(p.x, p.dims, p.positions) : std::move(p.x);
}

const Tensor& Tensor::index_put_(std::initializer_list<TensorIndex> indices,
                                 const Tensor& values) const {
  detail::check_defined("index_put_", *this);
  detail::check_defined("index_put_", values);
  const Tensor* in[] = {this, &values};
  const bool recorded = is_floating_point() && detail::needs_record(in);
  detail::check_writable("index_put_", *this, recorded);
  const std::span<const TensorIndex> list(indices.begin(), indices.size());
  if (recorded) detail::put_recorded(*this, list, values);
  else detail::put_data(*this, list, values);
  return *this;
}

const Tensor& Tensor::index_put_(std::initializer_list<TensorIndex> indices,
                                 const Scalar& value) const {
  detail::check_defined("index_put_", *this);
  detail::check_fits("index_put_", value, dtype());
  return index_put_(indices, full({}, value, dtype()));
}

}  // namespace downhill

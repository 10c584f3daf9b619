// Tensors joined along a dimension.
#include <downhill/tensor/format.h>
#include <downhill/tensor/ops.h>

#include "families.h"
#include "ops/sample.h"
#include "ops/strided_copy.h"

namespace downhill {
namespace detail {

struct Cat {
  static constexpr std::string_view name = "cat";
  using Family = CatOps;
  static constexpr int inputs = kAnyInputs;
  struct Values {
    int dim;
    std::vector<std::int64_t> ends;
  };
  static void vjp(Backward& b, const Values& v) {
    std::int64_t begin = 0;
    for (int i = 0; i < static_cast<int>(v.ends.size()); ++i) {
      const std::int64_t end = v.ends[static_cast<std::size_t>(i)];
      if (b.needs(i)) b.set(i, narrow(b.grad(), v.dim, begin, end - begin));
      begin = end;
    }
  }
  static std::vector<Sample> samples();
  static std::vector<BadSample> bad_samples();
};

namespace {

using Parts = std::span<const Tensor* const>;

// PyTorch lets a vector of no elements stand for "nothing yet" beside tensors of any shape.
bool is_nothing(const Tensor& t) { return t.dim() == 1 && t.numel() == 0; }

std::vector<const Tensor*> parts_of(const std::vector<Tensor>& tensors) {
  std::vector<const Tensor*> parts;
  parts.reserve(tensors.size());
  for (const Tensor& t : tensors)
    if (!is_nothing(t)) parts.push_back(&t);
  if (parts.empty()) parts.push_back(&tensors[0]);
  return parts;
}

DType joint_dtype(const std::vector<Tensor>& tensors) {
  DType t = kBool;
  for (const Tensor& x : tensors) {
    check_defined("cat", x);
    check(x.dim() > 0, "cat: 0-d tensors cannot be joined; stack() gives them a dimension");
    t = promote(t, x.dtype());
  }
  return t;
}

Shape joint_size(Parts parts, int dim) {
  Shape size = parts[0]->sizes();
  for (const Tensor* t : parts.subspan(1)) {
    Shape wanted = t->sizes();
    if (wanted.size() == size.size()) wanted[dim] = size[dim];
    check(wanted == size, "cat: shapes {} and {} differ in more than dimension {}",
          parts[0]->sizes(), t->sizes(), dim);
    size[dim] += t->sizes()[dim];
  }
  return size;
}

Cat::Values cat_values(Parts parts, int dim) {
  Cat::Values v{dim, {}};
  std::int64_t end = 0;
  for (const Tensor* t : parts) v.ends.push_back(end += t->sizes()[dim]);
  return v;
}

}  // namespace
}  // namespace detail

Tensor cat(const std::vector<Tensor>& tensors, std::int64_t dim) {
  check(!tensors.empty(), "cat: needs at least one tensor");
  const DType dtype = detail::joint_dtype(tensors);
  const auto parts = detail::parts_of(tensors);
  const int d = detail::wrap_dim("cat", dim, parts[0]->sizes().size());
  const Shape size = detail::joint_size(parts, d);
  Tensor out = detail::new_tensor(detail::thread_state(), size, dtype);
  char* to = static_cast<char*>(out.data_ptr());
  for (const Tensor* t : parts) {
    detail::StridedCopy(t->sizes(), {dtype, out.strides()}, {t->dtype(), t->strides()})(
        to, t->data_ptr());
    to += t->sizes()[d] * out.strides()[d] * static_cast<std::int64_t>(size_of(dtype));
  }
  return detail::record<detail::Cat>(std::move(out), parts,
                                     [&] { return detail::cat_values(parts, d); });
}

Tensor stack(const std::vector<Tensor>& tensors, std::int64_t dim) {
  check(!tensors.empty(), "stack: needs at least one tensor");
  for (const Tensor& t : tensors) detail::check_defined("stack", t);
  const int d = detail::wrap_dim("stack", dim, tensors[0].sizes().size() + 1, "a result");
  std::vector<Tensor> parts;
  parts.reserve(tensors.size());
  for (const Tensor& t : tensors) {
    check(t.sizes() == tensors[0].sizes(), "stack: shapes {} and {} differ", tensors[0].sizes(),
          t.sizes());
    parts.push_back(unsqueeze(t, d));
  }
  return cat(parts, d);
}

namespace detail {

template <> std::vector<OpEntry> entries<CatOps>() { return entries_of(CatOps{}); }

std::vector<Sample> Cat::samples() {
  const Tensor a = sample_tensor({2, 3}, 1), b = sample_tensor({1, 3}, 2),
               c = sample_tensor({0, 3}, 3);
  const Tensor x = sample_tensor({3}, 4), y = sample_tensor({3}, 5), n = sample_tensor({}, 6);
  using In = const Tensor&;
  return {
      sample(
          "rows, one input empty",
          [](In p, In q, In r) {
            return cat({p, q, r});
          },
          a, b, c),
      sample(
          "columns, one transposed",
          [](In p, In q) {
            return cat({p, t(q), p}, -1);
          },
          a, sample_tensor({2, 2}, 7)),
      sample(
          "with nothing",
          [](In p, In q) {
            return cat({q, p, q}, 1);
          },
          a, sample_tensor({0})),
      sample(
          "vectors",
          [](In p, In q) {
            return cat({p, q});
          },
          x, y),
      sample(
          "one input", [](In p) { return cat({p}); }, x),
      sample(
          "3-d",
          [](In p, In q) {
            return cat({p, q}, 1);
          },
          sample_tensor({2, 1, 2}, 8), sample_tensor({2, 3, 2}, 9)),
      sample(
          "stack",
          [](In p, In q) {
            return stack({p, q}, -1);
          },
          x, y),
      sample(
          "stack of 0-d",
          [](In p) {
            return stack({p, p * 2});
          },
          n),
  };
}

std::vector<BadSample> Cat::bad_samples() {
  const Tensor a = sample_tensor({2, 3}), b = sample_tensor({2, 4}), x = sample_tensor({3}),
               n = sample_tensor({});
  return {
      {[=] {
         cat({a, b});
       },
       "cat: shapes [2, 3] and [2, 4] differ in more than dimension 0"},
      {[=] {
         cat({a, x});
       },
       "cat: shapes [2, 3] and [3] differ in more than dimension 0"},
      {[=] {
         cat({n, n});
       },
       "cat: 0-d tensors cannot be joined"},
      {[=] {
         cat({a, a}, 2);
       },
       "cat: dimension 2 is out of range"},
      {[] { cat({}); }, "cat: needs at least one tensor"},
      {[] { cat({Tensor()}); }, "cat: got an undefined tensor"},
      {[=] {
         stack({a, b});
       },
       "stack: shapes [2, 3] and [2, 4] differ"},
      {[=] { stack({a}, 3); }, "stack: dimension 3 is out of range"},
  };
}

}  // namespace detail
}  // namespace downhill

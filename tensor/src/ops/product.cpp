// matmul and linear.
#include <algorithm>

#include <downhill/tensor/ops.h>

#include "../families.h"
#include "../gemm/gemm.h"
#include "sample.h"

namespace downhill {
namespace detail {
namespace {

void check_operands(const char* op, const Tensor& a, const Tensor& b) {
  check_defined(op, a), check_defined(op, b);
  check(a.dtype() == b.dtype(),
        "{}: the operands must have one dtype, got {} and {}; convert one with to()", op,
        name_of(a.dtype()), name_of(b.dtype()));
  check(a.is_floating_point(), "{}: needs floating-point tensors, got {}", op, name_of(a.dtype()));
  check(a.dim() > 0 && b.dim() > 0, "{}: the operands need at least one dimension, got {} and {}",
        op, a.sizes(), b.sizes());
}

// The last two dimensions as a matrix, or its transpose.
template <class T> MatrixView<T> matrix(const TensorImpl& p, bool transposed) {
  const int d = p.size.size();
  const MatrixView<T> m{static_cast<const T*>(p.data), p.stride[d - 2], p.stride[d - 1]};
  return transposed ? MatrixView<T>{m.data, m.col, m.row} : m;
}
std::int64_t rows(const TensorImpl& p, bool t) { return p.size[p.size.size() - (t ? 1 : 2)]; }
std::int64_t cols(const TensorImpl& p, bool t) { return p.size[p.size.size() - (t ? 2 : 1)]; }

// The stride of batch dimension d (of `dims`) of an operand that broadcasts.
std::int64_t batch_stride(const TensorImpl& p, int d, int dims) {
  const int k = d - (dims - (p.size.size() - 2));
  return k < 0 || p.size[k] == 1 ? 0 : p.stride[k];
}

template <class T>
void batched(Product<T> s, const TensorImpl& a, const TensorImpl& b, const TensorImpl& c) {
  const int dims = c.size.size() - 2, outer = std::max(dims - 2, 0);
  Batch batch;
  for (int d = outer, i = dims == 1 ? 1 : 0; d < dims; ++d, ++i) {
    batch.size[i] = c.size[d];
    batch.a[i] = batch_stride(a, d, dims), batch.b[i] = batch_stride(b, d, dims),
    batch.c[i] = c.stride[d];
  }
  std::int64_t count = 1;
  for (int d = 0; d < outer; ++d) count *= c.size[d];
  const Product<T> first = s;
  for (std::int64_t i = 0; i < count; ++i) {
    s = first;
    for (std::int64_t d = outer - 1, rest = i; d >= 0; --d) {
      const std::int64_t at = rest % c.size[static_cast<int>(d)];
      rest /= c.size[static_cast<int>(d)];
      s.a.data += at * batch_stride(a, static_cast<int>(d), dims);
      s.b.data += at * batch_stride(b, static_cast<int>(d), dims);
      s.c += at * c.stride[static_cast<int>(d)];
    }
    batched_gemm(s, batch);
  }
}

// a b of matrices or broadcasting batches of them, either transposed, without recording; bias [n]
// may be null.
Tensor product(const TensorImpl& a, bool ta, const TensorImpl& b, bool tb,
               const TensorImpl* bias = nullptr) {
  Shape size;
  if (a.size.size() > 2 || b.size.size() > 2) {
    const Shape ab(a.size.data(), a.size.size() - 2), bb(b.size.data(), b.size.size() - 2);
    size = broadcast("matmul", ab, bb);
  }
  size.push_back(rows(a, ta));
  size.push_back(cols(b, tb));
  Tensor out = new_tensor(thread_state(), size, a.dtype);
  const TensorImpl& c = out.impl();
  if (c.numel == 0) return out;
  dispatch_floating("matmul", a.dtype, [&]<class T>(T) {
    Product<T> s{rows(a, ta),      cols(b, tb),      cols(a, ta),
                 matrix<T>(a, ta), matrix<T>(b, tb), static_cast<T*>(c.data),
                 cols(b, tb)};
    if (bias) s.bias = static_cast<const T*>(bias->data);
    if (size.size() == 2) gemm(s);
    else batched(s, a, b, c);
  });
  return out;
}

}  // namespace

struct Matmul {  // matrices, or batches whose leading dimensions broadcast
  static constexpr std::string_view name = "matmul";
  using Family = ProductOps;
  static constexpr int inputs = 2;
  struct Values {
    Saved a, b;
  };
  static void vjp(Backward& b, const Values& v) {
    if (b.create_graph()) {
      if (b.needs(0)) b.set(0, matmul(b.grad(), v.b.input(b, 1).mT()));
      if (b.needs(1)) b.set(1, matmul(v.a.input(b, 0).mT(), b.grad()));
      return;
    }
    const TensorImpl& g = b.grad().impl();
    if (b.needs(0)) b.set(0, product(g, false, v.b.value(b.node()), true));
    if (b.needs(1)) b.set(1, product(v.a.value(b.node()), true, g, false));
  }
  static std::vector<Sample> samples();
  static std::vector<BadSample> bad_samples();
};

struct Linear {  // x [n, in], weight [out, in], bias [out] or nothing
  static constexpr std::string_view name = "linear";
  using Family = ProductOps;
  static constexpr int inputs = 3;
  struct Values {
    Saved x, weight;
  };
  static void vjp(Backward& b, const Values& v) {
    if (b.needs(2)) b.set(2, sum(b.grad(), {0}));
    if (b.create_graph()) {
      if (b.needs(0)) b.set(0, matmul(b.grad(), v.weight.input(b, 1)));
      if (b.needs(1)) b.set(1, matmul(b.grad().mT(), v.x.input(b, 0)));
      return;
    }
    const TensorImpl& g = b.grad().impl();
    if (b.needs(0)) b.set(0, product(g, false, v.weight.value(b.node()), false));
    if (b.needs(1)) b.set(1, product(g, true, v.x.value(b.node()), false));
  }
  static std::vector<Sample> samples();
  static std::vector<BadSample> bad_samples();
};

namespace {

Tensor matmul_matrices(const Tensor& a, const Tensor& b) {
  const TensorImpl &p = a.impl(), &q = b.impl();
  return record<Matmul>(product(p, false, q, false), {&a, &b}, [&] {
    return Matmul::Values{save_if(b, a), save_if(a, b)};
  });
}

}  // namespace

template <> std::vector<OpEntry> entries<ProductOps>() { return entries_of(ProductOps{}); }

}  // namespace detail

Tensor matmul(const Tensor& a, const Tensor& b) {
  detail::check_operands("matmul", a, b);
  const std::int64_t inner = a.sizes().back(), other = b.sizes()[std::max(b.sizes().size() - 2, 0)];
  check(inner == other, "matmul: inner sizes differ: {} x {} ({} and {})", a.sizes(), b.sizes(),
        inner, other);
  if (a.dim() == 2 && b.dim() == 2) return detail::matmul_matrices(a, b);
  if (a.dim() == 1 && b.dim() == 1)
    return detail::matmul_matrices(a.unsqueeze(0), b.unsqueeze(1)).reshape({});
  if (a.dim() == 1) return matmul(a.unsqueeze(0), b).squeeze(-2);
  if (b.dim() == 1) return matmul(a, b.unsqueeze(1)).squeeze(-1);
  if (b.dim() == 2 && a.is_contiguous() && a.numel() > 0) {  // one product of all the rows
    Shape size = a.sizes();
    Tensor r = detail::matmul_matrices(a.reshape({-1, size.back()}), b);
    size[size.size() - 1] = b.size(1);
    return r.reshape(size);
  }
  return detail::matmul_matrices(a, b);
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  using namespace detail;
  check_operands("linear", x, weight);
  check(weight.dim() == 2, "linear: the weight must be [out, in], got {}", weight.sizes());
  check(x.sizes().back() == weight.size(1),
        "linear: x {} and weight {} do not fit: {} features, {} expected", x.sizes(),
        weight.sizes(), x.sizes().back(), weight.size(1));
  if (bias.defined())
    check(bias.dim() == 1 && bias.size(0) == weight.size(0) && bias.dtype() == x.dtype(),
          "linear: the bias must be {} [{}], got {} {}", name_of(x.dtype()), weight.size(0),
          name_of(bias.dtype()), bias.sizes());
  if (x.dim() != 2) {
    Shape size = x.sizes();
    const std::int64_t features = size.back();
    size[size.size() - 1] = weight.size(0);
    return linear(x.reshape({features ? x.numel() / features : 0, features}), weight, bias)
        .reshape(size);
  }
  const Tensor packed = bias.defined() && !bias.is_contiguous() ? bias.contiguous() : bias;
  Tensor out =
      product(x.impl(), false, weight.impl(), true, packed.defined() ? &packed.impl() : nullptr);
  return record<Linear>(std::move(out), {&x, &weight, &bias}, [&] {
    return Linear::Values{save_if(weight, x), save_if(x, weight)};
  });
}

Tensor Tensor::matmul(const Tensor& o) const { return downhill::matmul(*this, o); }

// ---------------------------------------------------------------- samples
namespace detail {

std::vector<Sample> Matmul::samples() {
  auto mm = [](const Tensor& a, const Tensor& b) { return matmul(a, b); };
  auto s = [](const Shape& shape, std::uint64_t seed) { return sample_tensor(shape, seed); };
  return {sample("matrices", mm, s({2, 3}, 1), s({3, 4}, 2)),
          sample("dot", mm, s({3}, 3), s({3}, 4)),
          sample("vector, matrix", mm, s({3}, 5), s({3, 2}, 6)),
          sample("matrix, vector", mm, s({2, 3}, 7), s({3}, 8)),
          sample("batch, matrix", mm, s({2, 2, 3}, 9), s({3, 2}, 10)),
          sample("matrix, batch", mm, s({2, 3}, 11), s({2, 3, 2}, 12)),
          sample("batches that broadcast", mm, s({2, 1, 2, 3}, 13), s({3, 3, 2}, 14)),
          sample("five dimensions", mm, s({2, 1, 2, 2, 2}, 15), s({2, 2, 2, 2}, 16)),
          sample(
              "transposed", [](const Tensor& a, const Tensor& b) { return matmul(a.mT(), b.mT()); },
              s({3, 2}, 17), s({4, 3}, 18)),
          sample("empty inner size", mm, s({2, 0}, 19), s({0, 3}, 20)),
          sample("no rows", mm, s({0, 3}, 21), s({3, 2}, 22)),
          sample("one row", mm, s({1, 5}, 23), s({5, 1}, 24))};
}
std::vector<BadSample> Matmul::bad_samples() {
  auto f = [](const Shape& a, const Shape& b) {
    return [=] { matmul(sample_tensor(a), sample_tensor(b)); };
  };
  return {{f({2, 3}, {4, 5}), "matmul: inner sizes differ: [2, 3] x [4, 5] (3 and 4)"},
          {f({2, 2, 3}, {4, 5}), "matmul: inner sizes differ: [2, 2, 3] x [4, 5] (3 and 4)"},
          {f({}, {2, 2}), "matmul: the operands need at least one dimension, got [] and [2, 2]"},
          {f({2, 2, 3}, {3, 3, 5}), "matmul: shapes [2] and [3] do not broadcast"},
          {[] {
             matmul(sample_tensor({2, 2}), sample_tensor({2, 2}).to(kFloat32));
           },
           "matmul: the operands must have one dtype, got float64 and float32"}};
}

std::vector<Sample> Linear::samples() {
  auto with = [](const Tensor& x, const Tensor& w, const Tensor& b) { return linear(x, w, b); };
  auto without = [](const Tensor& x, const Tensor& w) { return linear(x, w); };
  auto s = [](const Shape& shape, std::uint64_t seed) { return sample_tensor(shape, seed); };
  return {
      sample("with bias", with, s({4, 3}, 1), s({2, 3}, 2), s({2}, 3)),
      sample("without bias", without, s({4, 3}, 4), s({2, 3}, 5)),
      sample("one example", with, s({3}, 6), s({2, 3}, 7), s({2}, 8)),
      sample("three dimensions", with, s({2, 2, 3}, 9), s({2, 3}, 10), s({2}, 11)),
      sample("no examples", with, s({0, 3}, 12), s({2, 3}, 13), s({2}, 14)),
      sample(
          "transposed weight", [](const Tensor& x, const Tensor& w) { return linear(x, w.mT()); },
          s({2, 3}, 15), s({3, 2}, 16))};
}
std::vector<BadSample> Linear::bad_samples() {
  return {{[] {
             linear(sample_tensor({4, 5}), sample_tensor({2, 3}));
           },
           "linear: x [4, 5] and weight [2, 3] do not fit: 5 features, 3 expected"},
          {[] {
             linear(sample_tensor({4, 3}), sample_tensor({2, 3}), sample_tensor({3}));
           },
           "linear: the bias must be float64 [2], got float64 [3]"}};
}

}  // namespace detail
}  // namespace downhill

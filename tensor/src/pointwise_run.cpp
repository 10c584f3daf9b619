// The driver: feeds contiguous kernels with tensors that broadcast, stride or have another dtype.
#include <algorithm>

#include <downhill/tensor/parallel.h>
#include <downhill/tensor/pointwise.h>

#include "copy_elements.h"

namespace downhill::detail {
namespace {

constexpr std::int64_t kChunk = 512;  // elements that are converted or gathered at a time
constexpr std::int64_t kGrain = std::int64_t(1) << 15;  // elements that are worth a thread
constexpr int kMaxOutputs = 4, kAll = max_operands + kMaxOutputs;

enum class Mode : std::uint8_t {
  direct,    // contiguous with the loop and of the kernel's dtype: used in place
  row,       // the same within one row of the loop
  repeated,  // a short block that repeats: laid out once, a chunk long
  gathered,  // copied chunk by chunk
};

struct Operand {
  char* data;
  DType dtype, wanted;
  Mode mode;
  std::int64_t stride[kMaxDims];
};

bool same_layout(const TensorImpl& a, const TensorImpl& b) {
  if (!(a.size == b.size)) return false;
  return (a.contiguous && b.contiguous) || (a.dense && b.dense && a.stride == b.stride);
}

// A loop nest over the outputs' shape with every operand's strides, dimensions merged where all
// operands allow.
class Nest {
 public:
  Nest(const PointwiseRun& r, std::span<TensorImpl* const> out, std::span<TensorImpl* const> in)
      : run_(r), outputs_(static_cast<int>(out.size())),
        count_(outputs_ + static_cast<int>(in.size())) {
    const TensorImpl& shape = *out[0];
    order_dims(shape);
    total_ = shape.numel;
    for (int i = 0; i < count_; ++i) {
      const bool is_out = i < outputs_;
      const TensorImpl& t =
          is_out ? *out[static_cast<std::size_t>(i)] : *in[static_cast<std::size_t>(i - outputs_)];
      const bool mask = is_out ? r.out_is_mask : (r.in_masks >> (i - outputs_) & 1) != 0;
      add(op_[i], t, shape.size.size(), mask ? kBool : r.compute);
    }
    merge();
    choose_modes();
  }

  void operator()() const {
    parallel_for(total_, std::max(kGrain / chunk_ * chunk_, chunk_),
                 [this](std::int64_t b, std::int64_t e) { part(b, e); });
  }

 private:
  // Dimensions in the order of the output's strides, so that a dense output of any layout is
  // written in order.
  void order_dims(const TensorImpl& shape) {
    dims_ = shape.size.size();
    for (int d = 0; d < dims_; ++d) order_[d] = d;
    if (!shape.contiguous)
      std::stable_sort(order_, order_ + dims_,
                       [&](int a, int b) { return shape.stride[a] > shape.stride[b]; });
    for (int d = 0; d < dims_; ++d) size_[d] = shape.size[order_[d]];
  }
  void add(Operand& o, const TensorImpl& t, int dims, DType wanted) const {
    o.data = static_cast<char*>(t.data);
    o.dtype = t.dtype;
    o.wanted = wanted;
    const int shift = dims - t.size.size();
    for (int d = 0; d < dims; ++d) {
      const int k = order_[d] - shift;
      o.stride[d] = k < 0 || t.size[k] == 1 ? 0 : t.stride[k];
    }
  }
  void merge() {
    int w = 0;
    for (int d = 1; d < dims_; ++d) {
      bool fits = true;
      for (int i = 0; i < count_; ++i) fits &= op_[i].stride[w] == op_[i].stride[d] * size_[d];
      if (fits) size_[w] *= size_[d];
      else size_[++w] = size_[d];
      for (int i = 0; i < count_; ++i) op_[i].stride[w] = op_[i].stride[d];
    }
    if (dims_ == 0) {
      size_[0] = 1;
      for (int i = 0; i < count_; ++i) op_[i].stride[0] = 0;
    }
    dims_ = dims_ == 0 ? 1 : w + 1;
    inner_ = size_[dims_ - 1];
  }
  // The length of the contiguous block that an operand repeats (1: a single value), or 0.
  std::int64_t period(const Operand& o) const {
    std::int64_t p = 1;
    int d = dims_ - 1;
    while (d >= 0 && (o.stride[d] == p || size_[d] == 1)) p *= size_[d--];
    for (; d >= 0; --d)
      if (o.stride[d] != 0 && size_[d] != 1) return 0;
    return p;
  }
  void choose_modes() {
    chunk_ = std::min(kChunk, std::max<std::int64_t>(total_, 1));
    by_rows_ = inner_ >= kChunk / 2 && dims_ > 1;
    for (int i = 0; i < count_; ++i) {
      Operand& o = op_[i];
      const bool is_out = i < outputs_;
      const std::int64_t p = period(o);
      const bool typed = o.dtype == o.wanted;
      if (typed && p == total_) {
        o.mode = Mode::direct;
      } else if (!is_out && p == 1) {
        o.mode = Mode::repeated;
      } else if (by_rows_ && typed && o.stride[dims_ - 1] == 1) {
        o.mode = Mode::row;
      } else if (!is_out && !by_rows_ && p > 1 && p <= kChunk / 2 &&
                 (chunk_ % p == 0 || chunk_ == kChunk)) {
        o.mode = Mode::repeated;
        if (chunk_ % p) chunk_ = chunk_ / p * p;
      } else {
        o.mode = Mode::gathered;
      }
    }
    bool all_direct = true;
    for (int i = 0; i < count_; ++i) {  // a later operand may have changed the chunk
      if (op_[i].mode == Mode::repeated && chunk_ % period(op_[i])) op_[i].mode = Mode::gathered;
      all_direct &= op_[i].mode == Mode::direct;
    }
    if (all_direct) chunk_ = kGrain;
  }

  std::int64_t offset(const Operand& o, std::int64_t at) const {
    std::int64_t r = 0;
    for (int d = dims_ - 1; d >= 0; --d) {
      r += at % size_[d] * o.stride[d];
      at /= size_[d];
    }
    return r;
  }
  // Elements [at, at + n) of an operand to (or from) a buffer, in the loop's order.
  template <bool ToBuffer>
  void transfer(const Operand& o, std::int64_t at, std::int64_t n, char* buffer) const {
    const auto from_bytes = static_cast<std::int64_t>(size_of(o.dtype)),
               to_bytes = static_cast<std::int64_t>(size_of(o.wanted));
    const CopyElements copy =
        ToBuffer ? copy_elements(o.dtype, o.wanted) : copy_elements(o.wanted, o.dtype);
    const int in = dims_ - 1;
    while (n > 0) {
      const std::int64_t row = std::min(n, inner_ - at % inner_);
      char* p = o.data + offset(o, at) * from_bytes;
      if constexpr (ToBuffer) copy(buffer, 1, p, o.stride[in], row);
      else copy(p, o.stride[in], buffer, 1, row);
      buffer += row * to_bytes;
      at += row;
      n -= row;
    }
  }

  void part(std::int64_t begin, std::int64_t end) const {
    alignas(64) char buffer[kAll][kChunk * 8];
    void* p[kAll];
    for (int i = 0; i < count_; ++i)
      if (op_[i].mode == Mode::repeated)
        transfer<true>(op_[i], 0, std::min(chunk_, total_), buffer[i]);
    for (std::int64_t at = begin, n; at < end; at += n) {
      n = std::min(chunk_ - at % chunk_, end - at);
      if (by_rows_) n = std::min(n, inner_ - at % inner_);
      for (int i = 0; i < count_; ++i) p[i] = locate(op_[i], i, at, n, buffer[i]);
      (*run_.kernel)(run_.state, p, p + outputs_, n);
      for (int i = 0; i < outputs_; ++i)
        if (op_[i].mode == Mode::gathered) transfer<false>(op_[i], at, n, buffer[i]);
    }
  }
  void* locate(const Operand& o, int i, std::int64_t at, std::int64_t n, char* buffer) const {
    const auto bytes = static_cast<std::int64_t>(size_of(o.wanted));
    switch (o.mode) {
      case Mode::direct:
        return o.data + at * bytes;
      case Mode::row:
        return o.data + offset(o, at) * bytes;
      case Mode::repeated:
        return by_rows_ ? buffer : buffer + at % chunk_ * bytes;
      default:
        if (i >= outputs_) transfer<true>(o, at, n, buffer);
        return buffer;
    }
  }

  const PointwiseRun& run_;
  int outputs_, count_, dims_ = 0, order_[kMaxDims];
  bool by_rows_ = false;
  std::int64_t size_[kMaxDims], total_ = 0, chunk_ = kChunk, inner_ = 1;
  Operand op_[kAll];
};

// A small fresh output is computed to the end of its last cache line, so that no scalar tail
// remains. That is right where every operand starts on a line and owns all of its last one.
std::int64_t rounded_up(const PointwiseRun& r, std::int64_t n, const void* const* p,
                        std::span<TensorImpl* const> in, unsigned numbers) {
  if (n >= 256 || !r.fresh) return n;
  for (std::size_t i = 0; i < in.size(); ++i)
    if (!(numbers >> i & 1) &&
        (reinterpret_cast<std::uintptr_t>(p[i]) % 64 != 0 || in[i]->storage->block == 0 ||
         size_of(in[i]->dtype) != size_of(r.compute)))
      return n;
  const std::int64_t line = 64 / static_cast<std::int64_t>(size_of(r.compute)) - 1;
  return (n + line) & ~line;
}

// All operands laid out alike, some of them single values, which become a block of equal ones.
bool run_flat(const PointwiseRun& r, std::span<TensorImpl* const> out,
              std::span<TensorImpl* const> in) {
  const TensorImpl& o = *out[0];
  const DType out_dtype = r.out_is_mask ? kBool : r.compute;
  void* q[kMaxOutputs];
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (out[i]->dtype != out_dtype || !same_layout(*out[i], o)) return false;
    q[i] = out[i]->data;
  }
  unsigned numbers = 0;
  const void* p[max_operands];
  for (std::size_t i = 0; i < in.size(); ++i) {
    const TensorImpl& t = *in[i];
    p[i] = t.data;
    if (t.dtype == ((r.in_masks >> i & 1) ? kBool : r.compute) && same_layout(t, o)) continue;
    if (t.numel != 1 || numbers) return false;
    numbers |= 1u << i;
  }
  if (!o.dense || o.numel > 2 * kGrain) return false;
  if (!numbers) {
    (*r.kernel)(r.state, q, p, r.out_is_mask ? o.numel : rounded_up(r, o.numel, p, in, 0));
    return true;
  }
  if (o.numel > kChunk) return false;
  alignas(64) char buffer[kChunk * 8];
  const auto i = static_cast<std::size_t>(__builtin_ctz(numbers));
  const std::int64_t n = r.out_is_mask ? o.numel : rounded_up(r, o.numel, p, in, numbers);
  copy_elements(in[i]->dtype, (r.in_masks >> i & 1) ? kBool : r.compute)(buffer, 1, p[i], 0, n);
  p[i] = buffer;
  (*r.kernel)(r.state, q, p, n);
  return true;
}

}  // namespace

void run_pointwise(const PointwiseRun& r, std::span<TensorImpl* const> out,
                   std::span<TensorImpl* const> in) {
  if (out[0]->numel == 0 || run_flat(r, out, in)) return;
  Nest(r, out, in)();
}

}  // namespace downhill::detail

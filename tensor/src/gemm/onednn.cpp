#include "onednn.h"

#if DOWNHILL_WITH_ONEDNN
#include <omp.h>

#include <downhill/tensor/error.h>
#include <oneapi/dnnl/dnnl_version.h>
#include <cstring>
#include <memory>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <utility>

#include "workspace.h"

namespace downhill::detail {
namespace {

using dnnl::memory;
using std::int64_t;

/// Everything that a primitive depends on, in plain integers.
struct Key {
  int64_t size[3], a[2], b[2], ldc, batch[2], batch_a[2], batch_b[2], batch_c[2], flags;

  bool operator==(const Key& other) const { return std::memcmp(this, &other, sizeof *this) == 0; }

  std::uint64_t hash() const {
    std::uint64_t words[sizeof(Key) / 8], h = 0;
    std::memcpy(words, this, sizeof *this);
    for (std::uint64_t w : words) h = ((h << 23 | h >> 41) ^ w) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 32;
  }
};

Key key_of(const Product<float>& s, const Batch& batch) {
  const int threads = omp_in_parallel() ? 1 : omp_get_max_threads();
  return {{s.m, s.n, s.k},
          {s.a.row, s.a.col},
          {s.b.row, s.b.col},
          s.ldc,
          {batch.size[0], batch.size[1]},
          {batch.a[0], batch.a[1]},
          {batch.b[0], batch.b[1]},
          {batch.c[0], batch.c[1]},
          threads * 4 + (s.bias ? 2 : 0) + (s.accumulate ? 1 : 0)};
}

dnnl::engine& engine() {
  static dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

/// A matrix with as many leading batch dimensions as the batch needs. A batch stride of 0 is a
/// dimension of 1.
memory::desc describe(const Key& key, int64_t rows, int64_t columns, memory::dims strides,
                      const int64_t (&batch)[2]) {
  memory::dims dims{rows, columns};
  const int first = key.batch[0] > 1 ? 0 : key.batch[1] > 1 ? 1 : 2;
  for (int d = 1; d >= first; --d) {
    const bool broadcast = batch[d] == 0;
    dims.insert(dims.begin(), broadcast ? 1 : key.batch[d]);
    strides.insert(strides.begin(), broadcast ? rows * columns : batch[d]);
  }
  return {dims, memory::data_type::f32, strides};
}

#if DNNL_VERSION_MAJOR >= 3
template <class... Descs>
dnnl::matmul::primitive_desc make_matmul(const dnnl::primitive_attr& attr, Descs&&... descs) {
  return dnnl::matmul::primitive_desc(engine(), std::forward<Descs>(descs)..., attr);
}
#else
template <class... Descs>
dnnl::matmul::primitive_desc make_matmul(const dnnl::primitive_attr& attr, Descs&&... descs) {
  return dnnl::matmul::primitive_desc(dnnl::matmul::desc(std::forward<Descs>(descs)...), attr,
                                      engine());
}
#endif

dnnl::matmul::primitive_desc plan(const Key& key) {
  const auto [m, n, k] = key.size;
  const memory::desc a = describe(key, m, k, {key.a[0], key.a[1]}, key.batch_a);
  const memory::desc b = describe(key, k, n, {key.b[0], key.b[1]}, key.batch_b);
  const memory::desc c = describe(key, m, n, {key.ldc, 1}, key.batch_c);
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (key.flags & 1) {
    dnnl::post_ops post;
    post.append_sum(1);
    attr.set_post_ops(post);
  }
  if ((key.flags & 2) == 0) return make_matmul(attr, a, b, c);
  const int first = key.batch[0] > 1 ? 0 : key.batch[1] > 1 ? 1 : 2;
  memory::dims dims(static_cast<std::size_t>(4 - first), 1), strides(dims.size(), n);
  dims.back() = n;
  strides.back() = 1;
  return make_matmul(attr, a, b, memory::desc(dims, memory::data_type::f32, strides), c);
}

/// A primitive with its memory objects: to run it is to set five pointers.
class Ready {
 public:
  explicit Ready(const Key& key) : key_(key) {
    const dnnl::matmul::primitive_desc pd = plan(key);
    primitive_ = dnnl::matmul(pd);
    add(DNNL_ARG_SRC, pd.src_desc());
    add(DNNL_ARG_WEIGHTS, pd.weights_desc());
    add(DNNL_ARG_DST, pd.dst_desc());
    if (key.flags & 2) add(DNNL_ARG_BIAS, pd.bias_desc());
    scratch_ = pd.scratchpad_desc().get_size();
    if (scratch_) add(DNNL_ARG_SCRATCHPAD, pd.scratchpad_desc());
  }

  const Key& key() const { return key_; }

  void run(const Product<float>& s, dnnl_stream_t stream, Workspace& scratchpad) {
    set(0, s.a.data);
    set(1, s.b.data);
    set(2, s.c);
    if (s.bias) set(3, s.bias);
    if (scratch_) set(count_ - 1, scratchpad.get<char>(scratch_));
    check(dnnl_primitive_execute(primitive_.get(), stream, count_, arguments_));
  }

 private:
  static void check(dnnl_status_t status) {
    if (status != dnnl_success)
      throw Error("matmul: oneDNN failed with status " + std::to_string(status));
  }
  void add(int argument, const memory::desc& desc) {
    memories_[count_] = memory(desc, engine(), DNNL_MEMORY_NONE);
    arguments_[count_] = {argument, memories_[count_].get()};
    ++count_;
  }
  void set(int i, const void* data) {
    check(dnnl_memory_set_data_handle(arguments_[i].memory, const_cast<void*>(data)));
  }

  Key key_;
  dnnl::matmul primitive_;
  memory memories_[5];
  dnnl_exec_arg_t arguments_[5];
  int count_ = 0;
  std::size_t scratch_ = 0;
};

/// Ready primitives of one thread: sets of eight, of which the one used longest ago makes room.
class Table {
 public:
  void run(const Product<float>& s, const Batch& batch) {
    find(key_of(s, batch)).run(s, stream_.get(), scratchpad_);
  }

 private:
  static constexpr std::size_t sets = 128, ways = 8;
  struct Slot {
    std::uint64_t hash = 0, used = 0;
    std::unique_ptr<Ready> ready;
  };

  Ready& find(const Key& key) {
    const std::uint64_t hash = key.hash();
    Slot* const set = slots_.get() + hash % sets * ways;
    Slot* oldest = set;
    for (Slot* slot = set; slot != set + ways; ++slot) {
      if (slot->ready && slot->hash == hash && slot->ready->key() == key)
        return *touch(*slot).ready;
      if (slot->used < oldest->used) oldest = slot;
    }
    oldest->ready = std::make_unique<Ready>(key);
    oldest->hash = hash;
    return *touch(*oldest).ready;
  }
  Slot& touch(Slot& slot) {
    slot.used = ++clock_;
    return slot;
  }

  dnnl::stream stream_{engine()};
  std::unique_ptr<Slot[]> slots_ = std::make_unique<Slot[]>(sets * ways);
  std::uint64_t clock_ = 0;
  Workspace scratchpad_;
};

}  // namespace

void onednn_gemm(const Product<float>& product, const Batch& batch) {
  try {
    thread_local Table table;
    table.run(product, batch);
  } catch (const dnnl::error& error) {
    throw Error(std::string("matmul: oneDNN: ") + error.what());
  }
}

}  // namespace downhill::detail
#endif

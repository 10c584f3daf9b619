// Reference counts, per-thread pools and the buffers that tensors live in.
//
// Small objects (nodes, tensor headers, small buffers) come from per-thread free lists in steps of
// 64 bytes; larger buffers from a per-thread cache with four size classes a power of two. Every
// block is one aligned allocation, so it may be freed on any thread. In the steady state of a
// training loop nothing here calls malloc or takes a lock.
#pragma once
#include <sys/single_threaded.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include <downhill/tensor/isa.h>

#pragma GCC visibility push(default)
namespace downhill {

/// Counts over all threads, for tests and for finding leaks.
struct MemoryStats {
  std::int64_t mallocs;       ///< blocks ever asked from the system
  std::int64_t live_nodes;    ///< graph nodes, parameters' leaves included
  std::int64_t live_tensors;  ///< tensor headers
  std::int64_t live_bytes;    ///< bytes of the buffers that live tensors own
  std::int64_t cached_bytes;  ///< bytes in free lists
};
MemoryStats memory_stats();

/// Gives the calling thread's cached blocks back to the system.
void release_cached_memory();

namespace detail {

/// A count that its own thread writes and any thread may read.
class Counter {
 public:
  void add(std::int64_t n) {
    n_.store(n_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  std::int64_t get() const { return n_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> n_{0};
};

/// Everything a thread owns that ops touch: one address, loaded once an op.
struct ThreadState {
  static constexpr std::size_t grain = 64, small_classes = 65, big_classes = 256;
  void* small[small_classes] = {};  // free blocks of k * 64 bytes, up to 4 KiB
  void* big[big_classes] = {};      // free blocks by size class
  bool grad_mode = true;
  void* dying = nullptr;  // graph nodes whose destruction waits its turn (graph.h)
  bool draining = false;
  Counter mallocs, live_nodes, live_tensors, live_bytes, cached_bytes;
  ThreadState* next = nullptr;  // list of all threads' states
};

[[gnu::tls_model("initial-exec")]] extern constinit thread_local ThreadState* tls;
ThreadState& make_thread_state();
DOWNHILL_INLINE ThreadState& thread_state() {
  ThreadState* t = tls;
  if (!t) [[unlikely]]
    return make_thread_state();
  return *t;
}

void* pool_get_slow(ThreadState& t, std::size_t size_class);
void pool_free(void* p);
void pool_trim(ThreadState& t);  // gives everything cached back
inline constexpr std::int64_t max_cached_bytes = std::int64_t(4) << 30;  // of a thread

/// A block of `bytes` (1 to 4096) rounded up to a multiple of 64, aligned to 64.
DOWNHILL_INLINE void* pool_get(ThreadState& t, std::size_t bytes) {
  const std::size_t c = (bytes + ThreadState::grain - 1) / ThreadState::grain;
  void* p = t.small[c];
  if (!p) [[unlikely]]
    return pool_get_slow(t, c);
  t.small[c] = *static_cast<void**>(p);
  t.cached_bytes.add(-std::int64_t(c * ThreadState::grain));
  return p;
}
DOWNHILL_INLINE void pool_put([[maybe_unused]] ThreadState& t, void* p,
                              [[maybe_unused]] std::size_t bytes) {
#ifdef DOWNHILL_PLAIN
  pool_free(p);
#else
  if (t.cached_bytes.get() > max_cached_bytes) [[unlikely]]
    pool_trim(t);
  const std::size_t c = (bytes + ThreadState::grain - 1) / ThreadState::grain;
  *static_cast<void**>(p) = t.small[c];
  t.small[c] = p;
  t.cached_bytes.add(std::int64_t(c * ThreadState::grain));
#endif
}

/// A reference count. While the process has one thread, counting needs no locked instruction.
class RefCount {
 public:
  void retain() {
    if (__libc_single_threaded)
      n_.store(n_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    else n_.fetch_add(1, std::memory_order_relaxed);
  }
  /// True for the last owner, who needs no read-modify-write: nobody can copy a reference they do
  /// not hold.
  bool release() {
    const std::uint32_t n = n_.load(std::memory_order_acquire);
    if (n == 1) return true;
    if (__libc_single_threaded) return n_.store(n - 1, std::memory_order_relaxed), false;
    return n_.fetch_sub(1, std::memory_order_acq_rel) == 1;
  }
  bool unique() const { return n_.load(std::memory_order_acquire) == 1; }

 private:
  std::atomic<std::uint32_t> n_{1};
};

/// An owner of a counted T, which has `RefCount refs` and `static void destroy(T*)`. Objects are
/// born with one reference.
template <class T> class Ref {
 public:
  Ref() = default;
  static Ref adopt(T* p) {
    Ref r;
    r.p_ = p;
    return r;
  }
  static Ref share(T* p) {
    if (p) p->refs.retain();
    return adopt(p);
  }
  Ref(const Ref& o) : p_(o.p_) {
    if (p_) p_->refs.retain();
  }
  Ref(Ref&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
  template <class U>
  requires std::is_convertible_v<U*, T*> Ref(Ref<U> o)
  noexcept : p_(o.leak()) {}
  Ref& operator=(Ref o) noexcept {
    std::swap(p_, o.p_);
    return *this;
  }
  ~Ref() {
    if (p_ && p_->refs.release()) T::destroy(p_);
  }
  T* get() const { return p_; }
  T* operator->() const { return p_; }
  T& operator*() const { return *p_; }
  explicit operator bool() const { return p_ != nullptr; }
  /// Gives the reference up without releasing it.
  T* leak() { return std::exchange(p_, nullptr); }

 private:
  T* p_ = nullptr;
};

/// The memory behind tensors: shared by views and by detach(), with one version counter for all of
/// them.
struct Storage {
  RefCount refs;
  std::uint32_t version = 0;   ///< bumped by every in-place write
  std::uint32_t recorded = 0;  ///< bumped by every in-place write that the graph recorded
  std::size_t bytes =
      0;  ///< as asked for; own blocks are readable and writable up to a multiple of 64
  std::size_t block = 0;  ///< bytes of the whole block; 0: foreign memory
  char* data = nullptr;
  void (*free_foreign)(void* context) = nullptr;
  void* context = nullptr;

  static Ref<Storage> make(ThreadState& t, std::size_t bytes);
  /// Memory of somebody else's, returned with free_foreign(context) where that is not null.
  static Ref<Storage> wrap(void* data, std::size_t bytes, void (*free_foreign)(void*),
                           void* context);
  static void destroy(Storage* s);
};

}  // namespace detail
}  // namespace downhill
#pragma GCC visibility pop

#include <downhill/tensor/memory.h>

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <new>
#include <vector>

#include <downhill/tensor/check.h>

namespace downhill {
namespace detail {

constinit thread_local ThreadState* tls = nullptr;

namespace {

constexpr std::size_t kSmall = (ThreadState::small_classes - 1) * ThreadState::grain;
constexpr std::size_t kHugePage = std::size_t(2) << 20, kHugeFrom = std::size_t(4) << 20;

void* system_get(ThreadState& t, std::size_t bytes) {
  t.mallocs.add(1);
  const std::size_t align = bytes >= kHugeFrom ? kHugePage : 64;
  void* p = std::aligned_alloc(align, (bytes + align - 1) / align * align);
  check(p, "memory: the system has no {} bytes left", bytes);
#ifdef MADV_HUGEPAGE
  if (bytes >= kHugeFrom) madvise(p, bytes, MADV_HUGEPAGE);
#endif
  return p;
}

void free_list(ThreadState& t, void*& head, std::size_t bytes) {
  while (void* p = head) {
    head = *static_cast<void**>(p);
    t.cached_bytes.add(-static_cast<std::int64_t>(bytes));
    std::free(p);
  }
}

// Four classes a power of two: class 4 e + q holds blocks of (5 + q) / 4 * 2^e bytes.
std::size_t class_of(std::size_t bytes) {
  const int e = 63 - __builtin_clzll(bytes - 1);
  return 4 * static_cast<std::size_t>(e) + (((bytes - 1) >> (e - 2)) & 3);
}
std::size_t bytes_of(std::size_t c) { return (5 + c % 4) << (c / 4 - 2); }

void release_all(ThreadState& t) {
  for (std::size_t c = 1; c < ThreadState::small_classes; ++c)
    free_list(t, t.small[c], c * ThreadState::grain);
  for (std::size_t c = 8; c < ThreadState::big_classes; ++c)
    if (t.big[c]) free_list(t, t.big[c], bytes_of(c));
}

// All threads' states. One that belonged to a thread that ended is handed to the next new thread,
// with its counts.
std::mutex states_mutex;
ThreadState* all_states = nullptr;
std::vector<ThreadState*>& idle_states() {
  static auto* list = new std::vector<ThreadState*>;  // outlives every thread
  return *list;
}

struct ReturnAtThreadEnd {
  ThreadState* state = nullptr;
  ~ReturnAtThreadEnd() {
    if (!state) return;
    release_all(*state);
    // Destructors that run after this one may still use the state; it is handed on only when the
    // thread is not the main one, whose end is the program's.
    std::lock_guard lock(states_mutex);
    idle_states().push_back(state);
    tls = nullptr;
    ended = true;
  }
  static thread_local bool ended;
};
thread_local bool ReturnAtThreadEnd::ended = false;
thread_local ReturnAtThreadEnd return_at_end;

}  // namespace

ThreadState& make_thread_state() {
  ThreadState* s = nullptr;
  {
    std::lock_guard lock(states_mutex);
    if (!idle_states().empty()) {
      s = idle_states().back();
      idle_states().pop_back();
    } else {
      s = new ThreadState;
      s->next = std::exchange(all_states, s);
    }
  }
  s->grad_mode = true;
  tls = s;
  if (!ReturnAtThreadEnd::ended) return_at_end.state = s;
  return *s;
}

void* pool_get_slow(ThreadState& t, std::size_t c) { return system_get(t, c * ThreadState::grain); }
void pool_free(void* p) { std::free(p); }
void pool_trim(ThreadState& t) { release_all(t); }

namespace {

void* big_get(ThreadState& t, std::size_t c) {
  void* p = t.big[c];
  if (!p) return system_get(t, bytes_of(c));
  t.big[c] = *static_cast<void**>(p);
  t.cached_bytes.add(-static_cast<std::int64_t>(bytes_of(c)));
  return p;
}
void big_put([[maybe_unused]] ThreadState& t, void* p, [[maybe_unused]] std::size_t c) {
#ifdef DOWNHILL_PLAIN
  return std::free(p);
#else
  const auto bytes = static_cast<std::int64_t>(bytes_of(c));
  if (bytes > max_cached_bytes) return std::free(p);
  if (t.cached_bytes.get() + bytes > max_cached_bytes) release_all(t);
  *static_cast<void**>(p) = t.big[c];
  t.big[c] = p;
  t.cached_bytes.add(bytes);
#endif
}

}  // namespace

Ref<Storage> Storage::make(ThreadState& t, std::size_t bytes) {
  constexpr std::size_t header = (sizeof(Storage) + 63) / 64 * 64;
  std::size_t block = header + (bytes + 63) / 64 * 64;
  void* p;
  if (block <= kSmall) {
    p = pool_get(t, block);
  } else {
    const std::size_t c = class_of(block);
    block = bytes_of(c);
    p = big_get(t, c);
  }
  auto* s = ::new (p) Storage;
  s->bytes = bytes;
  s->block = block;
  s->data = static_cast<char*>(p) + header;
  t.live_bytes.add(static_cast<std::int64_t>(bytes));
  return Ref<Storage>::adopt(s);
}

Ref<Storage> Storage::wrap(void* data, std::size_t bytes, void (*free_foreign)(void*),
                           void* context) {
  auto* s = ::new (pool_get(thread_state(), sizeof(Storage))) Storage;
  s->bytes = bytes;
  s->data = static_cast<char*>(data);
  s->free_foreign = free_foreign;
  s->context = context;
  return Ref<Storage>::adopt(s);
}

void Storage::destroy(Storage* s) {
  ThreadState& t = thread_state();
  if (s->block == 0) {
    if (s->free_foreign) s->free_foreign(s->context);
    return pool_put(t, s, sizeof(Storage));
  }
  const std::size_t block = s->block;
  t.live_bytes.add(-static_cast<std::int64_t>(s->bytes));
  if (block <= kSmall) pool_put(t, s, block);
  else big_put(t, s, class_of(block));
}

}  // namespace detail

MemoryStats memory_stats() {
  std::lock_guard lock(detail::states_mutex);
  MemoryStats m{};
  for (const auto* s = detail::all_states; s; s = s->next) {
    m.mallocs += s->mallocs.get();
    m.live_nodes += s->live_nodes.get();
    m.live_tensors += s->live_tensors.get();
    m.live_bytes += s->live_bytes.get();
    m.cached_bytes += s->cached_bytes.get();
  }
  return m;
}

void release_cached_memory() { detail::release_all(detail::thread_state()); }

}  // namespace downhill

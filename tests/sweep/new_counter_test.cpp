#include "new_counter.h"

#include <doctest/doctest.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

#include <downhill/tensor/isa.h>

#ifdef DOWNHILL_PLAIN  // sanitizers bring an operator new of their own: nothing is counted

std::int64_t downhill::operator_new_calls() { return 0; }

#else

namespace {
std::atomic<std::int64_t> calls{0};

void* counted(std::size_t bytes, std::size_t align) {
  calls.fetch_add(1, std::memory_order_relaxed);
  bytes = (bytes + align - 1) / align * align;
  void* p = std::aligned_alloc(align, bytes ? bytes : align);
  if (!p) throw std::bad_alloc();
  return p;
}
[[gnu::noinline]] void release(void* p) { std::free(p); }
}  // namespace

std::int64_t downhill::operator_new_calls() { return calls.load(std::memory_order_relaxed); }

void* operator new(std::size_t n) { return counted(n, alignof(std::max_align_t)); }
void* operator new[](std::size_t n) { return counted(n, alignof(std::max_align_t)); }
void* operator new(std::size_t n, std::align_val_t a) { return counted(n, std::size_t(a)); }
void* operator new[](std::size_t n, std::align_val_t a) { return counted(n, std::size_t(a)); }
void operator delete(void* p) noexcept { release(p); }
void operator delete[](void* p) noexcept { release(p); }
void operator delete(void* p, std::size_t) noexcept { release(p); }
void operator delete[](void* p, std::size_t) noexcept { release(p); }
void operator delete(void* p, std::align_val_t) noexcept { release(p); }
void operator delete[](void* p, std::align_val_t) noexcept { release(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { release(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { release(p); }

#endif

TEST_CASE("the test program counts every operator new") {
  const auto before = downhill::operator_new_calls();
  const auto p = std::make_unique<int>(1);
#ifdef DOWNHILL_PLAIN
  CHECK(downhill::operator_new_calls() == before);
#else
  CHECK(downhill::operator_new_calls() == before + 1);
#endif
}

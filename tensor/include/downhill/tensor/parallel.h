// Threads.
#pragma once
#include <cstdint>
#include <type_traits>

#pragma GCC visibility push(default)
namespace downhill {

/// How many threads ops may use (OpenMP; oneDNN uses the same). Results do not depend on it.
void set_num_threads(int n);
int get_num_threads();

namespace detail {

/// Calls f(context, begin, end) on parts of [0, n) of at least `grain`, on several threads where
/// that pays. Parts begin at multiples of `grain`. An exception of f reaches the caller, after all
/// parts have ended: that of the earliest part where several throw.
void parallel_for_raw(std::int64_t n, std::int64_t grain,
                      void (*f)(void*, std::int64_t, std::int64_t), void* context);

template <class F> void parallel_for(std::int64_t n, std::int64_t grain, F&& f) {
  if (n <= grain) {
    if (n > 0) f(std::int64_t(0), n);
    return;
  }
  parallel_for_raw(
      n, grain,
      [](void* c, std::int64_t b, std::int64_t e) {
        (*static_cast<std::remove_reference_t<F>*>(c))(b, e);
      },
      &f);
}

}  // namespace detail
}  // namespace downhill
#pragma GCC visibility pop

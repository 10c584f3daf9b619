#include <downhill/tensor/parallel.h>

#include <omp.h>

#include <algorithm>
#include <exception>
#include <mutex>

#include <downhill/tensor/check.h>

namespace downhill {

void set_num_threads(int n) {
  check(n >= 1, "set_num_threads: needs at least 1 thread, got {}", n);
  omp_set_num_threads(n);
}
int get_num_threads() { return omp_get_max_threads(); }

namespace detail {
namespace {

class FirstError {
 public:
  void note(std::int64_t place) {
    const std::lock_guard lock(mutex_);
    if (error_ && place_ < place) return;
    error_ = std::current_exception();
    place_ = place;
  }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::mutex mutex_;
  std::exception_ptr error_;
  std::int64_t place_ = 0;
};

}  // namespace

void parallel_for_raw(std::int64_t n, std::int64_t grain,
                      void (*f)(void*, std::int64_t, std::int64_t), void* context) {
  const std::int64_t blocks = (n + grain - 1) / grain;
  const std::int64_t threads =
      omp_in_parallel() ? 1 : std::min<std::int64_t>(get_num_threads(), blocks);
  if (threads <= 1) return f(context, 0, n);
  FirstError error;
#pragma omp parallel num_threads(static_cast <int>(threads))
  {
    const std::int64_t i = omp_get_thread_num(), team = omp_get_num_threads();
    const std::int64_t begin = blocks * i / team * grain,
                       end = std::min(n, blocks * (i + 1) / team * grain);
    try {
      if (begin < end) f(context, begin, end);
    } catch (...) { error.note(begin); }
  }
  error.rethrow();
}

}  // namespace detail
}  // namespace downhill

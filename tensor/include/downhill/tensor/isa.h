// How one function becomes a kernel for three instruction sets inside one ordinary object file.
//
// x86-64 has three levels here: baseline (SSE2), v3 (AVX2, FMA) and v4 (AVX-512). A kernel is a
// `Body` with a static `run(args...)`; it is instantiated once a level under `gnu::target` with
// `gnu::flatten`, so that everything it calls is inlined and compiled for that level. Nothing built
// for a newer processor is ever left behind as a shared (weak) function, whatever the compiler, the
// optimisation level and the flags of the translation unit. Other processors have one level.
//
// Bits: a * b + c becomes one fused instruction at v3 and v4 (exp, log and tanh take 30-60 % longer
// without), so baseline rounds some results differently. v3 and v4, GCC and clang agree, because
// formulas leave no choice of what to fuse: no a * b + c * d, and no product that two sums use
// (tests/determinism holds every op to that). Larger float32 products go to oneDNN at v4 only.
#pragma once
#include <cstdint>

// DOWNHILL_PLAIN: one level, nothing forced inline. Sanitizer builds use it; GCC would need minutes
// otherwise.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define DOWNHILL_PLAIN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define DOWNHILL_PLAIN
#endif
#endif

#if defined(__x86_64__) && !defined(DOWNHILL_PLAIN)
#define DOWNHILL_LEVELS 3
#else
#define DOWNHILL_LEVELS 1
#endif

#ifdef DOWNHILL_PLAIN
#define DOWNHILL_INLINE inline
#define DOWNHILL_INLINE_LAMBDA
#define DOWNHILL_FLATTEN gnu::hot
#else
// A leaf of a formula: never emitted as a function of its own.
#define DOWNHILL_INLINE [[gnu::always_inline]] inline
#define DOWNHILL_INLINE_LAMBDA __attribute__((always_inline))
#define DOWNHILL_FLATTEN gnu::flatten
#endif

// A step between a kernel and code that may be a user's lambda. clang flattens one call deep, so
// each step is flatten itself. GCC flattens the whole tree, but does not see the lambda through an
// always_inline function.
#if defined(__clang__) && !defined(DOWNHILL_PLAIN)
#define DOWNHILL_STEP [[gnu::always_inline, gnu::flatten]] inline
#else
#define DOWNHILL_STEP inline
#endif

#ifdef __clang__
#define DOWNHILL_OPTIMIZE
#define DOWNHILL_CONTRACT _Pragma("clang fp contract(fast)")
#define DOWNHILL_VECTORIZE _Pragma("clang loop vectorize(assume_safety)")
#else
#define DOWNHILL_OPTIMIZE [[gnu::optimize("O3")]]  // GCC 12 does not vectorise at a user's -O2
#define DOWNHILL_CONTRACT                          // GCC contracts a * b + c by default
#define DOWNHILL_VECTORIZE _Pragma("GCC ivdep")
#endif

#define DOWNHILL_TARGET_V3 "avx2,fma,bmi,bmi2,f16c,lzcnt,movbe,popcnt"
#define DOWNHILL_TARGET_V4 DOWNHILL_TARGET_V3 ",avx512f,avx512bw,avx512dq,avx512vl,avx512cd"

#pragma GCC visibility push(default)
namespace downhill {

enum class Isa : int { baseline = 0, v3 = 1, v4 = 2 };

/// The level whose kernels run: the best that the processor has, chosen once; the environment
/// variable DOWNHILL_ISA=baseline|v3|v4 lowers it (it never raises it).
Isa isa();

/// Lowers the level for everything that follows (for tests; never above what the processor has).
/// Returns the level in force.
Isa set_max_isa(Isa level);

namespace detail {

extern int isa_level;  // index into the tables below; set before main and by set_max_isa

template <class Signature> struct KernelTable;
template <class... Args> struct KernelTable<void(Args...)> {
  using Function = void (*)(Args...);
  Function at[DOWNHILL_LEVELS];
  void operator()(Args... args) const { at[DOWNHILL_LEVELS == 1 ? 0 : isa_level](args...); }
};

template <class Body, class... Args>
[[DOWNHILL_FLATTEN]] DOWNHILL_OPTIMIZE void kernel_base(Args... args) {
  Body::run(args...);
}
#if DOWNHILL_LEVELS == 3
template <class Body, class... Args>
[[DOWNHILL_FLATTEN, gnu::target(DOWNHILL_TARGET_V3)]] DOWNHILL_OPTIMIZE void kernel_v3(
    Args... args) {
  Body::run(args...);
}
template <class Body, class... Args>
[[DOWNHILL_FLATTEN, gnu::target(DOWNHILL_TARGET_V4)]] DOWNHILL_OPTIMIZE void kernel_v4(
    Args... args) {
  Body::run(args...);
}
#endif

template <class Body, class... Args>
constexpr KernelTable<void(Args...)> make_table(void (*)(Args...)) {
#if DOWNHILL_LEVELS == 3
  return {{&kernel_base<Body, Args...>, &kernel_v3<Body, Args...>, &kernel_v4<Body, Args...>}};
#else
  return {{&kernel_base<Body, Args...>}};
#endif
}

}  // namespace detail

/// `kernel<Body>(args...)` runs `Body::run(args...)` compiled for the level in force. `Body::run`
/// is a static, always-inlined (DOWNHILL_INLINE or DOWNHILL_STEP) function that returns void and
/// takes trivially copyable arguments.
template <class Body> inline constexpr auto kernel = detail::make_table<Body>(&Body::run);

}  // namespace downhill
#pragma GCC visibility pop

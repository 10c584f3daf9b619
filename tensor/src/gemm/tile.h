// Register tiles on compiler vector extensions, shared by the packed and the small kernels.
//
// Functions here never take or return a vector by value: they would have another calling convention
// on each instruction set. All of them are inlined into a kernel of isa.h.
#pragma once
#include <downhill/tensor/isa.h>
#include <cstdint>

/// The loop i = 0 .. count - 1, unrolled whole: what it indexes can then live in registers.
#define DOWNHILL_UNROLLED(i, count) _Pragma("GCC unroll 16") for (int i = 0; i < (count); ++i)

namespace downhill::detail {

/// N lanes of T. On a processor with shorter registers the compiler splits it.
template <class T, int N> struct VecOf {
  typedef T type __attribute__((vector_size(N * sizeof(T))));
};
template <class T, int N> using Vec = typename VecOf<T, N>::type;

template <class V, class T> DOWNHILL_INLINE void load(V& v, const T* p) {
  __builtin_memcpy(&v, p, sizeof v);
}
template <class V, class T> DOWNHILL_INLINE void store(T* p, const V& v) {
  __builtin_memcpy(p, &v, sizeof v);
}

/// R rows of V vectors of L lanes that stay in registers.
template <class T, int L, int R, int V> struct Sums { Vec<T, L> at[R][V]; };

template <class T, int L, int R, int V> DOWNHILL_INLINE void clear(Sums<T, L, R, V>& sum) {
  DOWNHILL_UNROLLED (i, R)
    DOWNHILL_UNROLLED (v, V) sum.at[i][v] = Vec<T, L>{};
}

/// c = sum (+ bias) (+ c), in this order; bias may be null. Vector v belongs at columns at[v],
/// at[v] + 1, ...; vectors may overlap where they hold the same values.
template <class T, int L, int R, int V>
DOWNHILL_INLINE void write(Sums<T, L, R, V>& sum, T* c, std::int64_t ldc, const T* bias,
                           bool accumulate, const std::int64_t (&at)[V]) {
  if (bias)
    DOWNHILL_UNROLLED (v, V) {
      Vec<T, L> x;
      load(x, bias + at[v]);
      DOWNHILL_UNROLLED (i, R) sum.at[i][v] += x;
    }
  if (accumulate)
    DOWNHILL_UNROLLED (i, R)
      DOWNHILL_UNROLLED (v, V) {
        Vec<T, L> old;
        load(old, c + i * ldc + at[v]);
        sum.at[i][v] += old;
      }
  DOWNHILL_UNROLLED (i, R)
    DOWNHILL_UNROLLED (v, V) store(c + i * ldc + at[v], sum.at[i][v]);
}

/// One element of the same: c = sum (+ *bias) (+ c).
template <class T> DOWNHILL_INLINE void write_one(T& c, T sum, const T* bias, bool accumulate) {
  const T value = bias ? sum + *bias : sum;
  c = accumulate ? value + c : value;
}

/// One kernel, with a body of its own for each level: Body<16>, Body<32>, Body<64>, where the
/// number is the bytes of a vector register.
template <template <int> class Body, class... Args>
constexpr KernelTable<void(Args...)> make_wide_table(void (*)(Args...)) {
#if DOWNHILL_LEVELS == 3
  return {{&kernel_base<Body<16>, Args...>, &kernel_v3<Body<32>, Args...>,
           &kernel_v4<Body<64>, Args...>}};
#else
  return {{&kernel_base<Body<16>, Args...>}};
#endif
}
template <template <int> class Body>
inline constexpr auto wide_kernel = make_wide_table<Body>(&Body<16>::run);

/// The bytes of a vector register at the level in force.
inline int register_bytes() { return DOWNHILL_LEVELS == 1 ? 16 : 16 << isa_level; }

}  // namespace downhill::detail

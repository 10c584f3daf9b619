// Copies parts of a matrix into the order in which a register tile reads it.
#pragma once
#include <downhill/tensor/isa.h>
#include <cstdint>

namespace downhill::detail {

/// `lines` rows of a (or columns of b), k long, into panels of `height` lines: panel[p * height +
/// line]. Lines beyond the last are zero.
template <class T> struct Packing {
  const T* from;
  std::int64_t line, step;  // strides between lines and along k
  std::int64_t lines, k, height;
  T* to;
};

template <class T>
DOWNHILL_STEP void pack_transposed(const T* from, std::int64_t line, T* to, std::int64_t height) {
  T block[4][4];
  for (int l = 0; l < 4; ++l)
    for (int p = 0; p < 4; ++p) block[p][l] = from[l * line + p];
  for (int p = 0; p < 4; ++p)
    for (int l = 0; l < 4; ++l) to[p * height + l] = block[p][l];
}

template <class T>
DOWNHILL_STEP void pack_general(const Packing<T>& s, std::int64_t line0, std::int64_t p0) {
  for (std::int64_t p = p0; p < s.k; ++p)
    for (std::int64_t l = line0; l < s.lines; ++l)
      s.to[p * s.height + l] = s.from[l * s.line + p * s.step];
}

template <class T> DOWNHILL_STEP void pack_rows(const Packing<T>& s) {
  for (std::int64_t p = 0; p < s.k; ++p) {
    const T* from = s.from + p * s.step;
    T* to = s.to + p * s.height;
    DOWNHILL_VECTORIZE
    for (std::int64_t l = 0; l < s.lines; ++l) to[l] = from[l];
  }
}

/// `Count` values of every line, from p on, where the lines are contiguous along k.
template <int Count, class T> DOWNHILL_STEP void pack_chunk(const Packing<T>& s, std::int64_t p) {
  std::int64_t l = 0;
  for (; l + 4 <= s.lines; l += 4)
    for (int q = 0; q < Count; q += 4)
      pack_transposed(s.from + l * s.line + p + q, s.line, s.to + (p + q) * s.height + l, s.height);
  for (; l < s.lines; ++l)
    for (int q = 0; q < Count; ++q) s.to[(p + q) * s.height + l] = s.from[l * s.line + p + q];
}

template <class T> struct PackPanel {
  DOWNHILL_STEP static void run(const Packing<T>* panel) {
    const Packing<T>& s = *panel;
    if (s.lines < s.height)
      for (std::int64_t p = 0; p < s.k; ++p)
        for (std::int64_t l = s.lines; l < s.height; ++l) s.to[p * s.height + l] = 0;
    if (s.line == 1) return pack_rows(s);
    if (s.step != 1) return pack_general(s, 0, 0);
    constexpr std::int64_t line_of_cache = 64 / sizeof(T);
    std::int64_t p = 0;
    for (; p + line_of_cache <= s.k; p += line_of_cache) pack_chunk<line_of_cache>(s, p);
    for (; p + 4 <= s.k; p += 4) pack_chunk<4>(s, p);
    pack_general(s, 0, p);
  }
};

}  // namespace downhill::detail

// Philox 4x32-10 (Salmon, Moraes, Dror, Shaw, SC 2011): a bijection of 128-bit counters, one for
// each 64-bit key, whose outputs for consecutive counters pass all known tests of randomness.
#pragma once
#include <cstdint>

#include <downhill/tensor/isa.h>

namespace downhill::detail {

struct Words {
  std::uint32_t w[4];
};

template <int Rounds = 10>
DOWNHILL_INLINE Words philox(Words c, std::uint32_t key0, std::uint32_t key1) {
  if constexpr (Rounds == 0) {
    return c;
  } else {
    const std::uint64_t a = std::uint64_t(0xD2511F53) * c.w[0];
    const std::uint64_t b = std::uint64_t(0xCD9E8D57) * c.w[2];
    const Words next{
        {static_cast<std::uint32_t>(b >> 32) ^ c.w[1] ^ key0, static_cast<std::uint32_t>(b),
         static_cast<std::uint32_t>(a >> 32) ^ c.w[3] ^ key1, static_cast<std::uint32_t>(a)}};
    return philox<Rounds - 1>(next, key0 + 0x9E3779B9, key1 + 0xBB67AE85);
  }
}

/// The four numbers at `counter` of the stream `seed`. Each counter has 2^32 lanes, and each lane
/// has fresh numbers for further attempts where one was rejected.
DOWNHILL_INLINE Words philox_at(std::uint64_t seed, std::uint64_t counter, std::uint32_t lane = 0,
                                std::uint32_t attempt = 0) {
  return philox({{static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32),
                  lane, attempt}},
                static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32));
}

}  // namespace downhill::detail

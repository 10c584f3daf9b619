// What every op computes, as one number an op: to compare instruction sets, compilers and threads.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include <downhill/tensor/tensor.h>

namespace downhill::determinism {

struct Digest {
  std::string name;  ///< "12 clamp"
  std::uint64_t values = 0, gradients = 0;
  bool operator==(const Digest&) const = default;
};

/// Mixes the bits of the tensors into a digest; every NaN counts as the same.
std::uint64_t mix(std::uint64_t digest, const std::vector<Tensor>& tensors);

/// Of every op: outputs and gradients of its samples and, for pointwise ops, of long vectors too,
/// in float32 and float64.
std::vector<Digest> digests();

}  // namespace downhill::determinism

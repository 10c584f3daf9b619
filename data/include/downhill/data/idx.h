// The IDX files of MNIST (http://yann.lecun.com/exdb/mnist): two zero bytes, a type, the number of
// dimensions, the sizes as big-endian 32-bit integers, the elements big-endian and row-major.
#pragma once
#include <string>

#include <downhill/tensor/tensor.h>

#pragma GCC visibility push(default)
namespace downhill::data {

/// Reads one, plain or compressed with gzip (told by its content, not its name), of type uint8,
/// int32, float32 or float64. Throws Error naming the path for a missing file, a wrong magic
/// number, data that end early, bytes after the data, sizes that overflow, and damaged gzip data.
Tensor idx(const std::string& path);

}  // namespace downhill::data
#pragma GCC visibility pop

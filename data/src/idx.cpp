#include <downhill/data/idx.h>

#include <algorithm>
#include <cstring>

#include <downhill/tensor/check.h>
#include <downhill/tensor/factory.h>
#include <downhill/tensor/format.h>
#include "gzip.h"

namespace downhill::data {
namespace {

using Byte = unsigned char;

constexpr std::pair<Byte, DType> kTypes[] = {
    {0x08, kUInt8}, {0x0c, kInt32}, {0x0d, kFloat32}, {0x0e, kFloat64}};

/// Throws where the file ends early.
void read_exactly(ByteSource& source, void* to, std::size_t bytes, const std::string& path,
                  const char* part) {
  const std::size_t got = source.read(to, bytes);
  check(got == bytes, "idx: '{}' is truncated: its {} needs {} bytes, {} are there", path, part,
        bytes, got);
}

DType dtype_of_file(const Byte* magic, const std::string& path) {
  if (magic[0] == 0 && magic[1] == 0)
    for (const auto& [type, dtype] : kTypes)
      if (magic[2] == type) return dtype;
  fail(
      "idx: '{}': wrong magic number {:02x} {:02x} {:02x} {:02x} (expected 00 00, a type of 08, "
      "0c, 0d or 0e, and the number of dimensions)",
      path, magic[0], magic[1], magic[2], magic[3]);
}

Shape read_sizes(ByteSource& source, int dims, const std::string& path) {
  check(dims >= 1 && dims <= kMaxDims, "idx: '{}' has {} dimensions, 1 to {} are supported", path,
        dims, kMaxDims);
  Shape s;
  for (int i = 0; i < dims; ++i) {
    Byte b[4];
    read_exactly(source, b, sizeof b, path, "list of sizes");
    s.push_back(std::int64_t(b[0]) << 24 | b[1] << 16 | b[2] << 8 | b[3]);
  }
  return s;
}

std::size_t bytes_of(const Shape& size, DType dtype, const std::string& path) {
  std::size_t bytes = size_of(dtype);
  bool empty = false;
  for (const std::int64_t n : size) {
    const auto factor = static_cast<std::size_t>(std::max<std::int64_t>(n, 1));
    const bool overflow = __builtin_mul_overflow(bytes, factor, &bytes);
    check(!overflow && bytes >> 59 == 0, "idx: '{}': shape {} has too many elements", path, size);
    empty |= n == 0;
  }
  return empty ? 0 : bytes;
}

void to_native(Byte* data, std::size_t bytes, std::size_t width) {
  if (width == 1) return;
  for (std::size_t i = 0; i < bytes; i += width) std::reverse(data + i, data + i + width);
}

}  // namespace

Tensor idx(const std::string& path) {
  ByteSource source("idx", path);
  Byte magic[4];
  read_exactly(source, magic, sizeof magic, path, "magic number");
  const DType dtype = dtype_of_file(magic, path);
  const Shape size = read_sizes(source, magic[3], path);
  const std::size_t bytes = bytes_of(size, dtype, path);
  check(source.may_hold(bytes), "idx: '{}' is truncated: shape {} needs {} bytes of data", path,
        size, bytes);
  Tensor x = empty(size, dtype);
  auto* data = static_cast<Byte*>(x.data_ptr());
  read_exactly(source, data, bytes, path, "data");
  Byte more;
  check(source.read(&more, 1) == 0, "idx: '{}' has bytes after its data (shape {})", path, size);
  to_native(data, bytes, size_of(dtype));
  return x;
}

}  // namespace downhill::data

#include <downhill/tensor/shape.h>

#include <downhill/tensor/check.h>

namespace downhill {

void Shape::too_long(std::int64_t n) {
  fail("shape: {} dimensions, at most {} are supported", n, kMaxDims);
}

namespace detail {

std::int64_t checked_numel(const char* op, const Shape& size) {
  std::int64_t n = 1;
  bool overflow = false, empty = false;
  for (std::int64_t s : size) {
    check(s >= 0, "{}: negative size in {}", op, size);
    empty |= s == 0;
    overflow |= __builtin_mul_overflow(n, s == 0 ? 1 : s, &n);
  }
  check(!overflow && n <= kMaxNumel, "{}: {} has too many elements", op, size);
  return empty ? 0 : n;
}

Shape contiguous_strides(const Shape& size) {
  Shape r = size;
  std::int64_t n = 1;
  for (int d = size.size() - 1; d >= 0; --d) {
    r[d] = n;
    n *= size[d] > 0 ? size[d] : 1;
  }
  return r;
}

Shape broadcast(const char* op, const Shape& a, const Shape& b) {
  if (a == b) return a;
  const Shape &lo = a.size() < b.size() ? a : b, &hi = a.size() < b.size() ? b : a;
  Shape r = hi;
  for (int d = 1; d <= lo.size(); ++d) {
    const std::int64_t in = lo[lo.size() - d], out = hi[hi.size() - d];
    if (out == in || in == 1) continue;
    check(out == 1, "{}: shapes {} and {} do not broadcast (dimension {}: {} and {})", op, a, b, -d,
          a.size() < b.size() ? in : out, a.size() < b.size() ? out : in);
    r[hi.size() - d] = in;
  }
  return r;
}

int wrap_dim(const char* op, std::int64_t dim, int dims, const char* of) {
  const int n = dims > 0 ? dims : 1;
  check_index(dim >= -n && dim < n, "{}: dimension {} is out of range for {} of {} dimension{}", op,
              dim, of, dims, dims == 1 ? "" : "s");
  return static_cast<int>(dim < 0 ? dim + n : dim);
}

}  // namespace detail
}  // namespace downhill

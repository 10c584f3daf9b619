// Shape: a short list of sizes, strides or dimensions, kept inline.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <vector>

#pragma GCC visibility push(default)
namespace downhill {

/// A tensor has at most this many dimensions.
inline constexpr int kMaxDims = 8;

/// Up to kMaxDims int64_t values. Converts from braces and vectors: zeros({2, 3}).
class Shape {
 public:
  constexpr Shape() = default;
  constexpr Shape(std::initializer_list<std::int64_t> values)
      : Shape(values.begin(), static_cast<std::int64_t>(values.size())) {}
  Shape(const std::vector<std::int64_t>& values)
      : Shape(values.data(), static_cast<std::int64_t>(values.size())) {}
  /// Throws Error for more than kMaxDims values.
  constexpr Shape(const std::int64_t* values, std::int64_t n) : n_(static_cast<int>(n)) {
    if (n > kMaxDims) [[unlikely]]
      too_long(n);
    for (int i = 0; i < n_; ++i) d_[i] = values[i];
  }

  constexpr int size() const { return n_; }
  constexpr bool empty() const { return n_ == 0; }
  constexpr std::int64_t operator[](int i) const { return d_[i]; }
  constexpr std::int64_t& operator[](int i) { return d_[i]; }
  constexpr const std::int64_t* begin() const { return d_; }
  constexpr const std::int64_t* end() const { return d_ + n_; }
  constexpr std::int64_t* begin() { return d_; }
  constexpr std::int64_t* end() { return d_ + n_; }
  constexpr const std::int64_t* data() const { return d_; }
  constexpr std::int64_t front() const { return d_[0]; }
  constexpr std::int64_t back() const { return d_[n_ - 1]; }
  void push_back(std::int64_t value) {
    if (n_ == kMaxDims) [[unlikely]]
      too_long(n_ + 1);
    d_[n_++] = value;
  }
  void erase(int i) {
    for (--n_; i < n_; ++i) d_[i] = d_[i + 1];
  }
  void insert(int i, std::int64_t value) {
    push_back(value);
    for (int k = n_ - 1; k > i; --k) d_[k] = d_[k - 1];
    d_[i] = value;
  }
  std::vector<std::int64_t> vec() const { return {begin(), end()}; }

  friend constexpr bool operator==(const Shape& a, const Shape& b) {
    if (a.n_ != b.n_) return false;
    for (int i = 0; i < a.n_; ++i)
      if (a.d_[i] != b.d_[i]) return false;
    return true;
  }

 private:
  [[noreturn]] static void too_long(std::int64_t n);

  std::int64_t d_[kMaxDims] = {};
  int n_ = 0;
};

namespace detail {

/// A tensor has at most this many elements.
inline constexpr std::int64_t kMaxNumel = std::int64_t(1) << 59;
/// The product of the sizes. Throws Error naming `op` for a negative size or a product, zeros left
/// out as in strides, that does not fit.
std::int64_t checked_numel(const char* op, const Shape& size);
/// Row-major strides.
Shape contiguous_strides(const Shape& size);
/// The shape that both broadcast to (NumPy's rule). Throws Error naming `op` and both shapes.
Shape broadcast(const char* op, const Shape& a, const Shape& b);
/// `dim` counted from the front; negative ones count from the back. Throws IndexError naming `op`.
/// A 0-d tensor counts as 1-d. `of` says what has the dimensions.
int wrap_dim(const char* op, std::int64_t dim, int dims, const char* of = "a tensor");

}  // namespace detail
}  // namespace downhill
#pragma GCC visibility pop

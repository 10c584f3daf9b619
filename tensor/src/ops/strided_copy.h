// Copies a block of any shape between two strided places.
#pragma once
#include <algorithm>

#include <downhill/tensor/parallel.h>
#include <downhill/tensor/shape.h>

#include "copy_elements.h"

namespace downhill::detail {

/// A strided place: the strides count elements of the dtype.
struct Place {
  DType dtype;
  const Shape& stride;
};

/// Made once for a shape, called for any number of blocks. Dimensions that run on in both places
/// are merged.
class StridedCopy {
 public:
  StridedCopy(const Shape& size, const Place& to, const Place& from)
      : copy_(copy_elements(from.dtype, to.dtype)), to_bytes_(size_of(to.dtype)),
        from_bytes_(size_of(from.dtype)) {
    for (int d = size.size() - 1; d >= 0; --d) add(size[d], to.stride[d], from.stride[d]);
    if (dims_ == 0) add_level(1, 1, 1);
    for (int k = 1; k < dims_; ++k) rows_ *= level_[k].size;
    if (level_[0].size == 0) rows_ = 0;
  }

  void operator()(void* to, const void* from) const {
    constexpr std::int64_t threaded = std::int64_t(1) << 20;
    const std::int64_t row_bytes = level_[0].size * to_bytes_;
    if (rows_ * row_bytes < threaded) return run(to, from, 0, rows_);
    const std::int64_t grain = std::max<std::int64_t>(threaded / 4 / row_bytes, 1);
    parallel_for(rows_, grain, [&](std::int64_t b, std::int64_t e) { run(to, from, b, e); });
  }

 private:
  struct Level {
    std::int64_t size, to, from;
  };

  void add_level(std::int64_t size, std::int64_t to, std::int64_t from) {
    level_[dims_++] = {size, to, from};
  }
  void add(std::int64_t size, std::int64_t to, std::int64_t from) {
    if (size == 1) return;
    if (dims_ > 0) {
      Level& in = level_[dims_ - 1];
      if (to == in.to * in.size && from == in.from * in.size) {
        in.size *= size;
        return;
      }
    }
    add_level(size, to, from);
  }
  void run(void* to, const void* from, std::int64_t begin, std::int64_t end) const {
    char* t = static_cast<char*>(to);
    const char* f = static_cast<const char*>(from);
    std::int64_t at[kMaxDims] = {};
    for (std::int64_t k = 1, rest = begin; k < dims_ && begin < end; ++k) {
      at[k] = rest % level_[k].size;
      rest /= level_[k].size;
      move(t, f, level_[k], at[k]);
    }
    for (std::int64_t i = begin; i < end; ++i) {
      copy_(t, level_[0].to, f, level_[0].from, level_[0].size);
      for (int k = 1; k < dims_; ++k) {
        move(t, f, level_[k], 1);
        if (++at[k] < level_[k].size) break;
        move(t, f, level_[k], -at[k]);
        at[k] = 0;
      }
    }
  }
  void move(char*& to, const char*& from, const Level& level, std::int64_t n) const {
    to += n * level.to * to_bytes_;
    from += n * level.from * from_bytes_;
  }

  CopyElements copy_;
  std::int64_t to_bytes_, from_bytes_, rows_ = 1;
  int dims_ = 0;
  Level level_[kMaxDims];  // the innermost first
};

}  // namespace downhill::detail

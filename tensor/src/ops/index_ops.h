// The recorded ops behind indexing.
//
// Whatever stands between the brackets becomes views and then one pick: int64 positions that count
// row-major through a range of adjacent dimensions of the viewed tensor. Positions are checked
// once, where they come in.
#pragma once
#include <downhill/tensor/indexing.h>
#include <downhill/tensor/op.h>
#include <downhill/tensor/ops.h>
#include <downhill/tensor/registry.h>

#include "families.h"

namespace downhill::detail {

/// `count` adjacent dimensions from `first` on.
struct DimRange {
  int first = 0, count = 0;
};

/// The views are applied to x; positions are undefined where views were all.
struct Plan {
  Tensor x;
  DimRange dims;
  Tensor positions;
};
Plan make_plan(const char* op, const Tensor& x, std::span<const TensorIndex> indices);

/// Throws IndexError unless every element of the contiguous `index` is below `size` and, counted
/// from the back where `wrap` allows that, not negative. Returns whether any is negative.
bool check_positions(const char* op, const Tensor& index, std::int64_t dim, std::int64_t size,
                     bool wrap);

/// Contiguous elements of t, without history.
Tensor dense_data(const Tensor& t);

/// A nest of dimensions counted through row-major, merged where they lie on in memory.
class Levels {
 public:
  Levels(const Shape& size, const Shape& stride, int begin, int end) {
    for (int d = end - 1; d >= begin; --d) add(size[d], stride[d]);
  }
  std::int64_t numel() const { return numel_; }
  bool contiguous() const { return n_ == 0 || (n_ == 1 && stride_[0] == 1); }
  std::int64_t offset(std::int64_t flat) const {
    std::int64_t r = 0;
    for (int k = 0; k < n_ - 1; ++k) {
      r += flat % size_[k] * stride_[k];
      flat /= size_[k];
    }
    return n_ > 0 ? r + flat * stride_[n_ - 1] : r;
  }

 private:
  void add(std::int64_t size, std::int64_t stride) {
    numel_ *= size;
    if (size == 1) return;
    if (n_ > 0 && stride == stride_[n_ - 1] * size_[n_ - 1]) {
      size_[n_ - 1] *= size;
      return;
    }
    size_[n_] = size;
    stride_[n_++] = stride;
  }

  std::int64_t size_[kMaxDims], stride_[kMaxDims], numel_ = 1;
  int n_ = 0;
};

/// x at the positions: the dimensions in the range give way to the positions' own.
Tensor take(const Tensor& x, DimRange dims, const Tensor& positions);
/// Its adjoint: zeros of shape `size` with g added at the positions.
Tensor add_at(const Tensor& g, const Shape& size, DimRange dims, const Tensor& positions);
/// x with `values` (of the positions' shape) at flat positions over all of it; of several for one
/// place the last counts.
Tensor put(const Tensor& x, const Tensor& positions, const Tensor& values);
/// index's elements picked along dim, and the adjoint: src added to x, or to zeros of shape `size`
/// where x is undefined.
Tensor pick(const Tensor& x, int dim, const Tensor& index);
Tensor add_picked(const Tensor& x, const Shape& size, int dim, const Tensor& index,
                  const Tensor& src);

struct Index {
  static constexpr std::string_view name = "index";
  using Family = IndexOps;
  static constexpr int inputs = 2;
  struct Values {
    Saved positions;
    Shape size;
    DimRange dims;
  };
  static void vjp(Backward& b, const Values& v) {
    b.set(0, add_at(b.grad(), v.size, v.dims, v.positions.input(b, 1)));
  }
  static std::vector<Sample> samples();
  static std::vector<BadSample> bad_samples();
};

struct IndexAdd {
  static constexpr std::string_view name = "index_add";
  using Family = IndexOps;
  static constexpr int inputs = 2;
  struct Values {
    Saved positions;
    DimRange dims;
  };
  static void vjp(Backward& b, const Values& v) {
    b.set(0, take(b.grad(), v.dims, v.positions.input(b, 1)));
  }
  static std::vector<Sample> samples();
};

struct IndexPut {
  static constexpr std::string_view name = "index_put_";
  using Family = IndexOps;
  static constexpr int inputs = 3;
  struct Values {
    Saved positions, overwritten;
  };  // overwritten: a mask of values that another one replaced
  static void vjp(Backward& b, const Values& v);
  static std::vector<Sample> samples();
  static std::vector<BadSample> bad_samples();
};

struct Gather {
  static constexpr std::string_view name = "gather";
  using Family = IndexOps;
  static constexpr int inputs = 2;
  struct Values {
    Saved index;
    Shape size;
    int dim;
  };
  static void vjp(Backward& b, const Values& v) {
    b.set(0, add_picked({}, v.size, v.dim, v.index.input(b, 1), b.grad()));
  }
  static std::vector<Sample> samples();
  static std::vector<BadSample> bad_samples();
};

struct ScatterAdd {
  static constexpr std::string_view name = "scatter_add";
  using Family = IndexOps;
  static constexpr int inputs = 3;
  struct Values {
    Saved index;
    int dim;
  };
  static void vjp(Backward& b, const Values& v) {
    if (b.needs(0)) b.set(0, b.grad());
    if (b.needs(2)) b.set(2, pick(b.grad(), v.dim, v.index.input(b, 1)));
  }
  static std::vector<Sample> samples();
  static std::vector<BadSample> bad_samples();
};

}  // namespace downhill::detail

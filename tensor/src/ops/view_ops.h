// The recorded ops behind the views.
#pragma once
#include <downhill/tensor/op.h>
#include <downhill/tensor/ops.h>
#include <downhill/tensor/registry.h>

#include "families.h"

namespace downhill::detail {

struct Permute {
  static constexpr std::string_view name = "permute";
  using Family = ViewOps;
  static constexpr int inputs = 1;
  struct Values {
    Shape dims;
  };
  static void vjp(Backward& b, const Values& v) {
    Shape back = v.dims;
    for (int d = 0; d < back.size(); ++d) back[static_cast<int>(v.dims[d])] = d;
    b.set(0, permute(b.grad(), back));
  }
  static std::vector<Sample> samples();
  static std::vector<BadSample> bad_samples();
};

struct Reshape {
  static constexpr std::string_view name = "reshape";
  using Family = ViewOps;
  static constexpr int inputs = 1;
  struct Values {
    Shape size;
  };
  static void vjp(Backward& b, const Values& v) { b.set(0, reshape(b.grad(), v.size)); }
  static std::vector<Sample> samples();
  static std::vector<BadSample> bad_samples();
};

struct Expand {
  static constexpr std::string_view name = "expand";
  using Family = ViewOps;
  static constexpr int inputs = 1;
  struct Values {};
  static void vjp(Backward& b, const Values&) { b.set(0, b.grad()); }
  static std::vector<Sample> samples();
  static std::vector<BadSample> bad_samples();
};

/// Every step-th of `length` places along one dimension; a single place may drop the dimension.
struct Region {
  int dim = 0;
  std::int64_t start = 0, length = 1, step = 1;
  bool drop = false;

  /// Turns the layout of the whole into the region's and returns where that begins.
  std::int64_t cut(Shape& size, Shape& stride) const {
    const std::int64_t offset = length > 0 ? start * stride[dim] : 0;
    if (drop) {
      size.erase(dim);
      stride.erase(dim);
    } else {
      size[dim] = length;
      if (length > 1) stride[dim] *= step;
    }
    return offset;
  }
};

/// The region of x, as a view.
Tensor window(const Tensor& x, const Region& r);
/// Zeros of shape `whole` with g in the region.
Tensor place(const Tensor& g, const Shape& whole, const Region& r);

struct SliceView {
  static constexpr std::string_view name = "slice";
  using Family = ViewOps;
  static constexpr int inputs = 1;
  struct Values {
    Shape whole;
    Region region;
  };
  static void vjp(Backward& b, const Values& v) { b.set(0, place(b.grad(), v.whole, v.region)); }
  static std::vector<Sample> samples();
  static std::vector<BadSample> bad_samples();
};

struct SliceScatter {
  static constexpr std::string_view name = "slice_scatter";
  using Family = ViewOps;
  static constexpr int inputs = 1;
  struct Values {
    Region region;
  };
  static void vjp(Backward& b, const Values& v) { b.set(0, window(b.grad(), v.region)); }
  static std::vector<Sample> samples();
};

}  // namespace downhill::detail

// New tensors. Names and defaults are PyTorch's: the dtype is the default dtype unless the options
// or the numbers say otherwise. Sizes that are negative or too large are an Error.
#pragma once
#include <initializer_list>
#include <vector>

#include <downhill/tensor/tensor.h>

#pragma GCC visibility push(default)
namespace downhill {

/// Elements with no particular value.
Tensor empty(const Shape& size, const TensorOptions& options = {});
Tensor zeros(const Shape& size, const TensorOptions& options = {});
Tensor ones(const Shape& size, const TensorOptions& options = {});
/// Every element `value`; the dtype follows the number's kind unless given. Throws Error where an
/// integer dtype cannot hold the value.
Tensor full(const Shape& size, const Scalar& value, const TensorOptions& options = {});

/// The shape of x and, unless the options say otherwise, its dtype; dense strides are kept.
Tensor empty_like(const Tensor& x, const TensorOptions& options = {});
Tensor zeros_like(const Tensor& x, const TensorOptions& options = {});
Tensor ones_like(const Tensor& x, const TensorOptions& options = {});
Tensor full_like(const Tensor& x, const Scalar& value, const TensorOptions& options = {});

/// n x m (m = n where left out) with ones on the diagonal, zeros elsewhere.
Tensor eye(std::int64_t n, const TensorOptions& options = {});
Tensor eye(std::int64_t n, std::int64_t m, const TensorOptions& options = {});

/// start, start + step, ... up to but without end: ceil((end - start) / step) elements. int64 when
/// all three are integers and no dtype is given. A step of zero, or one that leads away from end,
/// is an Error. Elements are computed as start + i * step in double (exactly for integers), not by
/// repeated addition.
Tensor arange(const Scalar& end, const TensorOptions& options = {});
Tensor arange(const Scalar& start, const Scalar& end, const TensorOptions& options = {});
Tensor arange(const Scalar& start, const Scalar& end, const Scalar& step,
              const TensorOptions& options = {});
/// `steps` evenly spaced values from start to end, both included; one step gives start.
Tensor linspace(double start, double end, std::int64_t steps, const TensorOptions& options = {});
/// base^x for x in linspace(start, end, steps).
Tensor logspace(double start, double end, std::int64_t steps, double base = 10,
                const TensorOptions& options = {});

/// A (nested) list of numbers, for `tensor`.
class TensorData {
 public:
  template <Number T> TensorData(T value) : value_(value) {}
  TensorData(std::initializer_list<TensorData> list) : list_(list), is_list_(true) {}
  bool is_list() const { return is_list_; }
  const Scalar& value() const { return value_; }
  const std::vector<TensorData>& list() const { return list_; }

 private:
  Scalar value_;
  std::vector<TensorData> list_;
  bool is_list_ = false;
};

/// tensor(1.5), tensor({1, 2, 3}), tensor({{1.0, 2.0}, {3.0, 4.0}}): the default dtype where a
/// number is floating-point, else int64, bool where all are bools, unless the options say
/// otherwise. A list whose parts differ in length is an Error that names the place.
Tensor tensor(const Scalar& value, const TensorOptions& options = {});
Tensor tensor(std::initializer_list<TensorData> values, const TensorOptions& options = {});

namespace detail {
Tensor tensor_from(const void* values, DType type, std::int64_t n, const TensorOptions& options);
}

/// The same from a vector.
template <Number T> Tensor tensor(const std::vector<T>& values, const TensorOptions& options = {}) {
  const auto n = static_cast<std::int64_t>(values.size());
  if constexpr (std::is_same_v<T, bool>) {
    const std::vector<std::uint8_t> bytes(values.begin(), values.end());
    return detail::tensor_from(bytes.data(), kBool, n, options);
  } else {
    return detail::tensor_from(values.data(), dtype_of<T>, n, options);
  }
}

/// A tensor on memory of somebody else's (row-major), which must outlive it and all its views.
Tensor from_blob(void* data, const Shape& size, const TensorOptions& options = {});

}  // namespace downhill
#pragma GCC visibility pop

// Short ways to write the samples of structural ops.
#pragma once
#include <downhill/tensor/op.h>
#include <downhill/tensor/registry.h>

namespace downhill::detail {

/// One output made by f from the inputs, one argument each.
template <class F, class... T> Sample sample(std::string label, F f, const T&... inputs) {
  auto fn = [f]<std::size_t... I>(std::index_sequence<I...>, const std::vector<Tensor>& in) {
    return std::vector<Tensor>{f(in[I]...)};
  };
  return {std::move(label), {inputs...}, [fn](const std::vector<Tensor>& in) {
            return fn(std::index_sequence_for<T...>{}, in);
          }};
}

template <class... Op> std::vector<OpEntry> entries_of(OpList<Op...>) {
  return {entry_of<Op>()...};
}

}  // namespace downhill::detail

// What the sweep asks of every op. Each check takes a sample and reports through doctest.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include <downhill/tensor/registry.h>

namespace downhill::sweep {

using Tensors = std::vector<Tensor>;

/// The inputs as fresh copies; the floating ones require gradients where `grad` is set.
Tensors fresh(const Tensors& inputs, bool grad);
/// The same values; the floating ones have gaps between the elements or are transposed.
Tensors strided(const Tensors& inputs, bool grad);
/// The floating ones as float32.
Tensors narrowed(const Tensors& inputs);

/// Whether a node of this name lies behind the outputs.
bool is_recorded(std::string_view name, const Tensors& outputs);
Tensors floating(const Tensors& all);
Tensors differentiable(const Tensors& all);
/// Fixed, unequal incoming gradients.
Tensors incoming(const Tensors& outputs);
/// Gradients of the floating inputs; zeros where an input is not reached.
Tensors gradients(const Sample& s, const Tensors& inputs, bool create_graph = false);

/// The largest |a - b| / (1 + |b|); infinity where shapes, dtypes or NaNs differ.
double distance(const Tensors& a, const Tensors& b);
bool all_finite(const Tensor& t);

void check_recording(const OpEntry& op, const Sample& s);
void check_gradients(const Sample& s);
void check_float32(const Sample& s);
void check_strides(const Sample& s);
void check_readings(const Sample& s);
void check_saved_memory(const Sample& s);
void check_saved_versions(const Sample& s);
void check_steady_state(const Sample& s);
void check_cuts_graph(const Sample& s);

void check_inference(const OpEntry& op, const Sample& s);
void check_in_place(const OpEntry& op, const Sample& s);
void check_saved_values(const OpEntry& op, const Sample& s);
void check_special_values(const OpEntry& op, const Sample& s);
void check_errors(const OpEntry& op);

}  // namespace downhill::sweep

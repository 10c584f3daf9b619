#include "rows.h"

#include <fmt/format.h>

namespace bench {
namespace {

void add_small(std::vector<Row>& rows) {
  for (const bool recorded : {true, false})
    for (const char* op : small_ops)
      if (recorded || op != std::string("mul by constant"))
        rows.push_back({small_name(op, recorded)});
  rows.push_back({chain_by_constant, static_cast<double>(chain_length), 1e-3});
  rows.push_back({chain_by_parameter, static_cast<double>(chain_length), 1e-3});
  for (const bool with_backward : {false, true})
    for (const Product& p : products) rows.push_back({product_name(p, with_backward)});
}

void add_training(std::vector<Row>& rows) {
  for (const Mlp& m : mlps) rows.push_back({name(m), 1, 2e-3});
  for (const Classifier& c : classifiers) rows.push_back({name(c), 1, 1e-3});
  rows.push_back({name(penalty), 1, 1e-3});
  rows.push_back({adamw_step, 1, 1e-3});
  rows.push_back({momentum_step, 1, 1e-3});
}

void add_arrays(std::vector<Row>& rows) {
  for (const char* op : pointwise_ops)
    for (const std::int64_t n : pointwise_sizes) rows.push_back({pointwise_name(op, n)});
  for (const int axis : {-1, 0, 1}) rows.push_back({sum_name(axis), 1, 1e-2});
  for (const bool with_backward : {false, true})
    for (const bool composed : {false, true})
      rows.push_back({formula_name(composed, with_backward)});
  rows.push_back({copy_ceiling});
  rows.push_back({read_ceiling, 1, 1});
}

}  // namespace

const std::vector<Row>& all_rows() {
  static const std::vector<Row> rows = [] {
    std::vector<Row> all;
    add_small(all);
    add_training(all);
    add_arrays(all);
    return all;
  }();
  return rows;
}

int row_index(const std::string& name) {
  for (std::size_t i = 0; i < all_rows().size(); ++i)
    if (all_rows()[i].name == name) return static_cast<int>(i);
  return -1;
}

std::string small_name(const std::string& op, bool recorded) {
  return fmt::format("{}{}", op, recorded ? ", recorded" : "");
}
std::string product_name(const Product& p, bool with_backward) {
  return fmt::format("matmul {}x{}x{}{}", p.m, p.k, p.n, with_backward ? ", fwd+bwd" : "");
}
std::string name(const Mlp& m) {
  return fmt::format("MLP {}x{}-{}-{} AdamW", m.batch, m.inputs, m.hidden, m.classes);
}
std::string name(const Classifier& c) {
  const char* loss = c.hinge ? "hinge" : "softmax";
  return fmt::format("{} {}x{}x{} SGD", loss, c.batch, c.inputs, c.classes);
}
std::string name(const Penalty& p) {
  return fmt::format("gradient penalty {}x{}-{}-1", p.batch, p.inputs, p.hidden);
}
std::string pointwise_name(const std::string& op, std::int64_t n) {
  return fmt::format("{} {:.0e}", op, static_cast<double>(n));
}
std::string sum_name(int axis) {
  return axis < 0 ? "sum 1e7, all" : fmt::format("sum 1e7, axis {}", axis);
}
std::string formula_name(bool composed, bool with_backward) {
  return fmt::format("formula 1e6{}{}", composed ? ", single ops" : "",
                     with_backward ? ", fwd+bwd" : "");
}

}  // namespace bench

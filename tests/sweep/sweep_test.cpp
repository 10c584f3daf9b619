// Every op of the library, one subcase an op, against everything that is promised of all ops.
#include <doctest/doctest.h>

#include <set>
#include <string>

#include <downhill/tensor.h>

#include "checks.h"

using namespace downhill;
using namespace downhill::sweep;

namespace {

void check_sample(const OpEntry& op, const Sample& s) {
  if (op.pointwise) {
    check_inference(op, s);
    check_in_place(op, s);
    check_saved_values(op, s);
    check_special_values(op, s);
  }
  check_strides(s);
  check_float32(s);
  if (!op.differentiable) return check_cuts_graph(s);
  check_recording(op, s);
  check_gradients(s);
  check_readings(s);
  check_saved_memory(s);
  check_saved_versions(s);
  check_steady_state(s);
}

}  // namespace

TEST_CASE("every op keeps every promise") {
  int number = 0;
  for (const OpEntry& op : all_ops()) {
    const std::string name = std::to_string(number++) + " " + std::string(op.name);
    SUBCASE(name.c_str()) {
      const auto samples = op.samples();
      CHECK(!samples.empty());
      for (const Sample& s : samples) {
        CAPTURE(name);
        CAPTURE(s.label);
        try {
          check_sample(op, s);
        } catch (const std::exception& e) { FAIL_CHECK("threw: ", std::string(e.what())); }
      }
      check_errors(op);
    }
  }
}

TEST_CASE("the list of ops is not empty and its structural names are unique") {
  std::set<std::string_view> names;
  std::size_t structural = 0;
  for (const OpEntry& op : all_ops())
    if (!op.pointwise) names.insert(op.name), ++structural;
  CHECK(names.size() == structural);
  CHECK(all_ops().size() >= 50);
}

TEST_CASE("indices and masks may lie in memory in any way") {
  const Tensor x = detail::sample_tensor({4, 3}),
               rows = tensor({2, 9, 0, 9, 3, 9}).slice(0, 0, 6, 2);
  const Tensor dense = tensor({2, 0, 3}), at = tensor({{2, 0}, {1, 1}, {0, 3}}).t();
  CHECK(distance({x.index({rows})}, {x.index({dense})}) == 0);
  CHECK(distance({index_select(x, 0, rows)}, {index_select(x, 0, dense)}) == 0);
  CHECK(distance({gather(x, 0, at)}, {gather(x, 0, at.contiguous())}) == 0);
  const Tensor scores = detail::sample_tensor({3, 4});
  CHECK(distance({cross_entropy(scores, rows)}, {cross_entropy(scores, dense)}) == 0);
  const Tensor mask = (detail::sample_tensor({3, 4}) > 0).t();
  CHECK(distance({where(mask, x, 0)}, {where(mask.contiguous(), x, 0)}) == 0);
}

#include "inplace.h"

#include <downhill/tensor/format.h>
#include <downhill/tensor/overlap.h>

namespace downhill::detail {
namespace {

struct Extent {
  const char *begin, *end;
};
Extent extent(const TensorImpl& p) {
  std::int64_t last = 0;
  for (int d = 0; d < p.size.size(); ++d) last += (p.size[d] - 1) * p.stride[d];
  const char* begin = static_cast<const char*>(p.data);
  return {begin, begin + (last + 1) * static_cast<std::int64_t>(size_of(p.dtype))};
}

}  // namespace

bool repeats_elements(const TensorImpl& p) {
  if (p.dense || p.numel == 0) return false;
  for (int d = 0; d < p.size.size(); ++d)
    if (p.size[d] > 1 && p.stride[d] == 0) return true;
  return false;
}

void check_writable(const char* op, const Tensor& self, bool recorded) {
  check(self.defined(), "{}: got an undefined tensor", op);
  const TensorImpl& p = self.impl();
  check(
      !repeats_elements(p),
      "{}: several elements of this tensor of shape {} are one place in memory (it was expanded); "
      "clone() it before writing",
      op, p.size);
  if (!grad_mode()) return;
  check(!(p.history && p.history->is_leaf()),
        "{}: a leaf that requires a gradient cannot be changed in place while operations are "
        "recorded; use a NoGradGuard",
        op);
  check(!(recorded && p.base),
        "{}: writing in place into a view (shape {}) cannot be recorded; write into the whole "
        "tensor or build the result with where, cat or index",
        op, p.size);
}

void bump_version(const Tensor& self) { ++self.impl().storage->version; }

void rebase_history(const Tensor& self, const Ref<Node>& node) {
  TensorImpl& p = self.impl();
  ++p.storage->recorded;
  node->outputs()[0].size = p.size;
  node->outputs()[0].dtype = p.dtype;
  p.history = node;
  p.output = 0;
}

bool overlaps_partly(const TensorImpl& a, const TensorImpl& b) {
  if (a.storage.get() != b.storage.get() || a.numel == 0 || b.numel == 0) return false;
  if (a.data == b.data && a.size == b.size && a.stride == b.stride) return false;
  const Extent x = extent(a), y = extent(b);
  return x.begin < y.end && y.begin < x.end;
}

}  // namespace downhill::detail

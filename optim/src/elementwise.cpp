#include <downhill/optim/elementwise.h>
#include <downhill/tensor/check.h>
#include <downhill/tensor/factory.h>
#include <downhill/tensor/format.h>
#include <downhill/tensor/multi_tensor.h>

namespace downhill::optim {

namespace {

bool laid_out_alike(const detail::TensorImpl& a, const detail::TensorImpl& b) {
  return a.size == b.size &&
         ((a.contiguous && b.contiguous) || (a.dense && b.dense && a.stride == b.stride));
}

Tensor copy_laid_out_as(const Tensor& like, const Tensor& x) {
  return detail::new_like(detail::thread_state(), like.impl(), x.dtype()).copy_(x);
}

}  // namespace

/// The parameters that take the same step together, and what must live until it is done.
struct ElementwiseOptimizer::Work {
  detail::MultiList list;
  std::vector<std::pair<Tensor, Tensor>> write_back;  // to, from
  std::vector<Tensor> copies;
};

ElementwiseOptimizer::ElementwiseOptimizer(std::string_view name, ParamGroup defaults)
    : Optimizer(name, std::move(defaults)), work_(std::make_unique<Work>()) {}
ElementwiseOptimizer::~ElementwiseOptimizer() = default;

void ElementwiseOptimizer::gather(const Tensor& parameter, const Tensor& gradient,
                                  ParamState& state, std::size_t slots) {
  const Tensor* p = &parameter;
  const Tensor* g = &gradient;
  if (!p->impl().dense) [[unlikely]] {
    work_->write_back.emplace_back(parameter.detach(), copy_laid_out_as(parameter, parameter));
    p = &work_->write_back.back().second;
  }
  if (!laid_out_alike(p->impl(), g->impl())) [[unlikely]]
    g = &work_->copies.emplace_back(copy_laid_out_as(*p, gradient));
  const void* data[2 + max_slots] = {p->impl().data, g->impl().data};
  for (std::size_t s = 0; s < slots; ++s) {
    Tensor& slot = state.slots[s];
    if (!slot.defined()) [[unlikely]]
      slot = zeros_like(p->detach());
    if (!laid_out_alike(slot.impl(), p->impl())) [[unlikely]]
      slot = copy_laid_out_as(*p, slot);
    data[2 + s] = slot.impl().data;
  }
  work_->list.add(p->dtype(), p->numel(), data, static_cast<int>(2 + slots));
  ++parameter.impl().storage->version;
}

void ElementwiseOptimizer::run(const ParamGroup& group, std::int64_t step) {
  if (work_->list.empty()) return;
  const RuleAtStep rule = rule_at(group, step);
  work_->list.run(rule.rule(), rule.coefficients());
  for (auto& [to, from] : work_->write_back) to.copy_(from);
  work_->list.clear();
  work_->write_back.clear();
  work_->copies.clear();
}

void ElementwiseOptimizer::update(const ParamGroup& group, std::span<ParamState> states) {
  work_->list.clear();  // what a step that threw left behind
  work_->write_back.clear();
  work_->copies.clear();
  const std::size_t slot_count = slots(group).size();
  std::int64_t step = 0;
  for (std::size_t i = 0; i < states.size(); ++i) {
    const Tensor* g = gradient(group.params[i]);
    if (!g) continue;
    if (++states[i].steps != step) {
      run(group, step);
      step = states[i].steps;
    }
    gather(group.params[i], *g, states[i], slot_count);
  }
  run(group, step);
}

}  // namespace downhill::optim

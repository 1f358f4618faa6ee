#include "levin/framework/optim/fused_optimizer.h"

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

#include "levin/framework/base/errors.h"

namespace levin::optim {
namespace {

/// The columns of one parameter, in LibTorch's map of states; undefined where there is none yet.
struct FusedState final : torch::optim::OptimizerParamState {
  std::vector<at::Tensor> columns;
};

void* key(const at::Tensor& parameter) { return parameter.unsafeGetTensorImpl(); }

at::Tensor new_column(const StateColumn& column, const at::Tensor& parameter) {
  const auto options = parameter.options().requires_grad(false);
  return column.step ? at::zeros({}, options.dtype(at::kFloat)) : at::zeros_like(parameter, options);
}

// The kernels walk memory, so a gradient must lie as its parameter does; autograd's own nearly always do.
at::Tensor as_laid_out(const at::Tensor& gradient, const at::Tensor& parameter) {
  if (gradient.layout() != at::kStrided)
    throw RuntimeError("the fused optimizers do not support sparse gradients; make the embedding's gradient dense");
  if (gradient.strides() == parameter.strides() && gradient.scalar_type() == parameter.scalar_type()) return gradient;
  at::Tensor copy = at::empty_like(parameter, parameter.options().requires_grad(false));
  return copy.copy_(gradient);
}

void count_step(std::vector<at::Tensor>& steps) {
  if (steps.front().is_cpu()) {
    for (at::Tensor& step : steps) *step.mutable_data_ptr<float>() += 1;  // an operator per counter would cost more than all
  } else {
    at::_foreach_add_(steps, 1);
  }
}

}  // namespace

FusedOptimizer::FusedOptimizer(const std::vector<torch::optim::OptimizerParamGroup>& groups,
                               std::unique_ptr<torch::optim::OptimizerOptions> defaults, std::vector<StateColumn> columns)
    : Optimizer(groups, std::move(defaults)), columns_(std::move(columns)) {}

FusedOptimizer::~FusedOptimizer() = default;

at::Tensor FusedOptimizer::step(LossClosure closure) {
  at::Tensor loss;
  if (closure) {
    const c10::AutoGradMode with_grad(true);
    loss = closure();
  }
  const c10::AutoGradMode no_grad(false);
  plans_.resize(param_groups_.size());
  for (std::size_t group = 0; group < param_groups_.size(); ++group) {
    Plan& plan = plans_[group];
    if (plan.columns != columns_in_use(group) || !take_gradients(group, plan)) {
      build(group, plan);
      take_gradients(group, plan);
    }
    bool fresh = false;
    for (FusedBucket& bucket : plan.buckets) {
      for (std::size_t column = 0; column < plan.columns; ++column)
        if (columns_[column].step) count_step(bucket.state[column]);
      update(group, bucket);
      bucket.gradients.clear();  // a gradient kept here would hold its memory after zero_grad
      fresh = fresh || bucket.fresh;
    }
    if (fresh) plan = Plan{};  // the next step merges what was fresh with the rest
  }
  return loss;
}

bool FusedOptimizer::take_gradients(std::size_t group, Plan& plan) const {
  for (FusedBucket& bucket : plan.buckets) bucket.gradients.clear();
  std::size_t next = 0;
  for (const at::Tensor& parameter : param_groups_[group].params()) {
    const at::Tensor& gradient = parameter.grad();
    if (!gradient.defined()) continue;
    if (next == plan.slots.size() || !plan.slots[next].parameter.is_same(parameter)) return false;
    FusedBucket& bucket = plan.buckets[plan.slots[next++].bucket];
    // A module that moved or changed its type keeps its tensors and swaps their contents.
    const at::Tensor& first = bucket.parameters.front();
    if (first.device() != parameter.device() || first.scalar_type() != parameter.scalar_type()) return false;
    bucket.gradients.push_back(as_laid_out(gradient, parameter));
  }
  return next == plan.slots.size();
}

void FusedOptimizer::build(std::size_t group, Plan& plan) {
  plan = Plan{};
  plan.columns = columns_in_use(group);
  for (const at::Tensor& parameter : param_groups_[group].params()) {
    if (!parameter.grad().defined()) continue;
    if (!parameter.is_non_overlapping_and_dense())
      throw RuntimeError("a parameter with gaps in its memory can't be updated; make it contiguous");
    auto& entry = state_[key(parameter)];
    if (!entry) entry = std::make_unique<FusedState>();
    auto& columns = static_cast<FusedState&>(*entry).columns;
    columns.resize(columns_.size());
    bool fresh = false;
    for (std::size_t i = 0; i < plan.columns; ++i) {
      if (columns[i].defined()) continue;
      columns[i] = new_column(columns_[i], parameter);
      fresh = true;
    }
    std::size_t place = 0;
    for (; place < plan.buckets.size(); ++place) {
      const FusedBucket& bucket = plan.buckets[place];
      const at::Tensor& first = bucket.parameters.front();
      if (bucket.fresh == fresh && first.device() == parameter.device() && first.scalar_type() == parameter.scalar_type()) break;
    }
    if (place == plan.buckets.size()) {
      plan.buckets.emplace_back().fresh = fresh;
      plan.buckets.back().state.resize(plan.columns);
    }
    FusedBucket& bucket = plan.buckets[place];
    bucket.parameters.push_back(parameter);
    for (std::size_t i = 0; i < plan.columns; ++i) bucket.state[i].push_back(columns[i]);
    plan.slots.push_back({parameter, place});
  }
}

void FusedOptimizer::write_state(const at::Tensor& parameter, TensorExporter& tensors, Dict& out) const {
  const auto found = state_.find(key(parameter));
  if (found == state_.end()) return;
  const auto& columns = static_cast<const FusedState&>(*found->second).columns;
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (columns[i].defined()) out[columns_[i].name] = tensors(columns[i]);
}

void FusedOptimizer::check_state(const at::Tensor& parameter, const Dict& in) const {
  for (const StateColumn& column : columns_) {
    const Value* value = in.find(column.name);
    if (!value || value->is_none()) continue;
    if (column.step) {
      value->number();  // throws a TypeError
    } else if (at::IntArrayRef(value->as_tensor().sizes) != parameter.sizes()) {
      throw ValueError("loaded state dict has a '" + std::string(column.name) + "' of another size than its parameter: " +
                       value->repr(80) + " for " + Value(to_tensor_ref(parameter)).repr(80));
    }
  }
}

void FusedOptimizer::read_state(const at::Tensor& parameter, const Dict& in) {
  auto state = std::make_unique<FusedState>();
  for (const StateColumn& column : columns_) {
    at::Tensor& out = state->columns.emplace_back();
    const Value* value = in.find(column.name);
    if (!value || value->is_none()) continue;
    out = column.step ? new_column(column, parameter).fill_(value->number()) : state_like(parameter, value->as_tensor());
  }
  state_[key(parameter)] = std::move(state);
}

}  // namespace levin::optim

#include "levin/framework/loops/step_graph_rules.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/equal.h>

#include <bit>
#include <mutex>

#include "levin/framework/base/class_name.h"
#include "levin/framework/loops/module_mode.h"
#include "levin/framework/metrics/metric.h"
#include "levin/framework/optim/fused_optimizer.h"

namespace levin {
namespace {

using Key = std::vector<std::int64_t>;

std::string overridden_hook(const Overrides& overrides) {
  const std::pair<bool, const char*> hooks[] = {
      {overrides.on_before_zero_grad, "on_before_zero_grad"},   {overrides.optimizer_zero_grad, "optimizer_zero_grad"},
      {overrides.on_before_backward, "on_before_backward"},     {overrides.backward, "backward"},
      {overrides.on_after_backward, "on_after_backward"},       {overrides.on_before_optimizer_step, "on_before_optimizer_step"},
      {overrides.optimizer_step, "optimizer_step"},             {overrides.configure_gradient_clipping, "configure_gradient_clipping"},
  };
  for (const auto& [there, name] : hooks)
    if (there) return name;
  return "";
}

void append(const Batch& batch, Key& key) {
  key.push_back(batch.is_tensor() ? -1 : batch.is_list() ? -2 : batch.is_dict() ? -3 : -4);
  if (batch.is_tensor()) {
    const at::Tensor& tensor = batch.tensor();
    key.push_back(static_cast<std::int64_t>(tensor.scalar_type()));
    key.insert(key.end(), tensor.sizes().begin(), tensor.sizes().end());
  } else if (batch.is_list()) {
    for (const Batch& item : batch.list()) append(item, key);
  } else if (batch.is_dict()) {
    for (const auto& [name, item] : batch.dict()) append(item, key);
  }
}

void append(const optim::Optimizer& optimizer, std::size_t group, Key& key) {
  const auto add = [&](double number) { key.push_back(std::bit_cast<std::int64_t>(number)); };
  if (const auto momentum = optimizer.momentum(group)) add(*momentum);
  if (const auto betas = optimizer.betas(group)) add((*betas)[0]), add((*betas)[1]);
  for (const at::Tensor& parameter : optimizer.param_groups()[group].params()) {
    key.push_back(reinterpret_cast<std::intptr_t>(parameter.const_data_ptr()));
    key.push_back(parameter.requires_grad());
  }
}

bool holds_other_things(const Batch& batch) {
  const auto any_of = [](const auto& items, auto&& part) {
    for (const auto& item : items)
      if (holds_other_things(part(item))) return true;
    return false;
  };
  if (batch.is_tensor()) return false;
  if (batch.is_list()) return any_of(batch.list(), [](const Batch& item) -> const Batch& { return item; });
  if (batch.is_dict()) return any_of(batch.dict(), [](const auto& item) -> const Batch& { return item.second; });
  return true;
}

at::Tensor random_state() {
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  const std::lock_guard lock(generator.mutex());
  return generator.get_state();
}

}  // namespace

std::string needs_host(const Run& run) {
  if (!run.module->automatic_optimization) return "optimization is manual";
  if (run.options.accumulate_grad_batches != 1) return "`accumulate_grad_batches` is " + std::to_string(run.options.accumulate_grad_batches);
  if (run.strategy->is_distributed()) return "the strategy is `" + class_name(*run.strategy) + "`, and what ranks send one another is not recorded";
  if (run.profiler) return "a profiler looks at each of a step's actions";
  if (run.options.detect_anomaly) return "`detect_anomaly` looks at every gradient";
  if (run.traces_hooks()) return "LEVIN_TRACE_HOOKS prints the hooks within a step";
  if (const std::string hook = overridden_hook(run.module->overrides()); !hook.empty())
    return "`" + class_name(*run.module) + "." + hook + "` is overridden, and a recorded step calls no hooks";
  if (run.optimizers.size() != 1) return "there is not exactly one optimizer";
  const auto* fused = dynamic_cast<const optim::FusedOptimizer*>(run.optimizers.front().get());
  if (!fused || !fused->takes_tensor_lr()) return "the optimizer " + class_name(*run.optimizers.front()) + " computes on the host";
  return "";
}

std::string needs_host(const Batch& batch, at::Device device) {
  if (holds_other_things(batch)) return "batches hold something else than tensors";
  std::string elsewhere;
  batch.for_each([&](const at::Tensor& tensor) {
    if (tensor.device() != device) elsewhere = tensor.device().str();
  });
  return elsewhere.empty() ? "" : "a tensor of the batch is on " + elsewhere + ", the model on " + device.str();
}

Key key_of(const Batch& batch) {
  Key out;
  append(batch, out);
  return out;
}

Key key_of(const Run& run) {
  Key out{run.options.accumulate_grad_batches};
  for (const bool training : modes_of(*run.module)) out.push_back(training);
  for (const auto& optimizer : run.optimizers)
    for (std::size_t i = 0; i < optimizer->param_groups().size(); ++i) append(*optimizer, i, out);
  return out;
}

StepWatch::StepWatch(Run& run) : run_(run), random_(random_state()), counts_(metric_counts()) {
  run.hook_watch = [this](const Callback& callback, Hook hook) {
    if (hook_.empty()) hook_ = "`" + callback.state_key() + "." + hook_name(hook) + "` does something within a step, and a recorded step calls no hooks";
  };
}

StepWatch::~StepWatch() { run_.hook_watch = nullptr; }

std::vector<std::int64_t> StepWatch::metric_counts() const {
  Key out;
  for (const auto& [name, metric] : run_.module->named_metrics()) out.push_back(metric->update_count());
  return out;
}

std::string StepWatch::found() {
  if (!hook_.empty()) return hook_;
  if (metric_counts() != counts_) return "a metric is updated within a step";
  if (!at::equal(random_state(), random_)) return "random numbers of the host are drawn within a step";
  return "";
}

}  // namespace levin

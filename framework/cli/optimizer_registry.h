#pragma once
#include <memory>
#include <string>
#include <vector>

#include "levin/framework/cli/registry.h"
#include "levin/framework/optim/optimizer_config.h"

/// Optimizers and schedulers by name: the configuration's sections `optimizer` and `lr_scheduler`.
namespace levin {

/// An optimizer as a configuration describes it: all but the parameters.
struct OptimizerRecipe {
  std::function<std::shared_ptr<optim::Optimizer>(std::vector<at::Tensor> params)> make;
};
/// A scheduler likewise: all but the optimizer.
struct SchedulerRecipe {
  std::function<std::shared_ptr<optim::LRScheduler>(const std::shared_ptr<optim::Optimizer>& optimizer)> make;
};
LEVIN_API Registry<OptimizerRecipe>& optimizer_registry();
LEVIN_API Registry<SchedulerRecipe>& lr_scheduler_registry();

/// LibTorch's and ours; `register_builtins` calls it.
void register_builtin_optimizers();
/// What the section `lr_scheduler` may have beside `class_path` and `init_args`.
std::vector<FieldDescription> describe_schedule();

/// Makes an optimizer of yours known by name. It needs `Options` with `fields()`, and a constructor from parameters and options.
template <class T>
bool register_optimizer(const std::string& name) {
  using Options = typename T::Options;
  optimizer_registry().add(name, {
      [](const Value& init_args) {
        OptimizerRecipe recipe{[options = read_init_args<Options>(init_args)](std::vector<at::Tensor> params) { return std::make_shared<T>(std::move(params), options); }};
        return std::make_shared<OptimizerRecipe>(std::move(recipe));
      },
      [] { return describe_fields(Options{}); }});
  return true;
}
/// The same for a scheduler, with a constructor from optimizer and options.
template <class T>
bool register_lr_scheduler(const std::string& name) {
  using Options = typename T::Options;
  lr_scheduler_registry().add(name, {
      [](const Value& init_args) {
        SchedulerRecipe recipe{[options = read_init_args<Options>(init_args)](const std::shared_ptr<optim::Optimizer>& optimizer) { return std::make_shared<T>(optimizer, options); }};
        return std::make_shared<SchedulerRecipe>(std::move(recipe));
      },
      [] { return describe_fields(Options{}); }});
  return true;
}

/// What the two sections make of a module's parameters. The section `lr_scheduler` may have `interval`, `frequency`, `monitor`, `strict`
/// and `name` beside `class_path` and `init_args`, with LRSchedulerConfig's meaning. Wrong options are problems of "optimizer" and
/// "lr_scheduler"; so is a scheduler without an optimizer. Empty if there is no optimizer.
LEVIN_API std::function<OptimizerConfig(LightningModule&)> read_optimizer_sections(const Value& optimizer, const Value& lr_scheduler, Problems& problems);

}  // namespace levin

// What `configure_optimizers` returned, checked and put into the run.
#include <algorithm>

#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/optim/no_optimizer.h"
#include "levin/framework/trainer/trainer_impl.h"

namespace levin {
namespace {

void check_for_automatic_optimization(LRSchedulerConfig& config) {
  if (config.interval != "step" && config.interval != "epoch") {
    throw MisconfigurationException("The \"interval\" key in lr scheduler dict must be \"step\" or \"epoch\" but is \"" + config.interval + "\"");
  }
  if (config.frequency < 1)
    throw MisconfigurationException("The \"frequency\" key in lr scheduler dict must be at least 1 but is " + std::to_string(config.frequency));
  if (!config.reduce_on_plateau) config.reduce_on_plateau = config.scheduler->wants_metric();
  if (*config.reduce_on_plateau && !config.monitor) {
    throw MisconfigurationException(
        "The lr scheduler dict must include a monitor when a `ReduceLROnPlateau` scheduler is used. For example: "
        "{\"optimizer\": optimizer, \"lr_scheduler\": {\"scheduler\": scheduler, \"monitor\": \"your_loss\"}}");
  }
  if (config.scheduler->class_name() == std::string_view("OneCycleLR") && config.interval == "epoch") {
    rank_zero_warn("A `OneCycleLR` scheduler is using 'interval': 'epoch'. Are you sure you didn't mean 'interval': 'step'?");
  }
}

void warn_of_ignored_keys(const LRSchedulerConfig& config) {
  std::string keys;
  const auto add = [&](bool given, const char* key) {
    if (given) keys += (keys.empty() ? "'" : ", '") + std::string(key) + "'";
  };
  add(config.reduce_on_plateau.has_value(), "reduce_on_plateau");
  add(config.monitor.has_value(), "monitor");
  add(!config.strict, "strict");
  if (keys.empty()) return;
  rank_zero_warn("The lr scheduler dict contains the key(s) [" + keys +
                 "], but the keys will be ignored. You need to call `lr_scheduler.step()` manually in manual optimization.");
}

}  // namespace

void Trainer::Impl::setup_optimizers() {
  const auto& source = run.module->optimizer_source();
  OptimizerConfig config = source ? source(*run.module) : LEVIN_CALL_MODULE(run, configure_optimizers);
  const bool automatic = run.module->automatic_optimization;
  if (config.optimizers.empty()) {
    rank_zero_warn("`LightningModule.configure_optimizers` returned `None`, this fit will run with no optimizer");
    config.optimizers.push_back(std::make_shared<optim::NoOptimizer>());
  }
  for (const auto& optimizer : config.optimizers)
    if (!optimizer) throw MisconfigurationException("One of the optimizers that `configure_optimizers` returned is null.");
  for (LRSchedulerConfig& scheduler : config.lr_schedulers) {
    if (!scheduler.scheduler)
      throw MisconfigurationException("The lr scheduler dict must have the key \"scheduler\" with its item being an lr scheduler");
    if (automatic) check_for_automatic_optimization(scheduler);
    else warn_of_ignored_keys(scheduler);
  }
  if (automatic && config.optimizers.size() > 1) {
    throw RuntimeError(
        "Training with multiple optimizers is only supported with manual optimization. Set `self.automatic_optimization = False`, then "
        "access your optimizers in `training_step` with `opt1, opt2, ... = self.optimizers()`.");
  }
  for (const LRSchedulerConfig& scheduler : config.lr_schedulers) {
    const auto of = [&](const auto& optimizer) { return optimizer.get() == &scheduler.scheduler->optimizer(); };
    if (std::none_of(config.optimizers.begin(), config.optimizers.end(), of)) {
      throw MisconfigurationException(
          "Some schedulers are attached with an optimizer that wasn't returned from `configure_optimizers`.");
    }
  }
  run.optimizers = std::move(config.optimizers);
  run.lr_scheduler_configs = std::move(config.lr_schedulers);
  fit_loop.optimization.use_optimizers(run);
}

}  // namespace levin

#include "levin/framework/optim/optimizer_config.h"

#include "levin/framework/base/errors.h"

namespace levin {

OptimizerConfig::OptimizerConfig(OptimizerWithScheduler one) : optimizers{std::move(one.optimizer)} {
  add(std::move(one.lr_scheduler), one.monitor);
}

OptimizerConfig::OptimizerConfig(std::vector<OptimizerWithScheduler> several) {
  for (auto& one : several) {
    optimizers.push_back(std::move(one.optimizer));
    add(std::move(one.lr_scheduler), one.monitor);
  }
}

OptimizerConfig::OptimizerConfig(Optimizers several, std::vector<LRSchedulerOption> schedulers) : optimizers(std::move(several)) {
  for (auto& scheduler : schedulers) add(std::move(scheduler), std::nullopt);
}

void OptimizerConfig::add(LRSchedulerOption scheduler, const std::optional<std::string>& monitor) {
  if (auto* config = std::get_if<LRSchedulerConfig>(&scheduler)) {
    lr_schedulers.push_back(std::move(*config));
  } else if (auto* plain = std::get_if<std::shared_ptr<optim::LRScheduler>>(&scheduler); plain && *plain) {
    const bool plateau = (*plain)->wants_metric();
    if (plateau && !monitor) {
      throw MisconfigurationException(
          "`configure_optimizers` must include a monitor when a `ReduceLROnPlateau` scheduler is used. For example: "
          "{\"optimizer\": optimizer, \"lr_scheduler\": scheduler, \"monitor\": \"metric_to_track\"}");
    }
    lr_schedulers.push_back({.scheduler = std::move(*plain), .monitor = plateau ? monitor : std::nullopt});
  }
}

}  // namespace levin

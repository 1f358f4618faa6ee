#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "levin/framework/optim/lr_scheduler.h"
#include "levin/framework/optim/optimizer.h"

namespace levin {

/// When and on what a learning rate scheduler steps: Lightning's `lr_scheduler` dict.
struct LRSchedulerConfig {
  std::shared_ptr<optim::LRScheduler> scheduler;
  /// The name that LearningRateMonitor logs; unset: "lr-<optimizer>".
  std::optional<std::string> name = std::nullopt;
  /// "epoch" (after the epoch's last batch) or "step" (after each batch that stepped the optimizer).
  std::string interval = "epoch";
  /// Step every n-th epoch or batch; batches are counted within the epoch.
  std::int64_t frequency = 1;
  /// Steps with a metric after checkpoints are written. Unset: true for ReduceLROnPlateau.
  std::optional<bool> reduce_on_plateau = std::nullopt;
  /// The metric a plateau scheduler watches.
  std::optional<std::string> monitor = std::nullopt;
  /// A missing metric is an error; false: a warning, and the step is skipped.
  bool strict = true;
};

/// Lightning's `{"optimizer": ..., "lr_scheduler": ..., "monitor": ...}`.
struct OptimizerWithScheduler {
  std::shared_ptr<optim::Optimizer> optimizer;
  std::optional<LRSchedulerConfig> lr_scheduler = std::nullopt;
  std::optional<std::string> monitor = std::nullopt;
};

/// What `configure_optimizers` returns: one optimizer, several (manual optimization), each with a scheduler or not, or nothing.
class OptimizerConfig {
 public:
  OptimizerConfig() = default;
  template <class O> requires std::derived_from<O, optim::Optimizer>
  OptimizerConfig(std::shared_ptr<O> optimizer) : optimizers{std::move(optimizer)} {}
  OptimizerConfig(std::vector<std::shared_ptr<optim::Optimizer>> several) : optimizers(std::move(several)) {}
  OptimizerConfig(OptimizerWithScheduler one) { add(std::move(one)); }
  OptimizerConfig(std::vector<OptimizerWithScheduler> several) {
    for (auto& one : several) add(std::move(one));
  }
  OptimizerConfig(std::vector<std::shared_ptr<optim::Optimizer>> several, std::vector<LRSchedulerConfig> schedulers)
      : optimizers(std::move(several)), lr_schedulers(std::move(schedulers)) {}

  std::vector<std::shared_ptr<optim::Optimizer>> optimizers;
  std::vector<LRSchedulerConfig> lr_schedulers;

 private:
  void add(OptimizerWithScheduler one) {
    optimizers.push_back(std::move(one.optimizer));
    if (!one.lr_scheduler) return;
    if (!one.lr_scheduler->monitor) one.lr_scheduler->monitor = std::move(one.monitor);
    lr_schedulers.push_back(std::move(*one.lr_scheduler));
  }
};

}  // namespace levin

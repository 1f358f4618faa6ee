#pragma once
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <variant>
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

/// A scheduler with or without its config: `optim::step_lr(...)`, or `LRSchedulerConfig{.scheduler = ..., .interval = "step"}`.
using LRSchedulerOption = std::variant<std::monostate, std::shared_ptr<optim::LRScheduler>, LRSchedulerConfig>;

/// Lightning's `{"optimizer": ..., "lr_scheduler": ..., "monitor": ...}`.
struct OptimizerWithScheduler {
  std::shared_ptr<optim::Optimizer> optimizer;
  LRSchedulerOption lr_scheduler = {};
  /// What a ReduceLROnPlateau without a config of its own watches.
  std::optional<std::string> monitor = std::nullopt;
};

/// What `configure_optimizers` returns, in any of Lightning's forms:
///
///     return adam(parameters(), {.lr = 0.1});                                        // an optimizer
///     return {generator, discriminator};                                             // several, for manual optimization
///     return {{generator, discriminator}, {step_lr(generator, {.step_size = 1})}};    // optimizers, schedulers
///     return OptimizerWithScheduler{.optimizer = o, .lr_scheduler = s, .monitor = "val_loss"};
///     return std::vector<OptimizerWithScheduler>{...};                               // several of these
///     return {};                                                                     // none: nothing is optimized
class LEVIN_API OptimizerConfig {
 public:
  using Optimizers = std::vector<std::shared_ptr<optim::Optimizer>>;

  OptimizerConfig() = default;
  template <class O> requires std::derived_from<O, optim::Optimizer>
  OptimizerConfig(std::shared_ptr<O> optimizer) : optimizers{std::move(optimizer)} {}
  OptimizerConfig(Optimizers several) : optimizers(std::move(several)) {}
  OptimizerConfig(std::initializer_list<std::shared_ptr<optim::Optimizer>> several) : optimizers(several) {}
  /// MisconfigurationException for a ReduceLROnPlateau that nobody tells what to watch.
  OptimizerConfig(OptimizerWithScheduler one);
  OptimizerConfig(std::vector<OptimizerWithScheduler> several);
  OptimizerConfig(Optimizers several, std::vector<LRSchedulerOption> schedulers);

  Optimizers optimizers;
  std::vector<LRSchedulerConfig> lr_schedulers;

 private:
  void add(LRSchedulerOption scheduler, const std::optional<std::string>& monitor);
};

}  // namespace levin

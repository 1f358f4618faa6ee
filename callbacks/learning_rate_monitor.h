#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "levin/framework/base/fields.h"
#include "levin/framework/callback.h"

namespace levin {

struct Metric;

struct LearningRateMonitorOptions {
  /// "step", "epoch", or unset: each scheduler at its own interval, optimizers without one at both.
  std::optional<std::string> logging_interval = std::nullopt;
  bool log_momentum = false;
  bool log_weight_decay = false;
};
template <class V>
void fields(V&& f, LearningRateMonitorOptions& o) {
  f("logging_interval", o.logging_interval, "\"step\" or \"epoch\"; null: each scheduler at its own interval");
  f("log_momentum", o.log_momentum, "log the momentum too, Adam's first beta");
  f("log_weight_decay", o.log_weight_decay, "log the weight decay too");
}

/// Logs the learning rates that the batch or the epoch begins with, at the loggers' x-axis, and puts them into `callback_metrics`.
///
/// Names are `lr-SGD`, `lr-SGD-1` for a second SGD, `lr-SGD/pg1` for each of several groups of parameters (`lr-SGD/head` for one that
/// has a name); a scheduler's own `name` stands for `lr-SGD`. Momentum and weight decay add `-momentum`, `-weight_decay`.
/// MisconfigurationException for an unknown interval, without a logger, and for two groups of one name.
class LEVIN_API LearningRateMonitor : public Callback {
 public:
  using Options = LearningRateMonitorOptions;
  explicit LearningRateMonitor(Options options = {});

  /// Everything logged in this run, by name.
  const std::map<std::string, std::vector<double>>& lrs() const { return lrs_; }
  /// What was logged last, by name with its ending.
  const std::map<std::string, std::optional<double>>& last_momentum_values() const { return last_momentum_values_; }
  const std::map<std::string, std::optional<double>>& last_weight_decay_values() const { return last_weight_decay_values_; }

  void on_train_start(Trainer& trainer, LightningModule& module) override;
  void on_train_batch_start(Trainer& trainer, LightningModule& module, const Batch& batch, std::int64_t batch_idx) override;
  void on_train_epoch_start(Trainer& trainer, LightningModule& module) override;

 private:
  /// An optimizer, the names of its groups, and the interval of its scheduler ("" without one).
  struct Source {
    optim::Optimizer* optimizer;
    std::vector<std::string> names;
    std::string interval;
  };
  static std::vector<Source> sources(const Trainer& trainer);
  void log(Trainer& trainer, const std::string& interval);
  void add_stats(const Source& source, std::vector<std::pair<std::string, double>>& stats);
  void remap(const std::vector<std::string>& names);

  Options options_;
  std::map<std::string, std::vector<double>> lrs_;
  std::map<std::string, std::optional<double>> last_momentum_values_, last_weight_decay_values_;
};

}  // namespace levin

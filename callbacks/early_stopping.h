#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "levin/framework/base/decisions/stop_rules.h"
#include "levin/framework/base/fields.h"
#include "levin/framework/callback.h"

namespace levin {

/// In Lightning's order. Thresholds keep their type: messages print `1` or `1.0` as given.
struct EarlyStoppingOptions {
  std::string monitor;
  FormatArgument min_delta = 0.0;
  std::int64_t patience = 3;
  bool verbose = false;
  std::string mode = "min";
  bool strict = true;
  bool check_finite = true;
  std::optional<FormatArgument> stopping_threshold = std::nullopt;
  std::optional<FormatArgument> divergence_threshold = std::nullopt;
  std::optional<bool> check_on_train_epoch_end = std::nullopt;
  bool log_rank_zero_only = false;
};
template <class V>
void fields(V&& f, EarlyStoppingOptions& o) {
  f("monitor", o.monitor, "the metric to watch");
  f("min_delta", o.min_delta, "how much better counts as an improvement");
  f("patience", o.patience, "checks without improvement before the stop");
  f("verbose", o.verbose, "say when the metric improves and why training stops");
  f("mode", o.mode, "min: lower is better; max: higher is better");
  f("strict", o.strict, "a missing metric is an error");
  f("check_finite", o.check_finite, "stop at NaN and infinities");
  f("stopping_threshold", o.stopping_threshold, "stop once the metric is better than this");
  f("divergence_threshold", o.divergence_threshold, "stop once the metric is worse than this");
  f("check_on_train_epoch_end", o.check_on_train_epoch_end, "check at the end of the training epoch; null: after validation unless it is once per epoch");
  f("log_rank_zero_only", o.log_rank_zero_only, "only rank 0 says what happens");
}

/// Asks the run to stop when a metric no longer improves, passes a threshold, or is not finite; any rank's stop stops all.
/// Inactive with `fast_dev_run` and in the sanity check.
class LEVIN_API EarlyStopping : public Callback {
 public:
  using Options = EarlyStoppingOptions;
  explicit EarlyStopping(Options options);
  bool is_monitoring() const override { return true; }
  bool is_early_stopping() const override { return true; }

  std::int64_t wait_count() const { return rules_.record().wait_count; }
  std::int64_t stopped_epoch() const { return rules_.stopped_epoch(); }
  EarlyStoppingReason stopping_reason() const { return rules_.record().reason; }
  const std::optional<std::string>& stopping_reason_message() const { return rules_.stopping_reason_message(); }

  void setup(Trainer& trainer, LightningModule& module, std::string_view stage) override;
  void on_train_epoch_end(Trainer& trainer, LightningModule& module) override;
  void on_validation_end(Trainer& trainer, LightningModule& module) override;
  std::string state_key() const override;
  Value state_dict() const override { return rules_.state_dict(); }
  void load_state_dict(const Value& state) override { rules_.load_state_dict(state); }

 private:
  void check(Trainer& trainer);
  Options options_;
  StopRules rules_;
  bool on_train_epoch_end_ = false;
};

}  // namespace levin

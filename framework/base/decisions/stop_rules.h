#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "levin/framework/base/decisions/monitor.h"
#include "levin/framework/base/export.h"
#include "levin/framework/base/python_format.h"
#include "levin/framework/base/value.h"

/// When EarlyStopping stops: ordered rules, of which the first that has something to say decides.
namespace levin {

/// Lightning's numbers; they are stored in checkpoints.
enum class EarlyStoppingReason : std::uint8_t {
  NOT_STOPPED,
  STOPPING_THRESHOLD,
  DIVERGENCE_THRESHOLD,
  PATIENCE_EXHAUSTED,
  NON_FINITE_METRIC,
};

/// What EarlyStopping remembers.
struct StopRecord {
  std::int64_t wait_count =
      0;  ///< checks in a row without improvement; goes on counting if the trainer does not stop
  std::int64_t patience = 3;
  Score best_score;
  EarlyStoppingReason reason = EarlyStoppingReason::NOT_STOPPED;
};

struct StopVerdict {
  bool stop = false;
  std::string message;  ///< why it stops, or what improved; "" for a check without improvement
                        ///< within patience
};

/// One question to the newest value of the metric; no answer passes it on to the next rule.
class LEVIN_API StopRule {
 public:
  virtual ~StopRule();
  virtual std::optional<StopVerdict> judge(const Monitor& monitor, const Score& current,
                                           StopRecord& record) const = 0;
};

/// Stops at NaN and infinities.
class LEVIN_API NonFinite final : public StopRule {
 public:
  std::optional<StopVerdict> judge(const Monitor& monitor, const Score& current,
                                   StopRecord& record) const override;
};

/// Stops when the metric is strictly better than the threshold: good enough.
class LEVIN_API Threshold final : public StopRule {
 public:
  explicit Threshold(FormatArgument threshold) : threshold_(threshold) {}
  std::optional<StopVerdict> judge(const Monitor& monitor, const Score& current,
                                   StopRecord& record) const override;

 private:
  FormatArgument threshold_;
};

/// Stops when the metric is strictly worse than the threshold: hopeless.
class LEVIN_API Divergence final : public StopRule {
 public:
  explicit Divergence(FormatArgument threshold) : threshold_(threshold) {}
  std::optional<StopVerdict> judge(const Monitor& monitor, const Score& current,
                                   StopRecord& record) const override;

 private:
  FormatArgument threshold_;
};

/// Keeps the best score and stops after `patience` checks in a row without an improvement; a
/// patience of 0 acts as 1. The last rule: it always answers.
class LEVIN_API Patience final : public StopRule {
 public:
  /// `min_delta` as given, for the message: `1` or `1.0`. The monitor compares with its own.
  explicit Patience(FormatArgument min_delta) : min_delta_(min_delta) {}
  std::optional<StopVerdict> judge(const Monitor& monitor, const Score& current,
                                   StopRecord& record) const override;

 private:
  FormatArgument min_delta_;
};

/// What `StopRules` is made from, named as EarlyStopping's arguments. Numbers keep Python's type,
/// because messages print them.
struct StopRulesOptions {
  std::string monitor;
  FormatArgument min_delta = 0.0;
  std::int64_t patience = 3;
  std::string mode = "min";
  bool check_finite = true;
  std::optional<FormatArgument> stopping_threshold;
  std::optional<FormatArgument> divergence_threshold;
};

class LEVIN_API StopRules {
 public:
  /// MisconfigurationException "`mode` can be min, max, got foo".
  explicit StopRules(const StopRulesOptions& options);

  /// Judges the newest value. With several ranks any rank's stop stops all; then call `stopped`.
  StopVerdict check(const Score& current);
  /// Notes the epoch and the message of a stop; `message` is this rank's own, empty if another rank
  /// stopped.
  void stopped(std::int64_t epoch, const std::string& message);

  const StopRecord& record() const { return record_; }
  std::int64_t stopped_epoch() const { return stopped_epoch_; }
  const std::optional<std::string>& stopping_reason_message() const { return message_; }
  /// "EarlyStopping{'monitor': 'v', 'mode': 'min'}".
  std::string state_key(std::string_view class_name = "EarlyStopping") const;

  /// wait_count, stopped_epoch, best_score, patience, stopping_reason, stopping_reason_message.
  Value state_dict() const;
  /// Takes all of it back, patience too, as Lightning does; the last two may be missing (older
  /// files).
  void load_state_dict(const Value& state);

 private:
  Monitor monitor_;
  StopRecord record_;
  std::vector<std::unique_ptr<const StopRule>> rules_;
  std::int64_t stopped_epoch_ = 0;
  std::optional<std::string> message_;
};

/// "Early stopping conditioned on metric `v` which is not available. ...": an error if strict, else
/// a warning.
LEVIN_API std::string stopping_metric_missing(std::string_view monitor,
                                              const std::vector<std::string>& available);

}  // namespace levin

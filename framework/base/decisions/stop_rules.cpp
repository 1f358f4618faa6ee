#include "levin/framework/base/decisions/stop_rules.h"

#include <cmath>

#include "levin/framework/base/errors.h"

namespace levin {
namespace {

constexpr const char* kSignal = " Signaling Trainer to stop.";

double number(const FormatArgument& value) {
  return std::visit([](auto n) { return static_cast<double>(n); }, value);
}

// As `f"{tensor}"` prints a 0-dim tensor: the Python number in it.
std::string text(const Score& score) {
  if (score.dtype == DType::int64) return std::to_string(static_cast<std::int64_t>(score.value));
  return python_repr(score.value);
}

std::string three(double value) { return python_format(value, ".3f"); }

StopVerdict stop(StopRecord& record, EarlyStoppingReason reason, std::string message) {
  record.reason = reason;
  return {true, std::move(message) + kSignal};
}

std::string passed(const char* what, const Monitor& monitor, const Score& current,
                   const FormatArgument& threshold) {
  return std::string(what) + " threshold reached: " + monitor.key + " = " + text(current) + " " +
         monitor.sign() + " " + python_format(threshold, "") + ".";
}

std::string improvement(const Monitor& monitor, const Score& current, const Score& best,
                        const FormatArgument& min_delta) {
  std::string by;
  if (std::isfinite(best.value)) {
    const double gain = std::fabs(in_precision(best.value - current.value, current.dtype));
    const auto absolute = std::visit([](auto n) { return FormatArgument(n < 0 ? -n : n); }, min_delta);
    by = " by " + three(gain) + " >= min_delta = " + python_format(absolute, "");
  }
  return "Metric " + monitor.key + " improved" + by + ". New best score: " + three(current.value);
}

}  // namespace

StopRule::~StopRule() = default;

std::optional<StopVerdict> NonFinite::judge(const Monitor& monitor, const Score& current,
                                            StopRecord& record) const {
  if (std::isfinite(current.value)) return std::nullopt;
  return stop(record, EarlyStoppingReason::NON_FINITE_METRIC,
              "Monitored metric " + monitor.key + " = " + text(current) +
                  " is not finite. Previous best value was " + three(record.best_score.value) +
                  ".");
}

std::optional<StopVerdict> Threshold::judge(const Monitor& monitor, const Score& current,
                                            StopRecord& record) const {
  if (!monitor.better(current.value, in_precision(number(threshold_), current.dtype)))
    return std::nullopt;
  return stop(record, EarlyStoppingReason::STOPPING_THRESHOLD,
              passed("Stopping", monitor, current, threshold_));
}

std::optional<StopVerdict> Divergence::judge(const Monitor& monitor, const Score& current,
                                             StopRecord& record) const {
  if (!monitor.better(-current.value, -in_precision(number(threshold_), current.dtype)))
    return std::nullopt;
  // As in Lightning: the sign printed is that of the mode.
  return stop(record, EarlyStoppingReason::DIVERGENCE_THRESHOLD,
              passed("Divergence", monitor, current, threshold_));
}

std::optional<StopVerdict> Patience::judge(const Monitor& monitor, const Score& current,
                                           StopRecord& record) const {
  if (monitor.improves(current, record.best_score)) {
    StopVerdict better{false, improvement(monitor, current, record.best_score, min_delta_)};
    record.best_score = current;
    record.wait_count = 0;
    return better;
  }
  if (++record.wait_count < record.patience) return StopVerdict{};
  return stop(record, EarlyStoppingReason::PATIENCE_EXHAUSTED,
              "Monitored metric " + monitor.key + " did not improve in the last " +
                  std::to_string(record.wait_count) +
                  " records. Best score: " + three(record.best_score.value) + ".");
}

StopRules::StopRules(const StopRulesOptions& options)
    : monitor_{options.monitor,
               monitor_mode(
                   options.mode,
                   [](const std::string& given) { return "`mode` can be min, max, got " + given; }),
               number(options.min_delta)} {
  record_.patience = options.patience;
  record_.best_score.value = monitor_.worst();
  if (options.check_finite) rules_.push_back(std::make_unique<NonFinite>());
  if (options.stopping_threshold)
    rules_.push_back(std::make_unique<Threshold>(*options.stopping_threshold));
  if (options.divergence_threshold)
    rules_.push_back(std::make_unique<Divergence>(*options.divergence_threshold));
  rules_.push_back(std::make_unique<Patience>(options.min_delta));
}

StopVerdict StopRules::check(const Score& current) {
  for (const auto& rule : rules_)
    if (auto verdict = rule->judge(monitor_, current, record_)) return *verdict;
  return {};
}

void StopRules::stopped(std::int64_t epoch, const std::string& message) {
  stopped_epoch_ = epoch;
  message_ = message.empty() ? std::nullopt : std::optional(message);
}

std::string StopRules::state_key(std::string_view class_name) const {
  return std::string(class_name) + "{'monitor': " + python_repr(std::string_view(monitor_.key)) +
         ", 'mode': '" + monitor_mode_name(monitor_.mode) + "'}";
}

Value StopRules::state_dict() const {
  Value state = Value::dict();
  state["wait_count"] = record_.wait_count;
  state["stopped_epoch"] = stopped_epoch_;
  state["best_score"] = record_.best_score.tensor();
  state["patience"] = record_.patience;
  state["stopping_reason"] = static_cast<std::int64_t>(record_.reason);
  state["stopping_reason_message"] = message_ ? Value(*message_) : Value();
  return state;
}

void StopRules::load_state_dict(const Value& state) {
  record_.wait_count = state.at("wait_count").as_int();
  stopped_epoch_ = state.at("stopped_epoch").as_int();
  record_.best_score = Score::from(state.at("best_score"));
  record_.patience = state.at("patience").as_int();
  const Value* reason = state.find("stopping_reason");
  const std::int64_t code = reason ? reason->as_int() : 0;
  if (code < 0 || code > 4)
    throw ValueError(std::to_string(code) + " is not a valid EarlyStoppingReason");
  record_.reason = static_cast<EarlyStoppingReason>(code);
  const Value* message = state.find("stopping_reason_message");
  message_ = message && !message->is_none() ? std::optional(message->as_string()) : std::nullopt;
}

std::string stopping_metric_missing(std::string_view monitor,
                                    const std::vector<std::string>& available) {
  std::string names;
  for (const std::string& name : available) names += (names.empty() ? "" : "`, `") + name;
  return "Early stopping conditioned on metric `" + std::string(monitor) +
         "` which is not available. Pass in or modify your `EarlyStopping` callback to use any of "
         "the following: `" +
         names + "`";
}

}  // namespace levin

#include "levin/framework/base/decisions/checkpoint_options.h"

#include <cmath>
#include <cstdio>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/python_format.h"

namespace levin {
namespace {

// As Python's timedelta holds it: only days may be negative.
struct TimeDelta {
  explicit TimeDelta(Seconds duration) {
    constexpr std::int64_t day = 86'400'000'000;
    const auto total = static_cast<std::int64_t>(std::nearbyint(duration.count() * 1e6));
    days = total / day - (total % day < 0 ? 1 : 0);
    const std::int64_t rest = total - days * day;
    seconds = rest / 1'000'000;
    microseconds = rest % 1'000'000;
  }
  std::int64_t days, seconds, microseconds;
};

[[noreturn]] void out_of_range(const char* name, std::int64_t value, const char* least) {
  throw MisconfigurationException(std::string("Invalid value for ") + name + "=" +
                                  std::to_string(value) + ". Must be >= " + least);
}

void check(const CheckpointPlan& plan) {
  const auto& [options, mode, steps, epochs, saves_last, links_last] = plan;
  if (options.save_top_k < -1) out_of_range("save_top_k", options.save_top_k, "-1");
  if (steps < 0) out_of_range("every_n_train_steps", steps, "0");
  if (epochs < 0) out_of_range("every_n_epochs", epochs, "0");
  const auto& interval = options.train_time_interval;
  if ((steps >= 1) + (epochs >= 1) + interval.has_value() > 1)
    throw MisconfigurationException(
        "Combination of parameters every_n_train_steps=" + std::to_string(steps) +
        ", every_n_epochs=" + std::to_string(epochs) + " and train_time_interval=" +
        (interval ? timedelta_str(*interval) : "None") + " should be mutually exclusive.");
  if (!options.monitor && options.save_top_k > 1)
    throw MisconfigurationException(
        "ModelCheckpoint(save_top_k=" + std::to_string(options.save_top_k) +
        ", monitor=None) is not a valid configuration. No quantity for top_k to track.");
}

}  // namespace

CheckpointPlan::CheckpointPlan(const ModelCheckpointOptions& given)
    : options(given), mode(monitor_mode(given.mode, [](const std::string& text) {
        return "`mode` can be min, max but got " + text;
      })) {
  every_n_train_steps = options.every_n_train_steps.value_or(0);
  every_n_epochs = options.every_n_epochs.value_or(0);
  if (!options.every_n_train_steps && !options.every_n_epochs && !options.train_time_interval)
    every_n_epochs = 1;
  const auto* text = std::get_if<std::string>(&options.save_last);
  const auto* flag = std::get_if<bool>(&options.save_last);
  saves_last = (text && !text->empty()) || (flag && *flag);
  links_last = text && *text == "link";
  check(*this);
}

std::string CheckpointPlan::state_key(std::string_view class_name) const {
  const auto& interval = options.train_time_interval;
  return std::string(class_name) + "{'monitor': " +
         (options.monitor ? python_repr(std::string_view(*options.monitor)) : "None") +
         ", 'mode': '" + monitor_mode_name(mode) +
         "', 'every_n_train_steps': " + std::to_string(every_n_train_steps) +
         ", 'every_n_epochs': " + std::to_string(every_n_epochs) +
         ", 'train_time_interval': " + (interval ? timedelta_repr(*interval) : "None") + "}";
}

std::unique_ptr<Trigger> CheckpointPlan::make_trigger(EverySeconds::Agree agree) const {
  std::unique_ptr<Trigger> trigger;
  if (options.train_time_interval)
    trigger = std::make_unique<EverySeconds>(*options.train_time_interval, std::move(agree));
  else if (every_n_train_steps >= 1)
    trigger = std::make_unique<EverySteps>(every_n_train_steps);
  else
    return std::make_unique<EveryEpochs>(every_n_epochs);
  return options.monitor ? std::make_unique<AwaitMetric>(std::move(trigger), *options.monitor)
                         : std::move(trigger);
}

std::string timedelta_str(Seconds duration) {
  const TimeDelta t(duration);
  char clock[64];
  std::snprintf(clock, sizeof clock, "%d:%02d:%02d", static_cast<int>(t.seconds / 3600),
                static_cast<int>(t.seconds / 60 % 60), static_cast<int>(t.seconds % 60));
  std::string text = clock;
  if (t.microseconds) {
    std::snprintf(clock, sizeof clock, ".%06d", static_cast<int>(t.microseconds));
    text += clock;
  }
  if (t.days == 0) return text;
  return std::to_string(t.days) + (std::abs(t.days) == 1 ? " day, " : " days, ") + text;
}

std::string timedelta_repr(Seconds duration) {
  const TimeDelta t(duration);
  std::string parts;
  auto part = [&](const char* name, std::int64_t value) {
    if (value)
      parts += (parts.empty() ? "" : ", ") + std::string(name) + "=" + std::to_string(value);
  };
  part("days", t.days);
  part("seconds", t.seconds);
  part("microseconds", t.microseconds);
  return "datetime.timedelta(" + (parts.empty() ? "0" : parts) + ")";
}

}  // namespace levin

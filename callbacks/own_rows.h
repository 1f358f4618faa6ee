#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "levin/framework/logger.h"

namespace levin {

class Trainer;

/// What callbacks log themselves, beside what modules log. As everything else it reaches the loggers of rank 0 only.
namespace own_rows {

/// Whether step values go to the loggers at the batch at hand: `log_every_n_steps`, or a stop that was asked for. `evaluated` is the number
/// of batches so far of an evaluation or prediction that is going on; 0 in training.
bool due(Trainer& trainer, std::int64_t evaluated = 0);
/// A row at the loggers' x-axis.
void log(Trainer& trainer, std::span<const Metric> row);
/// The same for `logged_metrics` too, with "epoch" added; or at a step of its own, without.
void log_metrics(Trainer& trainer, std::vector<Metric> row, std::optional<std::int64_t> step);
/// For others to monitor.
void set_callback_metric(Trainer& trainer, std::string_view name, double value);

}  // namespace own_rows
}  // namespace levin

#include "levin/callbacks/own_rows.h"

#include "levin/framework/loops/fit_loop.h"
#include "levin/framework/trainer/trainer.h"

// The maps are the run's own, of which the Trainer shows const references.
namespace levin::own_rows {

bool due(Trainer& trainer, std::int64_t evaluated) {
  const std::int64_t every = trainer.loop_options().log_every_n_steps;
  const std::int64_t step = evaluated > 0 ? evaluated : trainer.fit_loop().batches_that_stepped + 1;
  return every != 0 && (step % every == 0 || trainer.should_stop());
}

void log(Trainer& trainer, std::span<const Metric> row) {
  if (row.empty() || !trainer.is_global_zero()) return;
  for (const auto& logger : trainer.loggers()) logger->log_metrics(row, trainer.fit_loop().batches_that_stepped);
}

void log_metrics(Trainer& trainer, std::vector<Metric> row, std::optional<std::int64_t> step) {
  if (row.empty() || trainer.loggers().empty()) return;
  for (const Metric& metric : row) const_cast<MetricMap&>(trainer.logged_metrics()).set(metric.name, MetricValue(metric.value, /*is_double=*/true));
  if (!trainer.is_global_zero()) return;
  if (!step) row.push_back({"epoch", static_cast<double>(trainer.current_epoch()), /*integer=*/true});
  for (const auto& logger : trainer.loggers()) {
    logger->log_metrics(row, step.value_or(trainer.fit_loop().batches_that_stepped));
    if (!logger->saves_by_itself()) logger->save();
  }
}

void set_callback_metric(Trainer& trainer, std::string_view name, double value) {
  const_cast<MetricMap&>(trainer.callback_metrics()).set(name, MetricValue(value));
}

}  // namespace levin::own_rows

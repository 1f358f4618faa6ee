#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace levin {

/// The arguments of `log()`, in Lightning's order.
struct LogOptions {
  /// Show it in the progress bar.
  bool prog_bar = false;
  /// Send it to the loggers; unset means true.
  std::optional<bool> logger = std::nullopt;
  /// Log the value of this step. Unset: true in `training_step` and the training batch hooks, else false.
  std::optional<bool> on_step = std::nullopt;
  /// Log the reduction over the epoch. Unset: the opposite default of `on_step`. With both, the names get `_step` and `_epoch`.
  std::optional<bool> on_epoch = std::nullopt;
  /// How an epoch's values become one: "mean" (weighted by batch size), "sum", "min" or "max".
  std::string_view reduce_fx = "mean";
  /// Keep the autograd graph. As in Lightning; rarely wanted.
  bool enable_graph = false;
  /// Reduce over all ranks at the epoch's end.
  bool sync_dist = false;
  /// With several evaluation loaders, append `/dataloader_idx_N` to the name.
  bool add_dataloader_idx = true;
  /// The weight of this value in a mean; unset: rows of the batch's first tensor.
  std::optional<std::int64_t> batch_size = std::nullopt;
  /// For a Metric that is not registered with the module: any name of its own. Registered ones are found by themselves.
  std::string_view metric_attribute = {};
  /// Says that `log` is called on rank 0 alone. The value stays the rank's own, whatever `sync_dist` says, so it is none to monitor.
  bool rank_zero_only = false;
};

}  // namespace levin

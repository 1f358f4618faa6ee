#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "levin/framework/base/export.h"
#include "levin/framework/base/fields.h"

namespace levin {

/// In the order of Lightning's Throughput.
struct ThroughputOptions {
  /// Peak FLOP/s of one device; unset: no `mfu`.
  std::optional<double> available_flops = std::nullopt;
  std::int64_t world_size = 1;
  std::int64_t window_size = 100;
  std::string separator = "/";
};

/// Rates over the last `window_size` batches, from totals that only grow. Lightning's Throughput, with its keys:
///
/// `time` (seconds), `batches`, `samples`, `lengths` (totals); once the window is full `device/batches_per_sec`, `device/samples_per_sec`,
/// `device/items_per_sec`, `device/flops_per_sec`, `device/mfu` (the share of `available_flops`); with several devices the same of all
/// together, without `device/`.
class LEVIN_API Throughput {
 public:
  /// ValueError for a window below 2 or no device.
  explicit Throughput(ThroughputOptions options = {});

  /// The totals so far and the FLOPs since the last call. ValueError for a total that does not grow, and for fewer samples than batches
  /// or fewer items than samples; nothing is taken then.
  struct Update {
    double time = 0;  ///< seconds
    std::int64_t batches = 0, samples = 0;
    std::optional<std::int64_t> lengths = std::nullopt;
    std::optional<std::int64_t> flops = std::nullopt;
  };
  void update(const Update& totals);

  struct Rate {
    std::string name;
    double value;
    bool integer = false;
  };
  /// Needs at least one update.
  std::vector<Rate> compute() const;
  void reset() { updates_.clear(); }
  /// Of the last update; 0 before the first.
  double time() const { return updates_.empty() ? 0 : updates_.back().time; }
  const std::string& separator() const { return options_.separator; }

 private:
  ThroughputOptions options_;
  std::deque<Update> updates_;
};

}  // namespace levin

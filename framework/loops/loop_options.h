#pragma once
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <variant>

#include "levin/framework/base/fields.h"

namespace levin {

/// How many batches: an int counts them, a float is a fraction of all. `1` is one batch, `1.0` all of them.
using BatchLimit = std::variant<std::int64_t, double>;
/// When to validate within an epoch: every n batches, every fraction of an epoch, or by wall time.
using ValCheckInterval = std::variant<std::int64_t, double, Seconds>;

/// A count without bound: a loader without length, a limit that is off.
inline constexpr std::int64_t unlimited = std::numeric_limits<std::int64_t>::max();

/// Whether whole steps are recorded as graphs; `required`: what stands against it is an error.
enum class CudaGraphMode : std::uint8_t { off, automatic, required };

/// What the loops need of the Trainer's options, resolved: no unset values left but those that mean something.
struct LoopOptions {
  std::optional<std::int64_t> max_epochs;  ///< unset until the run starts; -1: no limit
  std::int64_t min_epochs = 0;
  std::int64_t max_steps = -1;
  std::optional<std::int64_t> min_steps;
  BatchLimit limit_train_batches = 1.0, limit_val_batches = 1.0, limit_test_batches = 1.0, limit_predict_batches = 1.0;
  BatchLimit overfit_batches = 0.0;
  ValCheckInterval val_check_interval = 1.0;
  std::optional<std::int64_t> check_val_every_n_epoch = 1;
  std::int64_t num_sanity_val_steps = 2;
  std::int64_t log_every_n_steps = 50;
  std::int64_t accumulate_grad_batches = 1;
  std::optional<double> gradient_clip_val;
  std::optional<std::string> gradient_clip_algorithm;
  std::int64_t fast_dev_run = 0;
  std::int64_t reload_dataloaders_every_n_epochs = 0;
  bool inference_mode = true;
  bool detect_anomaly = false;
  bool use_distributed_sampler = true;
  std::optional<std::int64_t> num_threads;  ///< unset: see ThreadScope::for_model
  CudaGraphMode cuda_graph = CudaGraphMode::off;
};

/// Whether a limit switches its loop off.
inline bool is_zero(const BatchLimit& limit) {
  return std::visit([](auto n) { return n == 0; }, limit);
}

}  // namespace levin

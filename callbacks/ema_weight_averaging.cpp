#include "levin/callbacks/ema_weight_averaging.h"

namespace levin {

EMAWeightAveraging::EMAWeightAveraging(Options options)
    : WeightAveraging({.device = options.device, .use_buffers = options.use_buffers, .avg_fn = ema_avg_fn(options.decay)}),
      options_(std::move(options)) {}

bool EMAWeightAveraging::should_update(std::optional<std::int64_t> step_idx, std::optional<std::int64_t> epoch_idx) const {
  if (step_idx && *step_idx >= options_.update_starting_at_step.value_or(*step_idx) && options_.update_every_n_steps > 0 &&
      *step_idx % options_.update_every_n_steps == 0)
    return true;
  return epoch_idx && options_.update_starting_at_epoch && *epoch_idx >= *options_.update_starting_at_epoch;
}

}  // namespace levin

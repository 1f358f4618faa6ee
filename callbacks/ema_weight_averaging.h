#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "levin/callbacks/weight_averaging.h"

namespace levin {

/// In Lightning's order.
struct EMAWeightAveragingOptions {
  std::optional<std::string> device = std::nullopt;
  bool use_buffers = true;
  double decay = 0.999;
  std::int64_t update_every_n_steps = 1;
  std::optional<std::int64_t> update_starting_at_step = std::nullopt;
  std::optional<std::int64_t> update_starting_at_epoch = std::nullopt;
};
template <class V>
void fields(V&& f, EMAWeightAveragingOptions& o) {
  f("device", o.device, "where the averages lie, \"cpu\"; null: where the model does");
  f("use_buffers", o.use_buffers, "average buffers too; false: copy them");
  f("decay", o.decay, "how much of the average each update keeps, from 0 to 1");
  f("update_every_n_steps", o.update_every_n_steps, "update after steps whose index (from 0) is a multiple of this; 0: not after steps");
  f("update_starting_at_step", o.update_starting_at_step, "the index of the first step that may update; null: the first of all");
  f("update_starting_at_epoch", o.update_starting_at_epoch, "update at the end of this epoch and all later ones; null: at no epoch's end");
}

/// WeightAveraging with an exponential moving average: `decay * average + (1 - decay) * weights`.
class LEVIN_API EMAWeightAveraging : public WeightAveraging {
 public:
  using Options = EMAWeightAveragingOptions;
  /// ValueError for a decay outside [0, 1].
  explicit EMAWeightAveraging(Options options = {});
  bool should_update(std::optional<std::int64_t> step_idx, std::optional<std::int64_t> epoch_idx) const override;

 private:
  Options options_;
};

}  // namespace levin

#pragma once
#include <optional>
#include <string>

#include "levin/framework/optim/lr_scheduler.h"

namespace levin::optim {

/// `torch.optim.lr_scheduler.OneCycleLR`'s arguments and defaults.
struct OneCycleLROptions {
  PerGroup max_lr = 0.0;  ///< must be given
  std::optional<std::int64_t> total_steps = std::nullopt;
  std::optional<std::int64_t> epochs = std::nullopt;
  std::optional<std::int64_t> steps_per_epoch = std::nullopt;
  double pct_start = 0.3;
  std::string anneal_strategy = "cos";
  bool cycle_momentum = true;
  PerGroup base_momentum = 0.85;
  PerGroup max_momentum = 0.95;
  double div_factor = 25.0;
  double final_div_factor = 1e4;
  bool three_phase = false;
  std::int64_t last_epoch = -1;
};
template <class V>
void fields(V&& f, OneCycleLROptions& o) {
  f("max_lr", o.max_lr, "the highest rate: one number, or one per group; must be given");
  f("total_steps", o.total_steps, "steps of the cycle; or give epochs and steps_per_epoch");
  f("epochs", o.epochs, "epochs of the cycle");
  f("steps_per_epoch", o.steps_per_epoch, "steps of an epoch");
  f("pct_start", o.pct_start, "part of the cycle in which the rate rises");
  f("anneal_strategy", o.anneal_strategy, "\"cos\" or \"linear\"");
  f("cycle_momentum", o.cycle_momentum, "move the momentum (or Adam's first beta) against the rate");
  f("base_momentum", o.base_momentum, "the momentum at the highest rate");
  f("max_momentum", o.max_momentum, "the momentum at the lowest rate");
  f("div_factor", o.div_factor, "the first rate is max_lr divided by this");
  f("final_div_factor", o.final_div_factor, "the last rate is the first divided by this");
  f("three_phase", o.three_phase, "fall back to the first rate before going on to the last");
  f("last_epoch", o.last_epoch, "the step behind which the schedule goes on; -1 starts it");
}

/// One cycle of the rate, up and down, over a known number of steps: use it with `interval = "step"`. A step beyond the last is
/// a ValueError.
class LEVIN_API OneCycleLR : public EpochScheduler {
 public:
  using Options = OneCycleLROptions;
  /// ValueError, in torch's words, for options out of range.
  explicit OneCycleLR(std::shared_ptr<Optimizer> optimizer, const Options& options);
  ~OneCycleLR() override;
  const char* class_name() const override { return "OneCycleLR"; }

 protected:
  double get_lr(std::size_t group) const override;
  void after_step() override;
  void write_front(Dict& out) const override;
  void read(const Dict& in) override;

 private:
  double value(std::size_t group, const char* start, const char* end) const;

  std::int64_t total_steps_;
  Value phases_;  // a list of dicts, as the state holds it
  std::string anneal_strategy_;
  bool cycle_momentum_;
  bool use_beta1_;
};

/// `optim::one_cycle_lr(optimizer, {.max_lr = 0.1, .total_steps = 1000})`
LEVIN_API std::shared_ptr<OneCycleLR> one_cycle_lr(std::shared_ptr<Optimizer> optimizer, const OneCycleLROptions& options);

}  // namespace levin::optim

#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "levin/framework/base/export.h"
#include "levin/framework/base/value.h"
#include "levin/framework/optim/optimizer.h"

namespace levin::optim {

/// Changes the learning rates of an optimizer's groups as training goes on; Python's `LRScheduler` with its numbers and state.
///
/// A new scheduler takes its first step at once (epoch 0), as in Python. The formulas are Python's recursive ones, so that rates
/// agree to the last bit and a change made by hand in between is respected.
class LEVIN_API LRScheduler {
 public:
  virtual ~LRScheduler();

  /// One epoch (or batch, as the Trainer is told) further.
  virtual void step();
  /// The same for schedulers that watch a metric; the others ignore it.
  virtual void step(double metric) { (void)metric; step(); }
  /// Whether the next rate depends on a metric (ReduceLROnPlateau).
  virtual bool wants_metric() const { return false; }
  /// The rates last set, per group.
  const std::vector<double>& get_last_lr() const { return last_lr_; }
  std::int64_t last_epoch() const { return last_epoch_; }
  Optimizer& optimizer() const { return *optimizer_; }

  /// Python's keys in Python's order.
  virtual Value state_dict() const;
  virtual void load_state_dict(const Value& state);

 protected:
  explicit LRScheduler(std::shared_ptr<Optimizer> optimizer);
  /// Takes the first step; a subclass's constructor ends with it.
  void initial_step() { step(); }
  /// The rates for `last_epoch()`.
  virtual std::vector<double> get_lr() const = 0;
  /// A subclass's own settings, which stand before the common keys.
  virtual Value own_state() const { return Value::dict(); }
  virtual void load_own_state(const Value& state) { (void)state; }
  std::vector<double> current_lrs() const;

  std::shared_ptr<Optimizer> optimizer_;
  std::vector<double> base_lrs_, last_lr_;
  std::int64_t last_epoch_ = -1, step_count_ = 0;
};

}  // namespace levin::optim

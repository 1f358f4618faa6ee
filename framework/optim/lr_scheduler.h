#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "levin/framework/optim/group_reader.h"
#include "levin/framework/optim/optimizer.h"

namespace levin::optim {

/// One number for all groups of parameters, or one for each.
using PerGroup = std::variant<double, std::vector<double>>;

/// Changes an optimizer's learning rates over time, by Python's rules. Making one sets the rates of epoch 0; each `step` sets those
/// of the next epoch (or batch, whatever it is called for), and is called after the optimizer's.
class LEVIN_API LRScheduler {
 public:
  virtual ~LRScheduler();
  LRScheduler(const LRScheduler&) = delete;
  LRScheduler& operator=(const LRScheduler&) = delete;

  /// Python's name: "StepLR".
  virtual const char* class_name() const = 0;
  virtual void step() = 0;
  /// What torch's `step` may be given: the metric of ReduceLROnPlateau; of the others the epoch to go to, from which `step()` goes on.
  /// CosineAnnealingWarmRestarts takes parts of an epoch, so that a rate falls within one, `step(epoch + i / batches)`; for all others
  /// torch advises against it. TypeError for a scheduler that takes nothing: those that are made of others.
  virtual void step(double metric_or_epoch);
  /// Whether `step` needs a metric: only ReduceLROnPlateau.
  virtual bool wants_metric() const { return false; }

  /// The rates set last, one per group.
  const std::vector<double>& get_last_lr() const { return last_lr_; }
  std::int64_t last_epoch() const { return last_epoch_; }
  Optimizer& optimizer() const { return *optimizer_; }
  const std::shared_ptr<Optimizer>& shared_optimizer() const { return optimizer_; }

  /// Python's keys in Python's order.
  virtual Value state_dict() const = 0;
  /// Takes the keys it knows; an absent one keeps its value. Does not touch the optimizer, whose state carries its rates.
  virtual void load_state_dict(const Value& state) = 0;

 protected:
  explicit LRScheduler(std::shared_ptr<Optimizer> optimizer);
  /// With groups that were added since the scheduler was made.
  std::size_t group_count() const { return optimizer_->group_count(); }
  /// One number per group of `optimizer`. ValueError, in torch's words, for another count of them.
  static std::vector<double> for_groups(const Optimizer& optimizer, std::string_view name, const PerGroup& values);
  /// Sets a rate per group and remembers them as the last ones.
  void set_rates(const std::vector<double>& rates);
  std::vector<double> rates() const;
  double rate(std::size_t group) const { return optimizer_->lr(group); }

  /// What a scheduler made of others (SequentialLR, ChainedScheduler) asks of them. The first step, which sets the rates of epoch 0;
  /// a constructor's last call.
  virtual void initial_step() { step(); }
  /// Takes the first step back; the rates are set by whoever asks.
  virtual void undo_step() { --last_epoch_; }
  /// Begins at epoch 0 again, from the first rates. NotImplementedError: not every scheduler can.
  virtual void restart();

  std::int64_t last_epoch_ = -1;
  std::vector<double> last_lr_;

 private:
  friend class ComposedScheduler;
  std::shared_ptr<Optimizer> optimizer_;
};

/// A scheduler whose rate follows from the epoch: what all but ReduceLROnPlateau are. To write one, derive from it, implement
/// `get_lr` (called with `last_epoch()` already counted up), and call `initial_step()` at the end of the constructor.
///
/// `last_epoch` is torch's argument of that name: with -1 the optimizer's rates are where the schedule starts; with another epoch the
/// schedule goes on behind it, and the groups must hold their `initial_lr` (KeyError). A state makes it needless.
class LEVIN_API EpochScheduler : public LRScheduler {
 public:
  ~EpochScheduler() override;
  void step() override;
  /// Sets the rates of that epoch. ValueError if it is no whole number.
  void step(double epoch) override;
  Value state_dict() const override;
  void load_state_dict(const Value& state) override;

 protected:
  explicit EpochScheduler(std::shared_ptr<Optimizer> optimizer, std::int64_t last_epoch = -1);
  void initial_step() override;
  void restart() override { go_to(0); }
  bool initial() const { return initial_; }  ///< during `initial_step`

  /// The rate that group `group` gets at `last_epoch()`; the optimizer still has the last one.
  virtual double get_lr(std::size_t group) const = 0;
  /// The same from the first rate alone: what `restart` sets.
  virtual double closed_form_lr(std::size_t group) const { return get_lr(group); }
  /// Sets the rates that `get_lr` names.
  void update_rates();
  /// Anything else that changes with the epoch, after the rates were set: momentum.
  virtual void after_step() {}
  /// The scheduler's own entries, in front of the common ones and behind them.
  virtual void write_front(Dict&) const {}
  virtual void write_back(Dict&) const {}
  virtual void read(const Dict&) {}

  /// The group's rate when the scheduler was made; ValueError for a group that was added since (those have none, as in torch).
  double base_lr(std::size_t group) const;
  /// Calls of `step` so far, the one at hand and the initial one among them.
  std::int64_t step_count() const { return step_count_; }

  std::vector<double> base_lrs_;

 private:
  template <class Rate>
  void update(Rate rate);
  void go_to(std::int64_t epoch);
  bool initial_ = false;
  std::int64_t step_count_ = 0;
};

/// One whose options, with their `fields()` list, are its own part of the state.
template <class O>
class FormulaLR : public EpochScheduler {
 public:
  using Options = O;

 protected:
  FormulaLR(std::shared_ptr<Optimizer> optimizer, const O& options)
      : EpochScheduler(std::move(optimizer), options.last_epoch), options_(options) {}
  void write_front(Dict& out) const override {
    out = write_fields(options_).as_dict();
    out.erase("last_epoch");  // stands among the common entries
  }
  void read(const Dict& in) override { read_entries(in, options_, "last_epoch"); }

  O options_;
};

}  // namespace levin::optim

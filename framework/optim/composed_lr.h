#pragma once
#include "levin/framework/optim/lr_scheduler.h"

/// The schedulers that are made of others.
namespace levin {

/// Schedulers among options: which optimizer they belong to is not known to a configuration, so whoever knows it makes them.
template <>
struct Field<std::shared_ptr<optim::LRScheduler>> {
  static std::shared_ptr<optim::LRScheduler> read(const Value&) {
    throw TypeError("a scheduler of a scheduler can't be made without its optimizer");
  }
  static Value write(const std::shared_ptr<optim::LRScheduler>&) { return {}; }
  static std::string type() { return "lr scheduler"; }
};

}  // namespace levin

namespace levin::optim {

/// `torch.optim.lr_scheduler.SequentialLR`'s arguments and defaults.
struct SequentialLROptions {
  std::vector<std::shared_ptr<LRScheduler>> schedulers;  ///< must be given, all of the same optimizer
  std::vector<std::int64_t> milestones;                  ///< one fewer
  std::int64_t last_epoch = -1;
};
/// `torch.optim.lr_scheduler.ChainedScheduler`'s arguments.
struct ChainedSchedulerOptions {
  std::vector<std::shared_ptr<LRScheduler>> schedulers;  ///< must be given, all of the same optimizer
};
template <class V>
void fields(V&& f, SequentialLROptions& o) {
  f("schedulers", o.schedulers, "the schedulers, in the order of their turns; must be given");
  f("milestones", o.milestones, "the epochs at which the next one takes over: one fewer than schedulers");
  f("last_epoch", o.last_epoch, "the epoch behind which the schedule goes on; -1 starts it");
}
template <class V>
void fields(V&& f, ChainedSchedulerOptions& o) {
  f("schedulers", o.schedulers, "the schedulers, in the order of their steps; must be given");
}

/// What the two share: the schedulers, checked, and their states in a list.
class LEVIN_API ComposedScheduler : public LRScheduler {
 public:
  ~ComposedScheduler() override;
  const std::vector<std::shared_ptr<LRScheduler>>& schedulers() const { return schedulers_; }
  Value state_dict() const override;
  void load_state_dict(const Value& state) override;

 protected:
  /// TypeError for an optimizer that is none; `check` follows.
  ComposedScheduler(std::shared_ptr<Optimizer> optimizer, std::vector<std::shared_ptr<LRScheduler>> schedulers);
  /// ValueError, in torch's words, for no scheduler, a plateau scheduler or one of another optimizer.
  void check(const char* none) const;
  void initial_step() override;
  void undo_step() override;
  virtual void write_front(Dict&) const {}
  virtual void read(const Dict&) {}

  // A class may use its own base's protected members only; these reach the schedulers'.
  static void first_step_of(LRScheduler& scheduler) { scheduler.initial_step(); }
  static void restart_of(LRScheduler& scheduler) { scheduler.restart(); }

  std::vector<std::shared_ptr<LRScheduler>> schedulers_;

 private:
  bool nested_ = false;  // made its first step for another one, which leaves torch's counters in the state
};

/// Its schedulers take turns: at a milestone the next one starts at its own epoch 0.
///
/// As in torch: the rates of epoch 0 are the first scheduler's, whatever the others did when they were made; a SequentialLR or
/// ChainedScheduler may only be the first of its schedulers (NotImplementedError at the milestone).
class LEVIN_API SequentialLR : public ComposedScheduler {
 public:
  using Options = SequentialLROptions;
  /// ValueError, in torch's words, as above and unless there is one milestone fewer than schedulers.
  explicit SequentialLR(std::shared_ptr<Optimizer> optimizer, Options options);
  ~SequentialLR() override;
  const char* class_name() const override { return "SequentialLR"; }
  using LRScheduler::step;
  void step() override;

 protected:
  void write_front(Dict& out) const override;
  void read(const Dict& in) override;

 private:
  std::vector<std::int64_t> milestones_;
};

/// All its schedulers step each time, one after the other, each from the rates that the one before it set.
class LEVIN_API ChainedScheduler : public ComposedScheduler {
 public:
  using Options = ChainedSchedulerOptions;
  /// ValueError, in torch's words, as above.
  explicit ChainedScheduler(std::vector<std::shared_ptr<LRScheduler>> schedulers, std::shared_ptr<Optimizer> optimizer = nullptr);
  ~ChainedScheduler() override;
  const char* class_name() const override { return "ChainedScheduler"; }
  using LRScheduler::step;
  void step() override;
};

/// `optim::sequential_lr(o, {.schedulers = {optim::linear_lr(o), optim::cosine_annealing_lr(o, {.T_max = 95})}, .milestones = {5}})`
LEVIN_API std::shared_ptr<SequentialLR> sequential_lr(std::shared_ptr<Optimizer> optimizer, SequentialLROptions options);
/// `optim::chained_scheduler({optim::constant_lr(o), optim::exponential_lr(o, {.gamma = 0.9})})`
LEVIN_API std::shared_ptr<ChainedScheduler> chained_scheduler(std::vector<std::shared_ptr<LRScheduler>> schedulers,
                                                              std::shared_ptr<Optimizer> optimizer = nullptr);

}  // namespace levin::optim

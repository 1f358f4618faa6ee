#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "levin/framework/base/decisions/moment.h"
#include "levin/framework/base/export.h"
#include "levin/framework/base/fields.h"
#include "levin/framework/base/value.h"

/// "Is something due now?", one small object per rule.
namespace levin {

/// Ask every trigger at every moment exactly once and without short circuit: some count, some watch
/// a clock, some agree across ranks. Whether anything may be saved (`Moment::may_save`) is the
/// asker's business unless a trigger says otherwise.
class LEVIN_API Trigger {
 public:
  virtual ~Trigger();
  virtual bool due(const Moment& moment) = 0;
  /// What a resumed run needs to go on as if it had not stopped; a dict.
  virtual Value state_dict() const = 0;
  virtual void load_state_dict(const Value& state) = 0;
};

/// At train_batch_end, whenever global_step is a multiple of `n`; step 0 is one. `n` < 1: never.
class LEVIN_API EverySteps final : public Trigger {
 public:
  explicit EverySteps(std::int64_t n) : n_(n) {}
  bool due(const Moment& moment) override;
  Value state_dict() const override;
  void load_state_dict(const Value& state) override;

 private:
  std::int64_t n_;
};

/// After every `n`-th epoch, at train_epoch_end or at validation_end as the moment's
/// `saves_on_train_epoch_end` says. `n` < 1: never.
class LEVIN_API EveryEpochs final : public Trigger {
 public:
  explicit EveryEpochs(std::int64_t n) : n_(n) {}
  bool due(const Moment& moment) override;
  Value state_dict() const override;
  void load_state_dict(const Value& state) override;

 private:
  std::int64_t n_;
};

/// At the first train_batch_end after `interval` has passed since train_start or since it was last
/// due; an interval of 0 is every batch. Never in manual optimization, as in Lightning.
class LEVIN_API EverySeconds final : public Trigger {
 public:
  /// Makes all ranks answer alike (a broadcast from rank 0); called at every train_batch_end of
  /// automatic optimization.
  using Agree = std::function<bool(bool)>;
  explicit EverySeconds(Seconds interval, Agree agree = {});
  bool due(const Moment& moment) override;
  /// `elapsed`: the seconds that had passed since it was last due.
  Value state_dict() const override;
  void load_state_dict(const Value& state) override;

 private:
  double interval_;
  Agree agree_;
  std::optional<double> since_;
  double seen_ = 0;
  double carried_ = 0;
};

/// Puts off what `inner` wants until its metric is there and fresh: when the metric has not been
/// logged yet, or when this is the epoch's last batch, validation follows, and saving does not
/// happen at train_epoch_end. What is put off comes due at the next validation_end at which saving
/// is allowed, and stays put off until then.
class LEVIN_API AwaitMetric final : public Trigger {
 public:
  AwaitMetric(std::unique_ptr<Trigger> inner, std::string metric);
  bool due(const Moment& moment) override;
  bool deferred() const { return deferred_; }
  Value state_dict() const override;
  void load_state_dict(const Value& state) override;

 private:
  bool must_wait(const Moment& moment) const;
  std::unique_ptr<Trigger> inner_;
  std::string metric_;
  bool deferred_ = false;
};

}  // namespace levin

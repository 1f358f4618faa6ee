#pragma once
#include <cstdint>
#include <map>

#include "levin/framework/base/fields.h"
#include "levin/framework/callback.h"

namespace levin {

struct GradientAccumulationSchedulerOptions {
  /// From which epoch on gradients of how many batches are accumulated: `{{4, 2}, {8, 4}}`; 1 before the first.
  std::map<std::int64_t, std::int64_t> scheduling;
};

/// In a configuration: {"4": 2, "8": 4}.
template <>
struct Field<std::map<std::int64_t, std::int64_t>> {
  LEVIN_API static std::map<std::int64_t, std::int64_t> read(const Value& v);
  LEVIN_API static Value write(const std::map<std::int64_t, std::int64_t>& v);
  static std::string type() { return "dict of int to int"; }
};

template <class V>
void fields(V&& f, GradientAccumulationSchedulerOptions& o) {
  f("scheduling", o.scheduling, "from which epoch on gradients of how many batches are accumulated");
}

/// Changes `accumulate_grad_batches` at the start of epochs.
class LEVIN_API GradientAccumulationScheduler : public Callback {
 public:
  using Options = GradientAccumulationSchedulerOptions;
  /// TypeError for an empty schedule, MisconfigurationException for an epoch below 0 or a factor below 1.
  explicit GradientAccumulationScheduler(Options options);
  std::int64_t get_accumulate_grad_batches(std::int64_t epoch) const;
  void on_train_start(Trainer& trainer, LightningModule& module) override;
  void on_train_epoch_start(Trainer& trainer, LightningModule& module) override;

 private:
  std::map<std::int64_t, std::int64_t> scheduling_;
};

}  // namespace levin

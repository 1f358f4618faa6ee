#pragma once
#include "levin/framework/optim/lr_scheduler.h"

namespace levin::optim {

struct StepLROptions {
  std::int64_t step_size = 1;
  double gamma = 0.1;
};
template <class V>
void fields(V&& f, StepLROptions& o) {
  f("step_size", o.step_size, "epochs between two decays");
  f("gamma", o.gamma, "factor of a decay");
}

/// The rate times `gamma` every `step_size` epochs.
class LEVIN_API StepLR final : public LRScheduler {
 public:
  using Options = StepLROptions;
  StepLR(std::shared_ptr<Optimizer> optimizer, const Options& options);

 protected:
  std::vector<double> get_lr() const override;
  Value own_state() const override;
  void load_own_state(const Value& state) override;

 private:
  Options options_;
};

struct ExponentialLROptions {
  double gamma = 0.1;
};
template <class V>
void fields(V&& f, ExponentialLROptions& o) {
  f("gamma", o.gamma, "factor of a decay");
}

/// The rate times `gamma` every epoch.
class LEVIN_API ExponentialLR final : public LRScheduler {
 public:
  using Options = ExponentialLROptions;
  ExponentialLR(std::shared_ptr<Optimizer> optimizer, const Options& options);

 protected:
  std::vector<double> get_lr() const override;
  Value own_state() const override;
  void load_own_state(const Value& state) override;

 private:
  Options options_;
};

}  // namespace levin::optim

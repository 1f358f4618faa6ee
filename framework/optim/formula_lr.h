#pragma once
#include "levin/framework/optim/lr_scheduler.h"

/// The schedulers that multiply the rate, by a formula of the epoch. Each is made by a function with the optimizer and the options:
/// `optim::step_lr(optimizer, {.step_size = 30})`.
namespace levin::optim {

/// `torch.optim.lr_scheduler.StepLR`'s arguments and defaults; and so on.
struct StepLROptions {
  std::int64_t step_size = 0;  ///< must be given
  double gamma = 0.1;
  std::int64_t last_epoch = -1;
};
struct MultiStepLROptions {
  std::vector<std::int64_t> milestones;
  double gamma = 0.1;
  std::int64_t last_epoch = -1;
};
struct ConstantLROptions {
  double factor = 1.0 / 3;
  std::int64_t total_iters = 5;
  std::int64_t last_epoch = -1;
};
struct LinearLROptions {
  double start_factor = 1.0 / 3;
  double end_factor = 1.0;
  std::int64_t total_iters = 5;
  std::int64_t last_epoch = -1;
};
struct ExponentialLROptions {
  double gamma = 0;  ///< must be given
  std::int64_t last_epoch = -1;
};
struct PolynomialLROptions {
  std::int64_t total_iters = 5;
  double power = 1.0;
  std::int64_t last_epoch = -1;
};

template <class V>
void fields(V&& f, StepLROptions& o) {
  f("step_size", o.step_size, "epochs between two drops; must be given");
  f("gamma", o.gamma, "factor of a drop");
  f("last_epoch", o.last_epoch, "the epoch behind which the schedule goes on; -1 starts it");
}
template <class V>
void fields(V&& f, MultiStepLROptions& o) {
  f("milestones", o.milestones, "epochs of the drops; one that is listed twice drops twice");
  f("gamma", o.gamma, "factor of a drop");
  f("last_epoch", o.last_epoch, "the epoch behind which the schedule goes on; -1 starts it");
}
template <class V>
void fields(V&& f, ConstantLROptions& o) {
  f("factor", o.factor, "factor of the rate before epoch total_iters, from 0 to 1");
  f("total_iters", o.total_iters, "the epoch at which the factor is taken away");
  f("last_epoch", o.last_epoch, "the epoch behind which the schedule goes on; -1 starts it");
}
template <class V>
void fields(V&& f, LinearLROptions& o) {
  f("start_factor", o.start_factor, "factor of the rate at epoch 0");
  f("end_factor", o.end_factor, "factor of the rate from epoch total_iters on");
  f("total_iters", o.total_iters, "epochs from the first factor to the last");
  f("last_epoch", o.last_epoch, "the epoch behind which the schedule goes on; -1 starts it");
}
template <class V>
void fields(V&& f, ExponentialLROptions& o) {
  f("gamma", o.gamma, "factor per epoch; must be given");
  f("last_epoch", o.last_epoch, "the epoch behind which the schedule goes on; -1 starts it");
}
template <class V>
void fields(V&& f, PolynomialLROptions& o) {
  f("total_iters", o.total_iters, "epochs until the rate is 0");
  f("power", o.power, "of the polynomial: 1 is a line");
  f("last_epoch", o.last_epoch, "the epoch behind which the schedule goes on; -1 starts it");
}

/// Multiplies the rate by `gamma` every `step_size` epochs.
class LEVIN_API StepLR : public FormulaLR<StepLROptions> {
 public:
  explicit StepLR(std::shared_ptr<Optimizer> optimizer, const Options& options);
  const char* class_name() const override { return "StepLR"; }

 protected:
  double get_lr(std::size_t group) const override;
  double closed_form_lr(std::size_t group) const override;
};

/// Multiplies the rate by `gamma` at each milestone.
class LEVIN_API MultiStepLR : public FormulaLR<MultiStepLROptions> {
 public:
  explicit MultiStepLR(std::shared_ptr<Optimizer> optimizer, const Options& options);
  const char* class_name() const override { return "MultiStepLR"; }

 protected:
  double get_lr(std::size_t group) const override;
  double closed_form_lr(std::size_t group) const override;
  void write_front(Dict& out) const override;  // the milestones as Python's Counter
  void read(const Dict& in) override;
};

/// Multiplies the rate by `factor` until epoch `total_iters`: the simplest warm-up.
class LEVIN_API ConstantLR : public FormulaLR<ConstantLROptions> {
 public:
  explicit ConstantLR(std::shared_ptr<Optimizer> optimizer, const Options& options = {});
  const char* class_name() const override { return "ConstantLR"; }

 protected:
  double get_lr(std::size_t group) const override;
  double closed_form_lr(std::size_t group) const override;
};

/// Changes the rate linearly from `start_factor` to `end_factor` times the optimizer's: a warm-up.
class LEVIN_API LinearLR : public FormulaLR<LinearLROptions> {
 public:
  explicit LinearLR(std::shared_ptr<Optimizer> optimizer, const Options& options = {});
  const char* class_name() const override { return "LinearLR"; }

 protected:
  double get_lr(std::size_t group) const override;
  double closed_form_lr(std::size_t group) const override;
};

/// Multiplies the rate by `gamma` every epoch.
class LEVIN_API ExponentialLR : public FormulaLR<ExponentialLROptions> {
 public:
  explicit ExponentialLR(std::shared_ptr<Optimizer> optimizer, const Options& options);
  const char* class_name() const override { return "ExponentialLR"; }

 protected:
  double get_lr(std::size_t group) const override;
  double closed_form_lr(std::size_t group) const override;
};

/// Lets the rate fall to 0 in `total_iters` epochs, as the power of what is left of them.
class LEVIN_API PolynomialLR : public FormulaLR<PolynomialLROptions> {
 public:
  explicit PolynomialLR(std::shared_ptr<Optimizer> optimizer, const Options& options = {});
  const char* class_name() const override { return "PolynomialLR"; }

 protected:
  double get_lr(std::size_t group) const override;
  double closed_form_lr(std::size_t group) const override;
};

LEVIN_API std::shared_ptr<StepLR> step_lr(std::shared_ptr<Optimizer> optimizer, const StepLROptions& options);
LEVIN_API std::shared_ptr<MultiStepLR> multi_step_lr(std::shared_ptr<Optimizer> optimizer, const MultiStepLROptions& options);
LEVIN_API std::shared_ptr<ConstantLR> constant_lr(std::shared_ptr<Optimizer> optimizer, const ConstantLROptions& options = {});
LEVIN_API std::shared_ptr<LinearLR> linear_lr(std::shared_ptr<Optimizer> optimizer, const LinearLROptions& options = {});
LEVIN_API std::shared_ptr<ExponentialLR> exponential_lr(std::shared_ptr<Optimizer> optimizer, const ExponentialLROptions& options);
LEVIN_API std::shared_ptr<PolynomialLR> polynomial_lr(std::shared_ptr<Optimizer> optimizer, const PolynomialLROptions& options = {});

}  // namespace levin::optim

#pragma once
#include <functional>

#include "levin/framework/optim/lr_scheduler.h"

/// The schedulers whose rate is a short formula. Each is made by a function with the optimizer and the options:
/// `optim::step_lr(optimizer, {.step_size = 30})`.
namespace levin::optim {

struct StepLROptions {
  std::int64_t step_size = 0;  ///< must be given
  double gamma = 0.1;
};
template <class V>
void fields(V&& f, StepLROptions& o) {
  f("step_size", o.step_size, "epochs between two drops; must be given");
  f("gamma", o.gamma, "factor of a drop");
}

/// Multiplies the rate by `gamma` every `step_size` epochs.
class LEVIN_API StepLR : public EpochScheduler {
 public:
  using Options = StepLROptions;
  explicit StepLR(std::shared_ptr<Optimizer> optimizer, Options options);
  const char* class_name() const override { return "StepLR"; }

 protected:
  double get_lr(std::size_t group) const override;
  void write_front(Dict& out) const override;
  void read(const Dict& in) override;

 private:
  Options options_;
};

struct MultiStepLROptions {
  std::vector<std::int64_t> milestones;
  double gamma = 0.1;
};
template <class V>
void fields(V&& f, MultiStepLROptions& o) {
  f("milestones", o.milestones, "epochs of the drops; one that is listed twice drops twice");
  f("gamma", o.gamma, "factor of a drop");
}

/// Multiplies the rate by `gamma` at each milestone.
class LEVIN_API MultiStepLR : public EpochScheduler {
 public:
  using Options = MultiStepLROptions;
  explicit MultiStepLR(std::shared_ptr<Optimizer> optimizer, const Options& options);
  const char* class_name() const override { return "MultiStepLR"; }

 protected:
  double get_lr(std::size_t group) const override;
  void write_front(Dict& out) const override;
  void read(const Dict& in) override;

 private:
  std::vector<std::pair<std::int64_t, std::int64_t>> milestones_;  // epoch and how often, in the order given
  double gamma_;
};

struct ExponentialLROptions {
  double gamma = 0;  ///< must be given
};
template <class V>
void fields(V&& f, ExponentialLROptions& o) {
  f("gamma", o.gamma, "factor per epoch; must be given");
}

/// Multiplies the rate by `gamma` every epoch.
class LEVIN_API ExponentialLR : public EpochScheduler {
 public:
  using Options = ExponentialLROptions;
  explicit ExponentialLR(std::shared_ptr<Optimizer> optimizer, Options options);
  const char* class_name() const override { return "ExponentialLR"; }

 protected:
  double get_lr(std::size_t group) const override;
  void write_front(Dict& out) const override;
  void read(const Dict& in) override;

 private:
  Options options_;
};

struct CosineAnnealingLROptions {
  std::int64_t T_max = 0;  ///< must be given
  double eta_min = 0;
};
template <class V>
void fields(V&& f, CosineAnnealingLROptions& o) {
  f("T_max", o.T_max, "epochs from the first rate down to eta_min; must be given");
  f("eta_min", o.eta_min, "the lowest rate");
}

/// Follows half a cosine from the first rate down to `eta_min` in `T_max` epochs, and up again.
class LEVIN_API CosineAnnealingLR : public EpochScheduler {
 public:
  using Options = CosineAnnealingLROptions;
  explicit CosineAnnealingLR(std::shared_ptr<Optimizer> optimizer, Options options);
  const char* class_name() const override { return "CosineAnnealingLR"; }

 protected:
  double get_lr(std::size_t group) const override;
  void write_front(Dict& out) const override;
  void read(const Dict& in) override;

 private:
  Options options_;
};

struct LinearLROptions {
  double start_factor = 1.0 / 3;
  double end_factor = 1.0;
  std::int64_t total_iters = 5;
};
template <class V>
void fields(V&& f, LinearLROptions& o) {
  f("start_factor", o.start_factor, "factor of the rate at epoch 0");
  f("end_factor", o.end_factor, "factor of the rate from epoch total_iters on");
  f("total_iters", o.total_iters, "epochs from the first factor to the last");
}

/// Changes the rate linearly from `start_factor` to `end_factor` times the optimizer's: a warm-up.
class LEVIN_API LinearLR : public EpochScheduler {
 public:
  using Options = LinearLROptions;
  explicit LinearLR(std::shared_ptr<Optimizer> optimizer, Options options = {});
  const char* class_name() const override { return "LinearLR"; }

 protected:
  double get_lr(std::size_t group) const override;
  void write_front(Dict& out) const override;
  void read(const Dict& in) override;

 private:
  Options options_;
};

/// The rate is the optimizer's first one times a function of the epoch: one function, or one per group. State holds no function.
class LEVIN_API LambdaLR : public EpochScheduler {
 public:
  using Factor = std::function<double(std::int64_t epoch)>;
  explicit LambdaLR(std::shared_ptr<Optimizer> optimizer, Factor factor);
  explicit LambdaLR(std::shared_ptr<Optimizer> optimizer, std::vector<Factor> factors);
  const char* class_name() const override { return "LambdaLR"; }

 protected:
  double get_lr(std::size_t group) const override;
  void write_back(Dict& out) const override;

 private:
  std::vector<Factor> factors_;
};

LEVIN_API std::shared_ptr<StepLR> step_lr(std::shared_ptr<Optimizer> optimizer, StepLROptions options);
LEVIN_API std::shared_ptr<MultiStepLR> multi_step_lr(std::shared_ptr<Optimizer> optimizer, MultiStepLROptions options);
LEVIN_API std::shared_ptr<ExponentialLR> exponential_lr(std::shared_ptr<Optimizer> optimizer, ExponentialLROptions options);
LEVIN_API std::shared_ptr<CosineAnnealingLR> cosine_annealing_lr(std::shared_ptr<Optimizer> optimizer,
                                                                 CosineAnnealingLROptions options);
LEVIN_API std::shared_ptr<LinearLR> linear_lr(std::shared_ptr<Optimizer> optimizer, LinearLROptions options = {});
LEVIN_API std::shared_ptr<LambdaLR> lambda_lr(std::shared_ptr<Optimizer> optimizer, LambdaLR::Factor factor);

}  // namespace levin::optim

#pragma once
#include <functional>
#include <optional>
#include <string>

#include "levin/framework/optim/lr_scheduler.h"

namespace levin::optim {

/// `torch.optim.lr_scheduler.CyclicLR`'s arguments and defaults.
struct CyclicLROptions {
  PerGroup base_lr = 0.0;
  PerGroup max_lr = 0.0;  ///< must be given
  std::int64_t step_size_up = 2000;
  std::optional<std::int64_t> step_size_down = std::nullopt;
  std::string mode = "triangular";
  double gamma = 1.0;
  std::function<double(double)> scale_fn = nullptr;
  std::string scale_mode = "cycle";
  bool cycle_momentum = true;
  PerGroup base_momentum = 0.8;
  PerGroup max_momentum = 0.9;
  std::int64_t last_epoch = -1;
};
template <class V>
void fields(V&& f, CyclicLROptions& o) {
  f("base_lr", o.base_lr, "the lowest rate: one number, or one per group");
  f("max_lr", o.max_lr, "the highest rate: one number, or one per group; must be given");
  f("step_size_up", o.step_size_up, "steps of the rise");
  f("step_size_down", o.step_size_down, "steps of the fall; as many as of the rise by default");
  f("mode", o.mode, "\"triangular\", \"triangular2\" (each cycle half as high) or \"exp_range\" (each step gamma times as high)");
  f("gamma", o.gamma, "factor per step of \"exp_range\"");
  f("scale_fn", o.scale_fn, "the height as a function, instead of a mode");
  f("scale_mode", o.scale_mode, "what scale_fn gets: \"cycle\", the number of the cycle, or \"iterations\", of the step");
  f("cycle_momentum", o.cycle_momentum, "move the momentum (or Adam's first beta) against the rate");
  f("base_momentum", o.base_momentum, "the momentum at the highest rate");
  f("max_momentum", o.max_momentum, "the momentum at the lowest rate");
  f("last_epoch", o.last_epoch, "the step behind which the schedule goes on; -1 starts it");
}

/// Lets the rate rise and fall between two bounds, again and again, per batch: use it with `interval = "step"`. `scale_fn` is no part
/// of the state; it should depend on its argument alone.
class LEVIN_API CyclicLR : public EpochScheduler {
 public:
  using Options = CyclicLROptions;
  /// ValueError, in torch's words, for options out of range and for an optimizer without momentum (unless `cycle_momentum = false`).
  explicit CyclicLR(std::shared_ptr<Optimizer> optimizer, const Options& options);
  ~CyclicLR() override;
  const char* class_name() const override { return "CyclicLR"; }

 protected:
  double get_lr(std::size_t group) const override;
  void after_step() override;
  void write_front(Dict& out) const override;
  void write_back(Dict& out) const override;
  void read(const Dict& in) override;

 private:
  static std::shared_ptr<Optimizer> started(std::shared_ptr<Optimizer> optimizer, const Options& options);
  double above(double low, double high) const;  // how far the last epoch is above `low`
  double scale(double x) const;
  void take_mode();

  std::vector<double> max_lrs_, base_momentums_, max_momentums_;
  double total_size_, step_ratio_, gamma_;
  std::string mode_, scale_mode_;
  std::function<double(double)> scale_fn_;
  bool cycle_momentum_, use_beta1_;
};

/// `optim::cyclic_lr(optimizer, {.base_lr = 0.001, .max_lr = 0.1})`
LEVIN_API std::shared_ptr<CyclicLR> cyclic_lr(std::shared_ptr<Optimizer> optimizer, const CyclicLROptions& options);

}  // namespace levin::optim

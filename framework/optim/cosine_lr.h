#pragma once
#include "levin/framework/optim/lr_scheduler.h"

/// The schedulers along a cosine.
namespace levin::optim {

/// `torch.optim.lr_scheduler.CosineAnnealingLR`'s arguments and defaults.
struct CosineAnnealingLROptions {
  std::int64_t T_max = 0;  ///< must be given
  double eta_min = 0;
  std::int64_t last_epoch = -1;
};
/// `torch.optim.lr_scheduler.CosineAnnealingWarmRestarts`'s arguments and defaults.
struct CosineAnnealingWarmRestartsOptions {
  std::int64_t T_0 = 0;  ///< must be given
  std::int64_t T_mult = 1;
  double eta_min = 0;
  std::int64_t last_epoch = -1;
};
template <class V>
void fields(V&& f, CosineAnnealingLROptions& o) {
  f("T_max", o.T_max, "epochs from the first rate down to eta_min; must be given");
  f("eta_min", o.eta_min, "the lowest rate");
  f("last_epoch", o.last_epoch, "the epoch behind which the schedule goes on; -1 starts it");
}
template <class V>
void fields(V&& f, CosineAnnealingWarmRestartsOptions& o) {
  f("T_0", o.T_0, "epochs until the first restart; must be given");
  f("T_mult", o.T_mult, "factor of the epochs between two restarts, at each restart");
  f("eta_min", o.eta_min, "the lowest rate");
  f("last_epoch", o.last_epoch, "the epoch behind which the schedule goes on; -1 starts it");
}

/// Follows half a cosine from the first rate down to `eta_min` in `T_max` epochs, and up again.
class LEVIN_API CosineAnnealingLR : public FormulaLR<CosineAnnealingLROptions> {
 public:
  explicit CosineAnnealingLR(std::shared_ptr<Optimizer> optimizer, const Options& options);
  const char* class_name() const override { return "CosineAnnealingLR"; }

 protected:
  double get_lr(std::size_t group) const override;
  double closed_form_lr(std::size_t group) const override;
};

/// Follows half a cosine down to `eta_min` in `T_0` epochs, jumps back to the first rate, and again in `T_mult` times as many.
class LEVIN_API CosineAnnealingWarmRestarts : public EpochScheduler {
 public:
  using Options = CosineAnnealingWarmRestartsOptions;
  /// ValueError, in torch's words, for options out of range.
  explicit CosineAnnealingWarmRestarts(std::shared_ptr<Optimizer> optimizer, const Options& options);
  const char* class_name() const override { return "CosineAnnealingWarmRestarts"; }
  void step() override;
  /// Goes to that epoch, which may be within one. ValueError, in torch's words, if it is below 0.
  void step(double epoch) override;

 protected:
  double get_lr(std::size_t group) const override;
  void write_front(Dict& out) const override;
  void read(const Dict& in) override;

 private:
  Options options_;
  std::int64_t T_i_;  // epochs between the last restart and the next
  double T_cur_;      // and since the last
};

/// `optim::cosine_annealing_lr(optimizer, {.T_max = 100})`
LEVIN_API std::shared_ptr<CosineAnnealingLR> cosine_annealing_lr(std::shared_ptr<Optimizer> optimizer,
                                                                 const CosineAnnealingLROptions& options);
LEVIN_API std::shared_ptr<CosineAnnealingWarmRestarts> cosine_annealing_warm_restarts(
    std::shared_ptr<Optimizer> optimizer, const CosineAnnealingWarmRestartsOptions& options);

}  // namespace levin::optim

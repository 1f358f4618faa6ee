#pragma once
#include <string>

#include "levin/framework/optim/lr_scheduler.h"

namespace levin::optim {

/// `torch.optim.lr_scheduler.ReduceLROnPlateau`'s arguments and defaults.
struct ReduceLROnPlateauOptions {
  std::string mode = "min";
  double factor = 0.1;
  std::int64_t patience = 10;
  double threshold = 1e-4;
  std::string threshold_mode = "rel";
  std::int64_t cooldown = 0;
  PerGroup min_lr = 0.0;
  double eps = 1e-8;
};
template <class V>
void fields(V&& f, ReduceLROnPlateauOptions& o) {
  f("mode", o.mode, "\"min\": the metric should fall; \"max\": it should rise");
  f("factor", o.factor, "factor of a drop, below 1");
  f("patience", o.patience, "epochs without improvement that are tolerated; the next one drops the rate");
  f("threshold", o.threshold, "what counts as an improvement");
  f("threshold_mode", o.threshold_mode, "\"rel\": the threshold is a part of the best value; \"abs\": a difference");
  f("cooldown", o.cooldown, "epochs after a drop that do not count");
  f("min_lr", o.min_lr, "the lowest rate: one number, or one per group");
  f("eps", o.eps, "a drop that is not larger is left out");
}

/// Drops the rate when a metric has stopped improving. A NaN is no improvement.
class LEVIN_API ReduceLROnPlateau : public LRScheduler {
 public:
  using Options = ReduceLROnPlateauOptions;
  /// ValueError, in torch's words, for options out of range.
  explicit ReduceLROnPlateau(std::shared_ptr<Optimizer> optimizer, Options options = {});
  ~ReduceLROnPlateau() override;

  const char* class_name() const override { return "ReduceLROnPlateau"; }
  /// TypeError: this scheduler needs a metric.
  void step() override;
  void step(double metric) override;
  bool wants_metric() const override { return true; }
  Value state_dict() const override;
  void load_state_dict(const Value& state) override;

 private:
  bool is_better(double metric) const;
  void reduce();

  Options options_;
  std::vector<double> min_lrs_;
  double best_;
  std::int64_t cooldown_counter_ = 0;
  std::int64_t num_bad_epochs_ = 0;
};

/// `optim::reduce_lr_on_plateau(optimizer, {.patience = 3})`
LEVIN_API std::shared_ptr<ReduceLROnPlateau> reduce_lr_on_plateau(std::shared_ptr<Optimizer> optimizer,
                                                                  ReduceLROnPlateauOptions options = {});

}  // namespace levin::optim

#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "levin/framework/base/fields.h"
#include "levin/framework/optim/lr_scheduler.h"

namespace levin::optim {

struct SWALROptions {
  PerGroup swa_lr = 0.05;
  std::int64_t anneal_epochs = 10;
  std::string anneal_strategy = "cos";
  /// Where to go on counting; StochasticWeightAveraging sets it.
  std::int64_t last_epoch = -1;
};
template <class V>
void fields(V&& f, SWALROptions& o) {
  f("swa_lr", o.swa_lr, "the rate to anneal to; one for all groups of parameters or one for each");
  f("anneal_epochs", o.anneal_epochs, "epochs until it is reached");
  f("anneal_strategy", o.anneal_strategy, "\"cos\" or \"linear\"");
  f("last_epoch", o.last_epoch, "where to go on counting");
}

/// torch.optim.swa_utils.SWALR: goes from whatever rate there is to `swa_lr` and stays there. ValueError in torch's words for an
/// unknown strategy or a number of epochs below 0.
class LEVIN_API SWALR final : public EpochScheduler {
 public:
  using Options = SWALROptions;
  SWALR(std::shared_ptr<Optimizer> optimizer, Options options);
  const char* class_name() const override { return "SWALR"; }

 protected:
  double get_lr(std::size_t group) const override;
  void write_front(Dict& out) const override;
  void read(const Dict& in) override;

 private:
  double anneal(double t) const;
  Options options_;
  std::int64_t before_first_ = -1;  ///< last_epoch minus the calls of step
};

LEVIN_API std::shared_ptr<SWALR> swa_lr(std::shared_ptr<Optimizer> optimizer, SWALROptions options);

}  // namespace levin::optim

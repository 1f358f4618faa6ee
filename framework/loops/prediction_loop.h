#pragma once
#include <cstdint>
#include <vector>

#include "levin/framework/loops/fetcher.h"
#include "levin/framework/loops/module_mode.h"
#include "levin/framework/loops/progress.h"
#include "levin/framework/loops/run.h"

namespace levin {

/// What predict returns: per loader, the output of each batch.
using Predictions = std::vector<std::vector<StepOutput>>;

/// `Trainer::predict`: all loaders one after the other. Logging is not possible here.
class LEVIN_API PredictionLoop {
 public:
  /// One pass; keeps the outputs unless `return_predictions` is false.
  Predictions run(Run& run, bool return_predictions);
  void teardown() { fetcher_.stop(); }
  Value state_dict() const;
  void load_state_dict(const Value& state);

  const std::vector<std::int64_t>& max_batches() const { return max_batches_; }
  const Loaders& loaders() const { return loaders_; }
  /// A new run begins: its loaders are asked for anew.
  void forget_loaders() {
    loaders_ = {};
    max_batches_.clear();
  }
  Progress batch_progress;

 private:
  void setup_data(Run& run);
  StepOutput predict_batch(Run& run, Fetcher::Item& item);

  Loaders loaders_;
  std::vector<std::int64_t> max_batches_;
  Fetcher fetcher_;
  ModuleMode mode_;
};

}  // namespace levin

#include "levin/framework/loops/prediction_loop.h"

#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <optional>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/launch/heartbeat.h"
#include "levin/framework/base/signal_flags.h"
#include "levin/framework/data/combined_loader.h"
#include "levin/framework/loops/share_out.h"

namespace levin {

Predictions PredictionLoop::run(Run& run, bool return_predictions) {
  const c10::AutoGradMode no_grad(false);
  std::optional<c10::InferenceMode> inference;
  if (run.options.inference_mode) inference.emplace(true);

  setup_data(run);
  if (std::all_of(max_batches_.begin(), max_batches_.end(), [](auto n) { return n == 0; })) return {};
  batch_progress.reset_on_run();
  fetcher_.start(loaders_, max_batches_);
  Predictions predictions(loaders_.size());

  mode_.capture(*run.module);
  run.strategy->before_evaluation();
  LEVIN_CALL_MODULE(run, on_predict_model_eval);
  LEVIN_CALL(run, on_predict_start);
  LEVIN_CALL(run, on_predict_epoch_start);
  bool stopped = false;
  Fetcher::Item item;
  while (fetcher_.next(run, "[_PredictionLoop].predict_next", item)) {
    const std::int64_t loader = item.dataloader_idx;
    const StepOutput output = predict_batch(run, item);
    if (return_predictions) predictions[static_cast<std::size_t>(loader)].push_back(output.cpu());
    if (signals::interrupted()) throw KeyboardInterrupt();
    stopped = run.strategy->stop_wanted();
    if (stopped) break;
  }
  if (run.strategy->reduce_boolean_decision(stopped, /*all=*/false)) throw SIGTERMException();
  LEVIN_CALL(run, on_predict_epoch_end);
  LEVIN_CALL(run, on_predict_end);
  mode_.restore(*run.module);
  return predictions;
}

StepOutput PredictionLoop::predict_batch(Run& run, Fetcher::Item& item) {
  const Batch batch = run.to_device(std::move(item.batch), item.dataloader_idx);
  batch_progress.increment_ready();
  run.metric_log.on_batch_start(batch, -1);
  LEVIN_CALL(run, on_predict_batch_start, batch, item.batch_idx);
  batch_progress.increment_started();
  StepOutput output;
  {
    const auto context = run.precision->forward_context();
    output = LEVIN_CALL_MODULE(run, predict_step, batch, item.batch_idx);
  }
  batch_progress.increment_processed();
  LEVIN_CALL(run, on_predict_batch_end, output, batch, item.batch_idx);
  run.metric_log.on_batch_end();
  batch_progress.increment_completed();
  heartbeat::beat();
  return output;
}

void PredictionLoop::setup_data(Run& run) {
  max_batches_.clear();
  if (is_zero(run.options.limit_predict_batches)) return;
  loaders_ = run.loaders.predict;
  if (loaders_.empty()) loaders_ = LEVIN_CALL_LOADER(run, predict_dataloader);
  if (loaders_.empty())
    throw MisconfigurationException("`predict_dataloader` must be implemented to be used with the Lightning Trainer");
  loaders_ = one_by_one(std::move(loaders_));
  for (const auto& loader : loaders_) {
    if (dynamic_cast<const CombinedLoader*>(loader.get()))
      throw ValueError("`trainer.predict()` only supports the `CombinedLoader(mode=\"sequential\")` mode.");
  }
  warn_of_shuffling(loaders_, "predict");
  share_out(loaders_, run);
  for (const auto& loader : loaders_)
    max_batches_.push_back(number_of_batches(*loader, run.options.limit_predict_batches, "predict"));
}

Value PredictionLoop::state_dict() const {
  return Dict{{"state_dict", Value::dict()}, {"batch_progress", batch_progress.state_dict()}};
}

void PredictionLoop::load_state_dict(const Value& state) { batch_progress.load_state_dict(state.at("batch_progress")); }

}  // namespace levin

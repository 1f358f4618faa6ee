#include "levin/framework/loops/step_graph.h"

#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/loops/step_graph_rules.h"
#include "levin/framework/optim/fused_optimizer.h"
#include "levin/framework/precision/grad_scaler.h"

namespace levin {

/// What `log()` was given, to be given again.
struct StepGraph::LogCall {
  Hook hook;
  std::string name, reduce_fx, metric_attribute;
  at::Tensor value;
  LogOptions options;
};

namespace {

constexpr int most_model_changes = 3;

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

// What is handed out must not change with the next replay.
StepOutput copy_of(const StepOutput& output) {
  if (output.is_tensor()) return output.tensor().clone();
  if (!output.is_dict()) return {};
  StepOutput::Dict out;
  for (const auto& [name, tensor] : output.dict()) out.emplace_back(name, tensor.defined() ? tensor.detach().clone() : tensor);
  return out;
}

// What `needs_host` has looked at.
optim::FusedOptimizer& fused_of(const Run& run) { return static_cast<optim::FusedOptimizer&>(*run.optimizers.front()); }

std::vector<at::Tensor> parameters_of(const Run& run) {
  std::vector<at::Tensor> out;
  for (const auto& group : run.optimizers.front()->param_groups()) out.insert(out.end(), group.params().begin(), group.params().end());
  return out;
}

}  // namespace

StepGraph::StepGraph(CudaGraphMode mode, std::unique_ptr<GraphRecorder> recorder) : mode_(mode), recorder_(std::move(recorder)) {}
StepGraph::~StepGraph() = default;

StepOutput StepGraph::run(Run& run, const Batch& batch, const Step& step, OptimizerProgress& progress) {
  if (!reason_.empty()) return step(batch);
  const Key batch_key = key_of(batch), model_key = key_of(run);
  // Moved, frozen, another momentum, a state that was loaded: recorded anew, but not for ever.
  if ((!model_key_.empty() && model_key != model_key_) || (recorded_ && fused_of(run).layout() != layout_)) {
    forget();
    if (++model_changes_ == most_model_changes) give_up("the model or its optimizer's options change again and again");
  }
  model_key_ = model_key;
  if (warmed_up_ == 0 && !recorded_ && reason_.empty()) {
    std::string reason = needs_host(run);
    if (reason.empty()) reason = needs_host(batch, run.strategy->root_device());
    if (!reason.empty()) give_up(reason);
  }
  if (!reason_.empty()) return step(batch);
  // One of another shape is an epoch's rest. Two in a row, before anything is recorded, are what batches look like.
  strange_batches_ = batch_key == batch_key_ ? 0 : strange_batches_ + 1;
  if (strange_batches_ > 0 && (recorded_ || (warmed_up_ > 0 && strange_batches_ == 1))) {
    if (!std::exchange(said_other_shape_, true))
      rank_zero_info("cuda_graph: a batch of another shape than the recorded step's is run as always; `drop_last` leaves an epoch's rest out.");
    return step(batch);
  }
  if (recorded_) {
    progress.step.increment_ready();
    for (const auto& count : {&Progress::increment_ready, &Progress::increment_started, &Progress::increment_completed})
      (progress.zero_grad.*count)();
    StepOutput output = replay(run, batch);
    progress.step.increment_completed();
    return output;
  }
  if (strange_batches_ > 0) warmed_up_ = strange_batches_ = 0;
  batch_key_ = batch_key;
  return warmed_up_ < warm_up_steps ? warm_up(run, batch, step) : record(run, batch, step, progress);
}

StepOutput StepGraph::warm_up(Run& run, const Batch& batch, const Step& step) {
  StepOutput output;
  StepWatch watch(run);
  recorder_->warm_up([&] { output = step(batch); });
  ++warmed_up_;
  if (const std::string reason = watch.found(); !reason.empty()) give_up(reason);
  else if (!output.loss().defined()) give_up("`training_step` returned no loss");
  return output;
}

StepOutput StepGraph::record(Run& run, const Batch& batch, const Step& step, OptimizerProgress& progress) {
  const OptimizerProgress before = progress;
  inputs_ = batch.map([](const at::Tensor& tensor) { return tensor.clone(); });
  fused_of(run).refresh_lr();  // or the recorded step would set the rates back each time
  layout_ = fused_of(run).layout();  // as before: a recorded step that makes another is of no use either
  MetricLog& log = run.metric_log;
  log.recorder = [&](std::string_view name, const at::Tensor* value, const LogOptions& options) {
    if (!value || value->device() != run.strategy->root_device())
      throw RuntimeError("`" + std::string(name) + "` is logged with a value of the host");
    logged_.push_back({log.hook(), std::string(name), std::string(options.reduce_fx), std::string(options.metric_attribute), value->detach(), options});
  };
  try {
    recorder_->record([&] { output_ = step(inputs_); });
    log.recorder = nullptr;
  } catch (const std::exception& error) {
    // Nothing of the step was done, so it is done now, and throws again whatever was its own.
    log.recorder = nullptr;
    if (GradScaler* scaler = run.precision->scaler()) scaler->abandon_step();
    const std::string reason = first_line(error.what());
    progress = before;
    forget();
    give_up(reason);
    return step(batch);
  }
  for (const at::Tensor& parameter : parameters_of(run)) gradients_.push_back(parameter.grad());
  recorded_ = true;
  if (!std::exchange(said_recorded_, true)) rank_zero_info("cuda_graph: training steps are recorded from here on.");
  return replay(run, batch);
}

StepOutput StepGraph::replay(Run& run, const Batch& batch) {
  std::vector<at::Tensor> places;
  inputs_.for_each([&](const at::Tensor& tensor) { places.push_back(tensor); });
  std::size_t next = 0;
  batch.for_each([&](const at::Tensor& tensor) { places[next++].copy_(tensor, /*non_blocking=*/true); });
  fused_of(run).refresh_lr();
  recorder_->replay();
  ++replays_;
  put_gradients_back(run);
  log_again(run);
  return copy_of(output_);
}

// A step that was run as always, or a validation, has left others or none.
void StepGraph::put_gradients_back(Run& run) {
  std::size_t next = 0;
  for (const auto& group : run.optimizers.front()->param_groups())
    for (const at::Tensor& parameter : group.params())
      if (const at::Tensor& gradient = gradients_[next++]; !parameter.grad().is_same(gradient)) parameter.mutable_grad() = gradient;
}

void StepGraph::log_again(Run& run) {
  for (const LogCall& call : logged_) {
    const MetricLog::HookScope scope(run.metric_log, call.hook);
    LogOptions options = call.options;
    options.reduce_fx = call.reduce_fx;
    options.metric_attribute = call.metric_attribute;
    run.metric_log.log(call.name, call.value, options);
  }
}

void StepGraph::give_up(const std::string& reason) {
  reason_ = reason;
  if (mode_ == CudaGraphMode::required)
    throw RuntimeError("`Trainer(cuda_graph=true)`: training steps can't be recorded: " + reason + ". `cuda_graph=\"auto\"` runs them as always then.");
  rank_zero_info("cuda_graph: training steps are not recorded but run as always: " + reason + ".");
}

void StepGraph::forget() {
  recorder_->reset();
  recorded_ = false;
  warmed_up_ = 0;
  inputs_ = {};
  output_ = {};
  gradients_.clear();
  logged_.clear();
}

}  // namespace levin

// The order of a run, from top to bottom (Lightning's `_run`).
#include "levin/framework/trainer/trainer.h"

#include <ATen/ops/from_blob.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/anomaly_mode.h>

#include <algorithm>
#include <filesystem>
#include <random>

#include "levin/framework/base/allocator.h"
#include "levin/framework/base/class_name.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/launch/heartbeat.h"
#include "levin/framework/base/launch/rank_handlers.h"
#include "levin/framework/base/python_format.h"
#include "levin/framework/metrics/metric.h"
#include "levin/framework/nn/channels_last.h"
#include "levin/framework/nn/sync_batch_norm.h"
#include "levin/framework/tensors/rng_state.h"
#include "levin/framework/trainer/trainer_impl.h"

namespace levin {

void order_callbacks(Callbacks& callbacks) {
  std::stable_partition(callbacks.begin(), callbacks.end(), [](const auto& c) { return !c->is_checkpoint(); });
  for (std::size_t i = 0; i < callbacks.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      if (callbacks[i] == callbacks[k] || callbacks[i]->state_key() != callbacks[k]->state_key()) continue;
      const Value state = callbacks[i]->state_dict();
      if (state.is_none() || (state.is_dict() && state.size() == 0)) continue;
      const std::string name = class_name(*callbacks[i]);
      throw RuntimeError("Found more than one stateful callback of type `" + name + "`. In the current configuration, this callback does not " +
                         "support being saved alongside other instances of the same type. Please consult the documentation of `" + name +
                         "` regarding valid settings for the callback state to be checkpointable. HINT: The `callback.state_key` must be " +
                         "unique among all callbacks in the Trainer.");
    }
  }
}

namespace {

// Not from torch's generators: a run's random numbers are its own.
std::string new_run_id() {
  std::random_device device;
  char text[17];
  std::snprintf(text, sizeof text, "%08x%08x", static_cast<unsigned>(device()), static_cast<unsigned>(device()));
  return text;
}

}  // namespace

Trainer::Trainer(TrainerOptions options) : options_(with_environment(std::move(options))), impl_(std::make_unique<Impl>(*this)) {
  default_root_dir_ = std::filesystem::absolute(options_.default_root_dir.value_or(".")).lexically_normal().string();
  // "/a/." normalises to "/a/".
  while (default_root_dir_.size() > 1 && default_root_dir_.back() == '/') default_root_dir_.pop_back();
  Run& run = impl_->run;
  install_rank_handlers();
  resolve_options(options_, default_root_dir_, run);
  impl_->given_max_epochs = options_.max_epochs;
  impl_->own_callbacks = run.callbacks;
}

Trainer::~Trainer() {
  if (impl_->run.module && impl_->run.module->link() == &impl_->link) impl_->run.module->attach(nullptr);
}

void Trainer::fit(LightningModule& module, FitArguments arguments) {
  if (arguments.datamodule && (!arguments.train.empty() || !arguments.val.empty())) {
    throw MisconfigurationException(
        "You cannot pass `train_dataloader` or `val_dataloaders` to `trainer.fit(datamodule=...)`");
  }
  Run& run = impl_->run;
  run.loaders = {std::move(arguments.train), std::move(arguments.val), {}, {}};
  const Impl::Request request{TrainerFn::fit, std::move(arguments.datamodule), std::move(arguments.ckpt_path), arguments.strict_ckpt};
  impl_->execute(module, request, [&] {
    impl_->sanity_check();
    const c10::AutoGradMode grad_mode(true);
    std::optional<torch::autograd::DetectAnomalyGuard> anomalies;
    if (run.options.detect_anomaly) anomalies.emplace();
    impl_->fit_loop.run(run);
  });
}

namespace {
void refuse_both(const EvaluateArguments& arguments, const char* fn) {
  if (arguments.datamodule && !arguments.dataloaders.empty()) {
    throw MisconfigurationException(std::string("You cannot pass both `trainer.") + fn + "(dataloaders=..., datamodule=...)`");
  }
}
}  // namespace

EvaluateResults Trainer::validate(LightningModule& module, EvaluateArguments arguments) {
  refuse_both(arguments, "validate");
  impl_->run.loaders = {{}, std::move(arguments.dataloaders), {}, {}};
  return impl_->evaluate(module, impl_->validate_loop,
                         {TrainerFn::validate, std::move(arguments.datamodule), std::move(arguments.ckpt_path), arguments.strict_ckpt},
                         arguments.verbose);
}

EvaluateResults Trainer::test(LightningModule& module, EvaluateArguments arguments) {
  refuse_both(arguments, "test");
  impl_->run.loaders = {{}, {}, std::move(arguments.dataloaders), {}};
  return impl_->evaluate(module, impl_->test_loop,
                         {TrainerFn::test, std::move(arguments.datamodule), std::move(arguments.ckpt_path), arguments.strict_ckpt},
                         arguments.verbose);
}

EvaluateResults Trainer::Impl::evaluate(LightningModule& module, EvaluationLoop& loop, const Request& request, bool verbose) {
  EvaluateResults results;
  execute(module, request, [&] {
    results = loop.run(run);
    if (verbose && run.strategy->is_global_zero()) print_results(results, stage_name(request.fn));
  });
  return results;
}

Predictions Trainer::predict(LightningModule& module, EvaluateArguments arguments) {
  refuse_both(arguments, "predict");
  impl_->run.loaders = {{}, {}, {}, std::move(arguments.dataloaders)};
  Predictions predictions;
  impl_->execute(module, {TrainerFn::predict, std::move(arguments.datamodule), std::move(arguments.ckpt_path), arguments.strict_ckpt},
                 [&] { predictions = impl_->predict_loop.run(impl_->run, arguments.return_predictions); });
  return predictions;
}

void Trainer::Impl::execute(LightningModule& module, const Request& request, const std::function<void()>& stage) {
  begin(module, request);
  const signals::HandlerScope signal_handlers;
  const heartbeat::Watched watched;
  const ThreadScope threads(run.options.num_threads);
  if (request.fn == TrainerFn::fit) keep_freed_memory();
  try {
    set_up(request);
    run.strategy->barrier("run-stage");
    module.zero_grad();
    stage();
    wind_down();
  } catch (...) {
    std::rethrow_exception(fail(std::current_exception()));
  }
  status = TrainerStatus::finished;
  run.stage = Stage::none;
  run.metric_log.activate(nullptr);
}

void Trainer::Impl::begin(LightningModule& module, const Request& request) {
  if (run.module && run.module != &module && run.module->link() == &link) run.module->attach(nullptr);
  run.module = &module;
  kept_datamodule = request.datamodule;
  run.datamodule = kept_datamodule.get();
  run.fn = request.fn;
  run.stage = request.fn == TrainerFn::fit        ? Stage::training
              : request.fn == TrainerFn::validate ? Stage::validating
              : request.fn == TrainerFn::test     ? Stage::testing
                                                  : Stage::predicting;
  status = TrainerStatus::running;
  fit_loop.forget_loaders();
  validate_loop.forget_loaders();
  test_loop.forget_loaders();
  predict_loop.forget_loaders();
}

// Limits that are not given: no limit of epochs when steps or time limit the run, else Lightning's 1000.
void Trainer::Impl::resolve_epoch_limit() {
  if (run.options.max_epochs) return;
  const bool timed = std::any_of(run.callbacks.begin(), run.callbacks.end(), [](const auto& c) { return c->is_timer(); });
  if (run.options.max_steps != -1 || timed) {
    run.options.max_epochs = -1;
  } else {
    rank_zero_warn("`max_epochs` was not set. Setting it to 1000 epochs. To train without an epoch limit, set `max_epochs=-1`.");
    run.options.max_epochs = 1000;
  }
}

// What a run needs of the module, before anything else of it happens.
void Trainer::Impl::check_module(TrainerFn fn) {
  const Overrides& overrides = run.module->overrides();
  const auto missing = [](const char* method) {
    return MisconfigurationException(std::string("No `") + method + "()` method defined. Lightning `Trainer` expects as minimum a " +
                                     "`training_step()`, `train_dataloader()` and `configure_optimizers()` to be defined.");
  };
  if (fn == TrainerFn::validate && !overrides.validation_step)
    throw MisconfigurationException("No `validation_step()` method defined to run `Trainer.validate`.");
  if (fn == TrainerFn::test && !overrides.test_step) throw MisconfigurationException("No `test_step()` method defined to run `Trainer.test`.");
  if (fn != TrainerFn::fit) return;
  if (!overrides.training_step) throw missing("training_step");
  if (!overrides.configure_optimizers) throw missing("configure_optimizers");
  if (run.has_val_loaders() && !overrides.validation_step && !run.datamodule)
    rank_zero_warn("You passed in a `val_dataloader` but have no `validation_step`. Skipping val loop.");
  if (!run.has_val_loaders() && overrides.validation_step)
    rank_zero_warn("You defined a `validation_step` but have no `val_dataloader`. Skipping val loop.");
  if (run.module->automatic_optimization) return;
  if (run.options.gradient_clip_val.value_or(0) > 0) {
    throw MisconfigurationException("Automatic gradient clipping is not supported for manual optimization. Remove `Trainer(gradient_clip_val=" +
                                    python_repr(*run.options.gradient_clip_val) + ")` or switch to automatic optimization.");
  }
  if (run.options.accumulate_grad_batches != 1) {
    throw MisconfigurationException("Automatic gradient accumulation is not supported for manual optimization. Remove " +
                                    ("`Trainer(accumulate_grad_batches=" + std::to_string(run.options.accumulate_grad_batches)) +
                                    ")` or switch to automatic optimization.");
  }
}

void Trainer::Impl::set_up(const Request& request) {
  run.module->attach(&link);
  run.accelerator->setup_device(run.strategy->root_device());
  run.strategy->setup_environment();
  connect_metric_log();
  ran = true;
  if (run_id.empty()) run_id = run.strategy->broadcast(new_run_id());
  const std::string selected = select_ckpt_path(request).value_or("");
  run.trainer.ckpt_path_ = selected;
  if (request.fn == TrainerFn::fit) resolve_epoch_limit();
  if (run.trainer.options_.barebones) {
    rank_zero_info("`Trainer(barebones=True)` started running. The progress bar is disabled so you might want to manually print the "
                   "progress in your model.");
  }
  attach_model_callbacks();
  check_module(request.fn);

  run.metric_log.activate(request.fn == TrainerFn::fit        ? &fit_loop.results
                          : request.fn == TrainerFn::validate ? &validate_loop.results
                          : request.fn == TrainerFn::test     ? &test_loop.results
                                                              : nullptr);
  if (run.profiler) {
    const bool several = run.strategy->world_size() > 1;
    run.profiler->setup(stage_name(request.fn), several ? std::optional(run.strategy->local_rank()) : std::nullopt, run.trainer.log_dir());
  }
  prepare_data();
  call_setup();
  LEVIN_CALL_MODULE(run, configure_model);
  run.precision->convert_module(*run.module);  // first, so that weights of 64 bits are not loaded into 32
  if (!selected.empty()) restore_weights_and_callbacks(selected);
  run.metric_log.reset_results();
  run.metric_log.reset_metrics();
  if (run.trainer.options_.sync_batchnorm) nn::check_sync_batchnorm(*run.module);
  if (run.trainer.options_.channels_last) to_channels_last(*run.module);
  run.strategy->setup(*run.module, request.fn == TrainerFn::fit);
  if (request.fn == TrainerFn::fit) {
    setup_optimizers();
    LEVIN_CALL(run, on_fit_start);
  }
  log_hyperparameters();
  if (!selected.empty()) restore_training_state();
}

void Trainer::Impl::wind_down() {
  internal_teardown();
  run.strategy->on_rank_zero([&] {
    run.strategy->checkpoint_io().teardown();
    return Value();
  });
  if (run.fn == TrainerFn::fit) LEVIN_CALL(run, on_fit_end);
  call_teardown();
}

// A few batches of validation, so that an error in it shows before an epoch of training is lost. It disturbs nothing: the random
// generators, metrics and counters are put back.
void Trainer::Impl::sanity_check() {
  EvaluationLoop& loop = fit_loop.val_loop;
  if (!run.enable_validation() || run.options.num_sanity_val_steps <= 0 || fit_loop.skips_sanity_check()) return;
  const RngState generators = RngState::capture();
  run.stage = Stage::sanity_checking;
  run.metric_log.activate(&loop.results);
  run.metric_log.reset_results();
  run.metric_log.reset_metrics();
  LEVIN_CALL_CALLBACKS(run, on_sanity_check_start);
  loop.run(run);
  LEVIN_CALL_CALLBACKS(run, on_sanity_check_end);
  run.metric_log.reset_results();
  run.metric_log.reset_metrics();
  loop.batch_progress = BatchProgress();
  run.stage = Stage::training;
  run.metric_log.activate(&fit_loop.results);
  generators.restore();
}

void Trainer::Impl::connect_metric_log() {
  run.metric_log.rank = run.strategy->global_rank();
  if (run.strategy->world_size() == 1) return;
  run.metric_log.across_ranks = [this](std::vector<double>& numbers, Reduction reduction) {
    constexpr const char* names[] = {"mean", "sum", "min", "max"};
    const at::Tensor own = at::from_blob(numbers.data(), {static_cast<std::int64_t>(numbers.size())}, at::kDouble);
    own.copy_(run.strategy->reduce(own, names[static_cast<std::size_t>(reduction)]));
  };
  for (const auto& [name, metric] : run.module->named_metrics())
    metric->dist_sync_fn = [strategy = run.strategy](const at::Tensor& tensor) { return strategy->all_gather(tensor).unbind(); };
}

// Once per machine: downloads, extraction.
void Trainer::Impl::prepare_data() {
  if (run.strategy->local_rank() == 0) {
    if (run.datamodule) run.datamodule->prepare_data();
    LEVIN_CALL_MODULE(run, prepare_data);
  }
  run.strategy->barrier("prepare_data");
}

void Trainer::Impl::call_setup() {
  const std::string_view stage = stage_name(run.fn);
  on_rank_zero(run, [&](Logger& logger) { logger.open(stage); });
  // Versions are counted on rank 0's disk.
  shared_log_dir.clear();
  if (run.strategy->world_size() > 1) shared_log_dir = run.strategy->on_rank_zero([&] { return Value(run.trainer.log_dir()); }).as_string();
  run.strategy->barrier("pre_setup");
  if (run.datamodule) run.call_datamodule(Hook::setup, [&](LightningDataModule& data) { data.setup(stage); });
  LEVIN_CALL(run, setup, stage);
  run.strategy->barrier("post_setup");
}

void Trainer::Impl::call_teardown() {
  const std::string_view stage = stage_name(run.fn);
  if (run.datamodule) run.call_datamodule(Hook::teardown, [&](LightningDataModule& data) { data.teardown(stage); });
  LEVIN_CALL(run, teardown, stage);
  on_rank_zero(run, [](Logger& logger) { logger.finalize("success"); });
  if (run.profiler) run.profiler->describe();
}

void Trainer::Impl::internal_teardown() {
  if (run.module) run.strategy->teardown(*run.module);
  if (!run.strategy->root_device().is_cpu()) {
    // A state that is loaded goes where its parameters are by now.
    for (const auto& optimizer : run.optimizers) optimizer->load_state_dict(optimizer->state_dict());
  }
  fit_loop.optimization.forget_recorded();
  run.accelerator->teardown();
  fit_loop.teardown();
  validate_loop.teardown();
  test_loop.teardown();
  predict_loop.teardown();
}

void Trainer::Impl::attach_model_callbacks() {
  run.callbacks = own_callbacks;
  const Callbacks of_model = LEVIN_CALL_MODULE(run, configure_callbacks);
  for (const auto& callback : of_model) {
    // The model's callback replaces the Trainer's of the same class.
    std::erase_if(run.callbacks, [&](const auto& c) { return typeid(*c) == typeid(*callback); });
  }
  run.callbacks.insert(run.callbacks.end(), of_model.begin(), of_model.end());
  order_callbacks(run.callbacks);
}

void Trainer::Impl::log_hyperparameters() {
  if (!run.trainer.options_.enable_autolog_hparams) return;
  const bool of_the_module = run.module->log_hyperparameters(), of_the_data = run.datamodule && run.datamodule->log_hyperparameters();
  Value params = of_the_module ? run.module->hparams_initial().clone() : Value::dict();
  if (of_the_data) {
    std::string different;
    for (const auto& [key, value] : run.datamodule->hparams_initial().as_dict()) {
      const Value* of_module = params.find(key.as_string());
      if (of_module && !(*of_module == value) && key.as_string() != "_class_path") different += (different.empty() ? "" : ", ") + key.repr();
      params.as_dict().set(key, value.clone());
    }
    if (!different.empty()) {
      throw RuntimeError("Error while merging hparams: the keys [" + different + "] are present in both the LightningModule's and " +
                         "LightningDataModule's hparams but have different values.");
    }
  }
  params.as_dict().erase("_class_path");
  on_rank_zero(run, [&](Logger& logger) {
    if (of_the_module || of_the_data) logger.log_hyperparams(params);
    logger.log_graph(*run.module);
    logger.save();
  });
}

}  // namespace levin

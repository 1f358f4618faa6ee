// The Trainer's options checked, in Lightning's order and words, and turned into what the loops use.
#include <ATen/Context.h>

#include <cmath>

#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/python_format.h"
#include "levin/framework/trainer/trainer_impl.h"

namespace levin {
namespace {

std::string text(std::int64_t n) { return std::to_string(n); }

std::string text(const BatchLimit& limit) {
  if (const auto* n = std::get_if<std::int64_t>(&limit)) return text(*n);
  return python_repr(std::get<double>(limit));
}

// Everything that raw speed excludes; Lightning's sentence for each.
void check_barebones(const TrainerOptions& o) {
  if (!o.barebones) return;
  const auto refuse = [](const std::string& option, const char* why) {
    throw ValueError("`Trainer(barebones=True, " + option + ")` was passed. " + why);
  };
  if (o.enable_checkpointing.value_or(false)) refuse("enable_checkpointing=True", "Checkpointing can impact raw speed so it is disabled in barebones mode.");
  const auto* logger_flag = std::get_if<bool>(&o.logger);
  if ((logger_flag && *logger_flag) || o.logger.index() >= 2)
    refuse("logger=True", "Logging can impact raw speed so it is disabled in barebones mode.");
  if (o.enable_progress_bar.value_or(false)) refuse("enable_progress_bar=True", "The progress bar can impact raw speed so it is disabled in barebones mode.");
  if (o.log_every_n_steps.value_or(0) != 0)
    refuse("log_every_n_steps=" + text(*o.log_every_n_steps), "Logging can impact raw speed so it is disabled in barebones mode.");
  if (o.enable_model_summary.value_or(false)) refuse("enable_model_summary=True", "Model summary can impact raw speed so it is disabled in barebones mode.");
  if (o.num_sanity_val_steps.value_or(0) != 0)
    refuse("num_sanity_val_steps=" + text(*o.num_sanity_val_steps), "Sanity checking can impact raw speed so it is disabled in barebones mode.");
  const bool dev_run = std::visit([](auto v) { return v != 0; }, o.fast_dev_run);
  if (dev_run) refuse("fast_dev_run=True", "Development run is not meant for raw speed evaluation so it is disabled in barebones mode.");
  if (o.detect_anomaly) refuse("detect_anomaly=True", "Anomaly detection can impact raw speed so it is disabled in barebones mode.");
  if (o.profiler) refuse("profiler='" + *o.profiler + "'", "Profiling can impact raw speed so it is disabled in barebones mode.");
}

void check_device(const TrainerOptions& o) {
  if (o.accelerator != "auto" && o.accelerator != "cpu") {
    if (o.accelerator == "gpu") throw MisconfigurationException("No supported gpu backend found!");
    if (o.accelerator == "cuda") {
      throw MisconfigurationException(
          "`CUDAAccelerator` can not run on your system since the accelerator is not available. The following accelerator(s) is available "
          "and can be passed into `accelerator` argument of `Trainer`: ['cpu'].");
    }
    throw ValueError("You selected an invalid accelerator name: `accelerator='" + o.accelerator + "'`. Available names are: auto, cpu, cuda.");
  }
  if (o.strategy != "auto" && o.strategy != "single_device") {
    throw ValueError("You selected an invalid strategy name: `strategy='" + o.strategy +
                     "'`. It must be either a string or an instance of `Strategy`. Available names are: auto, single_device");
  }
  const auto invalid_devices = [](const std::string& given) {
    return MisconfigurationException("`Trainer(devices=" + given + ")` value is not a valid input using cpu accelerator.");
  };
  const auto cpu_count = [] { return TypeError("`devices` selected with `CPUAccelerator` should be an int > 0."); };
  std::int64_t count = 1;
  if (const auto* n = std::get_if<std::int64_t>(&o.devices)) {
    count = *n;
    if (count == 0) throw invalid_devices("0");
  } else if (const auto* name = std::get_if<std::string>(&o.devices)) {
    if (*name == "0") throw invalid_devices("'0'");
    if (*name != "auto") {
      const bool digits = !name->empty() && name->size() < 6 && name->find_first_not_of("0123456789") == name->npos;
      if (!digits) throw cpu_count();
      count = std::stoll(*name);
    }
  } else {
    if (std::get<std::vector<std::int64_t>>(o.devices).empty()) throw invalid_devices("[]");
    throw cpu_count();
  }
  if (count < 0) throw cpu_count();
  if (o.num_nodes < 1) throw ValueError("`num_nodes` must be a positive integer, but got " + text(o.num_nodes) + ".");
  if (count > 1 || o.num_nodes > 1) {
    throw ValueError("`Trainer(devices=" + text(count) + ", num_nodes=" + text(o.num_nodes) +
                     ")`: this version trains in one process on one device; use `devices=1`, `num_nodes=1`.");
  }
  if (o.sync_batchnorm) throw ValueError("`Trainer(sync_batchnorm=True)` needs several processes; this version trains in one.");
}

void check_precision(const TrainerOptions& o) {
  if (!o.precision) return;
  const std::string given = std::visit([](const auto& v) {
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(v)>, std::string>) return v;
    else return std::to_string(v);
  }, *o.precision);
  if (given == "32" || given == "32-true") return;
  throw ValueError("Precision '" + given + "' is invalid. Allowed precision values: ('32-true', 32)");
}

BatchLimit resolve_limit(const std::optional<BatchLimit>& given, const char* name, std::int64_t fast_dev_run) {
  if (!given) return 1.0;
  if (const auto* n = std::get_if<std::int64_t>(&*given)) {
    if (*n >= 0) return *n;
  } else {
    const double fraction = std::get<double>(*given);
    if (fraction >= 0.0 && fraction <= 1.0) return fraction;
    if (fraction > 1.0 && fraction == std::floor(fraction) && fraction < 1e15) return static_cast<std::int64_t>(fraction);
  }
  (void)fast_dev_run;
  throw MisconfigurationException("You have passed invalid value " + text(*given) + " for " + name + ", it has to be in [0.0, 1.0] or an int.");
}

}  // namespace

void resolve_options(const TrainerOptions& o, Run& run) {
  LoopOptions& loop = run.options;
  check_barebones(o);
  check_device(o);
  check_precision(o);
  run.strategy = std::make_shared<Strategy>(at::kCPU, o.plugins.empty() ? nullptr : o.plugins.front());
  if (o.plugins.size() > 1) throw MisconfigurationException("Received multiple values for CheckpointIO in `plugins`. Expected one value for each type at most.");
  run.precision = std::make_shared<Precision>();

  if (o.max_epochs.value_or(0) < -1)
    throw MisconfigurationException("`max_epochs` must be a non-negative integer or -1. You passed in " + text(*o.max_epochs) + ".");
  if (o.max_steps < -1) {
    throw MisconfigurationException("`max_steps` must be a non-negative integer or -1 (infinite steps). You passed in " + text(o.max_steps) + ".");
  }
  loop.max_epochs = o.max_epochs;
  loop.min_epochs = o.min_epochs.value_or(o.min_steps ? 1 : 0);
  loop.max_steps = o.max_steps;
  loop.min_steps = o.min_steps;
  loop.accumulate_grad_batches = o.accumulate_grad_batches;
  if (o.max_time) throw NotImplementedError("`Trainer(max_time=...)` is not supported by this version; use `max_epochs` or `max_steps`");

  loop.check_val_every_n_epoch = o.check_val_every_n_epoch;
  loop.val_check_interval = o.val_check_interval.value_or(1.0);
  if (!o.check_val_every_n_epoch && o.val_check_interval && std::holds_alternative<double>(*o.val_check_interval)) {
    throw MisconfigurationException(
        "`val_check_interval` should be an integer or a time-based duration (str 'DD:HH:MM:SS', datetime.timedelta, or dict kwargs for "
        "timedelta) when `check_val_every_n_epoch=None`.");
  }
  if (o.reload_dataloaders_every_n_epochs < 0) {
    throw MisconfigurationException("`reload_dataloaders_every_n_epochs` should be an int >= 0, got " + text(o.reload_dataloaders_every_n_epochs) + ".");
  }
  loop.reload_dataloaders_every_n_epochs = o.reload_dataloaders_every_n_epochs;

  loop.gradient_clip_val = o.gradient_clip_val;
  loop.gradient_clip_algorithm = o.gradient_clip_algorithm;
  if (o.gradient_clip_algorithm && *o.gradient_clip_algorithm != "norm" && *o.gradient_clip_algorithm != "value") {
    throw MisconfigurationException("`gradient_clip_algorithm` " + *o.gradient_clip_algorithm + " is invalid. Allowed algorithms: ['value', 'norm'].");
  }
  loop.detect_anomaly = o.detect_anomaly;
  loop.inference_mode = o.inference_mode;
  if (o.profiler) throw NotImplementedError("`Trainer(profiler='" + *o.profiler + "')` is not supported by this version");
  run.metric_log.barebones = o.barebones;

  loop.fast_dev_run = std::visit([](auto v) { return static_cast<std::int64_t>(v); }, o.fast_dev_run);
  if (loop.fast_dev_run < 0) {
    throw MisconfigurationException("fast_dev_run=" + text(loop.fast_dev_run) + " is not a valid configuration. It should be >= 0.");
  }
  loop.log_every_n_steps = o.log_every_n_steps.value_or(o.barebones ? 0 : 50);
  loop.num_sanity_val_steps = o.num_sanity_val_steps.value_or(o.barebones ? 0 : 2);
  if (loop.num_sanity_val_steps == -1) loop.num_sanity_val_steps = unlimited;

  loop.limit_train_batches = resolve_limit(o.limit_train_batches, "limit_train_batches", loop.fast_dev_run);
  loop.limit_val_batches = resolve_limit(o.limit_val_batches, "limit_val_batches", loop.fast_dev_run);
  loop.limit_test_batches = resolve_limit(o.limit_test_batches, "limit_test_batches", loop.fast_dev_run);
  loop.limit_predict_batches = resolve_limit(o.limit_predict_batches, "limit_predict_batches", loop.fast_dev_run);
  loop.overfit_batches = resolve_limit(o.overfit_batches, "overfit_batches", loop.fast_dev_run);
  if (const auto* fraction = std::get_if<double>(&loop.val_check_interval); fraction && (*fraction < 0.0 || *fraction > 1.0))
    loop.val_check_interval = std::get<std::int64_t>(resolve_limit(BatchLimit(*fraction), "val_check_interval", 0));
  if (!is_zero(loop.overfit_batches)) loop.limit_train_batches = loop.limit_val_batches = loop.overfit_batches;

  if (const std::int64_t n = loop.fast_dev_run; n > 0) {
    if (is_zero(loop.overfit_batches)) loop.limit_train_batches = loop.limit_val_batches = n;
    loop.limit_test_batches = loop.limit_predict_batches = n;
    loop.max_steps = n;
    loop.num_sanity_val_steps = 0;
    loop.max_epochs = 1;
    loop.val_check_interval = 1.0;
    loop.check_val_every_n_epoch = 1;
    rank_zero_info("Running in `fast_dev_run` mode: will run the requested loop using " + text(n) +
                   " batch(es). Logging and checkpointing is suppressed.");
  }
  if (o.deterministic.index() != 0) {
    const auto* flag = std::get_if<bool>(&o.deterministic);
    const auto* warn = std::get_if<std::string>(&o.deterministic);
    if (warn && *warn != "warn") throw ValueError("`deterministic` must be true, false or \"warn\", got '" + *warn + "'");
    at::globalContext().setDeterministicAlgorithms(flag ? *flag : true, /*warn_only=*/warn != nullptr);
  }
}

}  // namespace levin

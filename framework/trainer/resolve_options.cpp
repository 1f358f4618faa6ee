// The Trainer's options checked, in Lightning's order and words, and turned into what the loops use.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include "levin/framework/base/class_name.h"
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
  const auto refuse = [](bool given, const std::string& option, const char* what) {
    if (!given) return;
    throw ValueError("`Trainer(barebones=True, " + option + ")` was passed. " + what + " raw speed so it is disabled in barebones mode.");
  };
  refuse(o.enable_checkpointing.value_or(false), "enable_checkpointing=True", "Checkpointing can impact");
  const auto* logger_flag = std::get_if<bool>(&o.logger);
  refuse(logger_flag ? *logger_flag : o.logger.index() >= 2, "logger=True", "Logging can impact");
  refuse(o.enable_progress_bar.value_or(false), "enable_progress_bar=True", "The progress bar can impact");
  refuse(o.log_every_n_steps.value_or(0) != 0, "log_every_n_steps=" + text(o.log_every_n_steps.value_or(0)), "Logging can impact");
  refuse(o.enable_model_summary.value_or(false), "enable_model_summary=True", "Model summary can impact");
  refuse(o.num_sanity_val_steps.value_or(0) != 0, "num_sanity_val_steps=" + text(o.num_sanity_val_steps.value_or(0)), "Sanity checking can impact");
  const auto* batches = std::get_if<std::int64_t>(&o.fast_dev_run);
  refuse(std::visit([](auto v) { return v != 0; }, o.fast_dev_run), "fast_dev_run=" + (batches ? text(*batches) : "True"),
         "Development run is not meant for");
  refuse(o.detect_anomaly, "detect_anomaly=True", "Anomaly detection can impact");
  if (const auto* name = std::get_if<std::string>(&o.profiler)) refuse(true, "profiler='" + *name + "'", "Profiling can impact");
  if (const auto* profiler = std::get_if<std::shared_ptr<Profiler>>(&o.profiler))
    refuse(*profiler != nullptr, "profiler=" + (*profiler ? class_name(**profiler) : ""), "Profiling can impact");
  rank_zero_info(
      "You are running in `Trainer(barebones=True)` mode. All features that may impact raw speed have been disabled to facilitate analyzing "
      "the Trainer overhead. Specifically, the following features are deactivated:\n - Checkpointing: `Trainer(enable_checkpointing=True)`\n"
      " - Progress bar: `Trainer(enable_progress_bar=True)`\n - Model summary: `Trainer(enable_model_summary=True)`\n - Logging: "
      "`Trainer(logger=True)`, `Trainer(log_every_n_steps>0)`, `LightningModule.log(...)`, `LightningModule.log_dict(...)`\n - Sanity "
      "checking: `Trainer(num_sanity_val_steps>0)`\n - Development run: `Trainer(fast_dev_run=True)`\n - Anomaly detection: "
      "`Trainer(detect_anomaly=True)`\n - Profiling: `Trainer(profiler=...)`");
}

BatchLimit resolve_limit(const std::optional<BatchLimit>& given, std::string_view name) {
  if (!given) return 1.0;
  const bool counts = std::holds_alternative<std::int64_t>(*given);
  const double number = std::visit([](auto v) { return static_cast<double>(v); }, *given);
  if (number == 1.0) {
    const bool train = name == "limit_train_batches", validation = name == "val_check_interval";
    const char* one = train ? "1 batch per epoch will be used." : validation ? "validation will run after every batch." : "1 batch will be used.";
    const char* all = train ? "100% of the batches per epoch will be used.." : validation ? "validation will run at the end of the training epoch.."
                                                                                          : "100% of the batches will be used..";
    rank_zero_info("`Trainer(" + std::string(name) + "=" + text(*given) + ")` was configured so " + (counts ? one : all));
  }
  if (number >= 0.0 && number <= 1.0) return *given;
  if (number > 1.0 && number == std::floor(number) && number < 1e15) return static_cast<std::int64_t>(number);
  throw MisconfigurationException("You have passed invalid value " + text(*given) + " for " + std::string(name) + ", it has to be in [0.0, 1.0] or an int.");
}

// "DD:HH:MM:SS" with any number of digits, as Python's `int` reads them.
Seconds read_interval(const std::string& given) {
  std::vector<std::string> parts{""};
  for (const char c : given) {
    if (c == ':') parts.emplace_back();
    else parts.back() += c;
  }
  const std::string quoted = python_repr(std::string_view(given));
  if (parts.size() != 4) throw MisconfigurationException("Invalid time format for `val_check_interval`: " + quoted + ". Expected 'DD:HH:MM:SS'.");
  std::int64_t total = 0;
  constexpr std::int64_t factors[] = {24, 60, 60, 1};
  for (std::size_t i = 0; i < 4; ++i) {
    std::int64_t n = 0;
    const auto [end, error] = std::from_chars(parts[i].data(), parts[i].data() + parts[i].size(), n);
    if (error != std::errc() || end != parts[i].data() + parts[i].size() || parts[i].empty())
      throw MisconfigurationException("Non-integer component in `val_check_interval` string: " + quoted + ". Use 'DD:HH:MM:SS'.");
    total = (total + n) * factors[i];
  }
  return Seconds(static_cast<double>(total));
}

ValCheckInterval resolve_interval(const std::optional<ValCheckOption>& given) {
  if (!given) return 1.0;
  if (const auto* time = std::get_if<Seconds>(&*given)) return *time;
  if (const auto* time = std::get_if<std::string>(&*given)) return read_interval(*time);
  const auto* count = std::get_if<std::int64_t>(&*given);
  const BatchLimit limit = resolve_limit(count ? BatchLimit(*count) : BatchLimit(std::get<double>(*given)), "val_check_interval");
  return std::visit([](auto n) { return ValCheckInterval(n); }, limit);
}

void check_limits(const TrainerOptions& o, LoopOptions& loop) {
  if (o.max_epochs.value_or(0) < -1)
    throw MisconfigurationException("`max_epochs` must be a non-negative integer or -1. You passed in " + text(*o.max_epochs) + ".");
  if (o.max_steps < -1)
    throw MisconfigurationException("`max_steps` must be a non-negative integer or -1 (infinite steps). You passed in " + text(o.max_steps) + ".");
  loop.max_epochs = o.max_epochs;
  loop.min_epochs = o.min_epochs.value_or(o.min_steps ? 1 : 0);
  loop.max_steps = o.max_steps;
  loop.min_steps = o.min_steps;
  loop.accumulate_grad_batches = o.accumulate_grad_batches;
  if (o.num_threads && (*o.num_threads < 1 || *o.num_threads > 4096))
    throw ValueError("`Trainer(num_threads=" + text(*o.num_threads) + ")` must be from 1 to 4096, or unset for as many as fit the model.");
  loop.num_threads = o.num_threads;
}

void check_data_options(const TrainerOptions& o, LoopOptions& loop) {
  if (!o.check_val_every_n_epoch && o.val_check_interval && std::holds_alternative<double>(*o.val_check_interval)) {
    throw MisconfigurationException(
        "`val_check_interval` should be an integer or a time-based duration (str 'DD:HH:MM:SS', datetime.timedelta, or dict kwargs for "
        "timedelta) when `check_val_every_n_epoch=None`.");
  }
  loop.check_val_every_n_epoch = o.check_val_every_n_epoch;
  if (o.reload_dataloaders_every_n_epochs < 0) {
    throw MisconfigurationException("`reload_dataloaders_every_n_epochs` should be an int >= 0, got " + text(o.reload_dataloaders_every_n_epochs) + ".");
  }
  loop.reload_dataloaders_every_n_epochs = o.reload_dataloaders_every_n_epochs;
  loop.use_distributed_sampler = o.use_distributed_sampler;
}

void check_gradient_options(const TrainerOptions& o, LoopOptions& loop) {
  loop.gradient_clip_val = o.gradient_clip_val;
  loop.gradient_clip_algorithm = o.gradient_clip_algorithm;
  if (loop.gradient_clip_algorithm)
    for (char& c : *loop.gradient_clip_algorithm) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (loop.gradient_clip_algorithm.value_or("norm") != "norm" && *loop.gradient_clip_algorithm != "value") {
    throw MisconfigurationException("`gradient_clip_algorithm` " + *o.gradient_clip_algorithm + " is invalid. Allowed algorithms: ['value', 'norm'].");
  }
  if (o.detect_anomaly) {
    rank_zero_info("You have turned on `Trainer(detect_anomaly=True)`. This will significantly slow down compute speed and is recommended only for "
                   "model debugging.");
  }
  loop.detect_anomaly = o.detect_anomaly;
  loop.inference_mode = o.inference_mode;
  loop.cuda_graph = cuda_graph_mode(o.cuda_graph);
}

std::vector<std::shared_ptr<Logger>> loggers_of(const TrainerOptions& o, const std::string& default_root_dir) {
  if (const auto* one = std::get_if<std::shared_ptr<Logger>>(&o.logger)) return {*one};
  if (const auto* several = std::get_if<std::vector<std::shared_ptr<Logger>>>(&o.logger)) return *several;
  const auto* flag = std::get_if<bool>(&o.logger);
  if (flag ? !*flag : o.barebones) return {};
  return default_loggers(default_root_dir);
}

void apply_fast_dev_run(LoopOptions& loop, Run& run) {
  const std::int64_t n = loop.fast_dev_run;
  if (is_zero(loop.overfit_batches)) loop.limit_train_batches = loop.limit_val_batches = n;
  loop.limit_test_batches = loop.limit_predict_batches = n;
  loop.max_steps = n;
  loop.num_sanity_val_steps = 0;
  loop.max_epochs = 1;
  loop.val_check_interval = 1.0;
  loop.check_val_every_n_epoch = 1;
  run.metric_log.loggers.clear();
  rank_zero_info("Running in `fast_dev_run` mode: will run the requested loop using " + text(n) +
                 " batch(es). Logging and checkpointing is suppressed.");
}

// Lightning's `_init_debugging_flags`, the last of all checks.
void check_batch_limits(const TrainerOptions& o, LoopOptions& loop, Run& run) {
  loop.fast_dev_run = std::visit([](auto v) { return static_cast<std::int64_t>(v); }, o.fast_dev_run);
  if (loop.fast_dev_run < 0)
    throw MisconfigurationException("fast_dev_run=" + text(loop.fast_dev_run) + " is not a valid configuration. It should be >= 0.");
  loop.overfit_batches = resolve_limit(o.overfit_batches, "overfit_batches");
  const bool overfit = !is_zero(loop.overfit_batches);
  if (loop.fast_dev_run > 0) {
    apply_fast_dev_run(loop, run);
  } else {
    if (!overfit) {
      loop.limit_train_batches = resolve_limit(o.limit_train_batches, "limit_train_batches");
      loop.limit_val_batches = resolve_limit(o.limit_val_batches, "limit_val_batches");
    }
    loop.limit_test_batches = resolve_limit(o.limit_test_batches, "limit_test_batches");
    loop.limit_predict_batches = resolve_limit(o.limit_predict_batches, "limit_predict_batches");
    loop.num_sanity_val_steps = o.num_sanity_val_steps.value_or(o.barebones ? 0 : 2);
    if (loop.num_sanity_val_steps == -1) loop.num_sanity_val_steps = unlimited;
    loop.val_check_interval = resolve_interval(o.val_check_interval);
  }
  if (overfit) loop.limit_train_batches = loop.limit_val_batches = loop.overfit_batches;
}

}  // namespace

void resolve_options(const TrainerOptions& o, const std::string& default_root_dir, Run& run) {
  LoopOptions& loop = run.options;
  check_barebones(o);
  run.metric_log.barebones = o.barebones;
  resolve_hardware(o, run);
  check_limits(o, loop);
  run.callbacks = default_callbacks(o);
  order_callbacks(run.callbacks);
  check_data_options(o, loop);
  check_gradient_options(o, loop);
  run.profiler = make_profiler(o.profiler);
  run.metric_log.loggers = loggers_of(o, default_root_dir);
  loop.log_every_n_steps = o.log_every_n_steps.value_or(o.barebones ? 0 : 50);
  check_batch_limits(o, loop, run);
}

}  // namespace levin

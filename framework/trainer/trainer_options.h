#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "levin/framework/accelerators/device_parser.h"
#include "levin/framework/callback.h"
#include "levin/framework/checkpoint/checkpoint_io.h"
#include "levin/framework/logger.h"
#include "levin/framework/loops/loop_options.h"
#include "levin/framework/profiler.h"

namespace levin {

class Precision;
class Strategy;

/// A name, or a strategy of your own: `levin::make<levin::DDPStrategy>({.find_unused_parameters = true})`.
using StrategyOption = std::variant<std::string, std::shared_ptr<Strategy>>;
/// Whether whole steps are recorded as CUDA graphs: false; "auto": where it can be done; true: it must be.
using CudaGraphOption = std::variant<bool, std::string>;
/// Unset or true: the default logger (CSVLogger); false: none; one; several.
using LoggerOption = std::variant<std::monostate, bool, std::shared_ptr<Logger>, std::vector<std::shared_ptr<Logger>>>;
using Callbacks = std::vector<std::shared_ptr<Callback>>;
/// One of a kind at most.
using Plugins = std::vector<std::variant<std::shared_ptr<CheckpointIO>, std::shared_ptr<Precision>>>;
/// Lightning's names, in full or short, the short ones as numbers too: `32`, "bf16-mixed".
struct PrecisionOption : std::variant<std::int64_t, std::string> {
  using variant::variant;
};
/// "simple", "advanced", "pytorch", or a profiler of your own.
using ProfilerOption = std::variant<std::monostate, std::string, std::shared_ptr<Profiler>>;
/// A duration such as `std::chrono::hours(12)`, or text "DD:HH:MM:SS".
using TimeLimit = std::variant<std::string, Seconds>;
/// Batches (int), a fraction of the epoch (float), or wall time: a duration or text "DD:HH:MM:SS".
using ValCheckOption = std::variant<std::int64_t, double, std::string, Seconds>;

/// Null, or a list without elements: plugins are objects.
template <>
struct Field<Plugins> {
  LEVIN_API static Plugins read(const Value& v);
  static Value write(const Plugins&) { return {}; }
  static std::string type() { return "null"; }
};
/// A name, or a class as for callbacks: `{"class_path": "DDPStrategy", "init_args": {...}}`.
template <>
struct Field<StrategyOption> {
  LEVIN_API static StrategyOption read(const Value& v);
  LEVIN_API static Value write(const StrategyOption& v);
  static std::string type() { return "str or strategy"; }
};
/// Which names there are is checked when the Trainer is made, in Lightning's order.
template <>
struct Field<PrecisionOption> {
  LEVIN_API static PrecisionOption read(const Value& v);
  LEVIN_API static Value write(const PrecisionOption& v);
  LEVIN_API static std::string type();
};
template <>
struct Field<ProfilerOption> {
  LEVIN_API static ProfilerOption read(const Value& v);
  LEVIN_API static Value write(const ProfilerOption& v);
  static std::string type() { return "str or null"; }
};

/// The Trainer's arguments, in Lightning's order with Lightning's names and defaults. Designators must follow this order.
/// An unset optional means Lightning's `None`; the effective default stands in the comment. An option that has its default gets
/// the environment's `PL_TRAINER_<NAME>` when that is set, such as `PL_TRAINER_MAX_EPOCHS=3` (callbacks and plugins don't).
struct TrainerOptions {
  std::string accelerator = "auto";                     ///< "auto", "cpu", "gpu", "cuda"
  StrategyOption strategy = "auto";                     ///< "auto", "single_device", "ddp", "ddp_find_unused_parameters_true", "ddp_zero1"
  /// GPUs of each machine: 2 or "2" the first two, {0, 3} or "0,3" just these, -1 all, "auto" all. On the CPU: processes on each machine;
  /// "auto": 1, or as many as the launcher has started.
  Devices devices = "auto";
  std::int64_t num_nodes = 1;                           ///< machines, at least 1
  std::optional<PrecisionOption> precision = std::nullopt;  ///< "32-true"; "16-mixed", "bf16-mixed", "16-true", "bf16-true", "64-true"
  LoggerOption logger = {};                             ///< true
  Callbacks callbacks = {};
  std::variant<bool, std::int64_t> fast_dev_run = false;  ///< n batches of everything, no logs, no checkpoints
  std::optional<std::int64_t> max_epochs = std::nullopt;  ///< 1000 when `max_steps` is not set either; -1: no limit
  std::optional<std::int64_t> min_epochs = std::nullopt;
  std::int64_t max_steps = -1;                          ///< optimizer steps; -1: no limit
  std::optional<std::int64_t> min_steps = std::nullopt;
  std::optional<TimeLimit> max_time = std::nullopt;  ///< adds a Timer that looks at the clock after every step
  std::optional<BatchLimit> limit_train_batches = std::nullopt;    ///< 1.0: all; an int counts batches, a float is a fraction
  std::optional<BatchLimit> limit_val_batches = std::nullopt;      ///< 1.0
  std::optional<BatchLimit> limit_test_batches = std::nullopt;     ///< 1.0
  std::optional<BatchLimit> limit_predict_batches = std::nullopt;  ///< 1.0
  BatchLimit overfit_batches = 0.0;
  std::optional<ValCheckOption> val_check_interval = std::nullopt;  ///< 1.0: at the epoch's end
  std::optional<std::int64_t> check_val_every_n_epoch = 1;  ///< none: batches are counted over all epochs
  std::optional<std::int64_t> num_sanity_val_steps = std::nullopt;  ///< 2; -1: all
  std::optional<std::int64_t> log_every_n_steps = std::nullopt;     ///< 50; 0: no step values
  std::optional<bool> enable_checkpointing = std::nullopt;          ///< true
  std::optional<bool> enable_progress_bar = std::nullopt;           ///< true
  std::optional<bool> enable_model_summary = std::nullopt;          ///< true
  std::int64_t accumulate_grad_batches = 1;
  std::optional<double> gradient_clip_val = std::nullopt;
  std::optional<std::string> gradient_clip_algorithm = std::nullopt;  ///< "norm"; "value"
  std::variant<std::monostate, bool, std::string> deterministic = {};  ///< true, false, "warn"
  std::optional<bool> benchmark = std::nullopt;
  bool inference_mode = true;
  bool use_distributed_sampler = true;
  ProfilerOption profiler = {};                         ///< none
  bool detect_anomaly = false;
  bool barebones = false;
  Plugins plugins = {};
  bool sync_batchnorm = false;
  std::int64_t reload_dataloaders_every_n_epochs = 0;
  std::optional<std::string> default_root_dir = std::nullopt;  ///< the working directory
  bool enable_autolog_hparams = true;
  // Not Lightning's.
  /// Threads of LibTorch's operators on the CPU during a run. Unset: one for a model so small that waking a second one costs more than
  /// it helps, else as many as LibTorch takes (`OMP_NUM_THREADS`, which when set always holds, or the cores).
  std::optional<std::int64_t> num_threads = std::nullopt;
  bool channels_last = false;                           ///< keep the weights of convolutions in the order that CPUs compute in (NHWC)
  /// Whole training steps as CUDA graphs. A recorded step runs no code of the module: only for steps that do the same every time. See docs/devices.md.
  CudaGraphOption cuda_graph = false;
};

template <class V>
void fields(V&& f, TrainerOptions& o) {
  f("accelerator", o.accelerator, "where to run: auto, cpu, gpu or cuda");
  f("strategy", o.strategy, "how processes share the work: auto, single_device, ddp, ddp_find_unused_parameters_true, ddp_zero1, or a class");
  f("devices", o.devices, "GPUs of each machine: a number, indices, or -1 for all; on the CPU processes; auto: all GPUs, or 1 process");
  f("num_nodes", o.num_nodes, "number of machines");
  f("precision", o.precision, "how numbers are represented; null: 32-true");
  f("logger", o.logger, "true: CSVLogger in lightning_logs; false: none; or loggers by class_path");
  f("callbacks", o.callbacks, "callbacks by class_path, in order");
  f("fast_dev_run", o.fast_dev_run, "run n batches of everything once, without logs and checkpoints; true is 1");
  f("max_epochs", o.max_epochs, "stop after this many epochs; null: 1000 unless max_steps is set; -1: no limit");
  f("min_epochs", o.min_epochs, "train at least this many epochs");
  f("max_steps", o.max_steps, "stop after this many optimizer steps; -1: no limit");
  f("min_steps", o.min_steps, "train at least this many optimizer steps");
  f("max_time", o.max_time, "stop after this much time, DD:HH:MM:SS");
  f("limit_train_batches", o.limit_train_batches, "batches per training epoch: an int counts, a float is a fraction");
  f("limit_val_batches", o.limit_val_batches, "batches per validation: an int counts, a float is a fraction");
  f("limit_test_batches", o.limit_test_batches, "batches per test: an int counts, a float is a fraction");
  f("limit_predict_batches", o.limit_predict_batches, "batches per prediction: an int counts, a float is a fraction");
  f("overfit_batches", o.overfit_batches, "train and validate on the same few batches, unshuffled");
  f("val_check_interval", o.val_check_interval, "validate every n batches (int), every fraction of an epoch (float), or by time");
  f("check_val_every_n_epoch", o.check_val_every_n_epoch, "validate every n-th epoch; null: count batches over all epochs");
  f("num_sanity_val_steps", o.num_sanity_val_steps, "validation batches before training begins; null: 2; -1: all");
  f("log_every_n_steps", o.log_every_n_steps, "step values go to the loggers every n steps; null: 50; 0: never");
  f("enable_checkpointing", o.enable_checkpointing, "add a ModelCheckpoint if there is none; null: true");
  f("enable_progress_bar", o.enable_progress_bar, "null: true");
  f("enable_model_summary", o.enable_model_summary, "print a table of the layers; null: true");
  f("accumulate_grad_batches", o.accumulate_grad_batches, "step the optimizer every n batches");
  f("gradient_clip_val", o.gradient_clip_val, "clip gradients to this; null or 0: don't");
  f("gradient_clip_algorithm", o.gradient_clip_algorithm, "norm (the default) or value");
  f("deterministic", o.deterministic, "only deterministic operators: true, false or warn");
  f("benchmark", o.benchmark, "cuDNN's benchmark mode");
  f("inference_mode", o.inference_mode, "validate, test and predict in inference mode rather than without gradients");
  f("use_distributed_sampler", o.use_distributed_sampler, "share samples out among ranks");
  f("profiler", o.profiler, "simple, advanced or pytorch");
  f("detect_anomaly", o.detect_anomaly, "autograd's anomaly detection");
  f("barebones", o.barebones, "no bar, summary, logger, checkpoints or sanity check");
  f("plugins", o.plugins, "a CheckpointIO or a Precision; in code only");
  f("sync_batchnorm", o.sync_batchnorm, "synchronise batch norm statistics over ranks");
  f("reload_dataloaders_every_n_epochs", o.reload_dataloaders_every_n_epochs, "ask for new loaders every n epochs; 0: never");
  f("default_root_dir", o.default_root_dir, "where logs and checkpoints go; null: the working directory");
  f("enable_autolog_hparams", o.enable_autolog_hparams, "send hyperparameters to the loggers");
  f("num_threads", o.num_threads, "threads of operators on the CPU; null: one for a tiny model, else LibTorch's choice");
  f("channels_last", o.channels_last, "keep the weights of convolutions channels last (NHWC)");
  f("cuda_graph", o.cuda_graph, "record whole training steps as CUDA graphs: false, auto (where it can be done) or true");
}

}  // namespace levin

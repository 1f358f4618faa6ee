// Names, defaults and order of our options against Lightning's, recorded by tests/conformance/record.py.
#include <algorithm>
#include <map>
#include <set>

#include "levin/callbacks/backbone_finetuning.h"
#include "levin/callbacks/base_prediction_writer.h"
#include "levin/callbacks/device_stats_monitor.h"
#include "levin/callbacks/early_stopping.h"
#include "levin/callbacks/ema_weight_averaging.h"
#include "levin/callbacks/gradient_accumulation_scheduler.h"
#include "levin/callbacks/lambda_callback.h"
#include "levin/callbacks/learning_rate_monitor.h"
#include "levin/callbacks/model_checkpoint.h"
#include "levin/callbacks/model_summary.h"
#include "levin/callbacks/rich_progress_bar.h"
#include "levin/callbacks/tqdm_progress_bar.h"
#include "levin/callbacks/progress_bar.h"
#include "levin/callbacks/stochastic_weight_averaging.h"
#include "levin/callbacks/throughput_monitor.h"
#include "levin/callbacks/timer.h"
#include "levin/callbacks/weight_averaging.h"
#include "levin/framework/base/json.h"
#include "levin/framework/cli/class_fields.h"
#include "levin/framework/profilers/advanced_profiler.h"
#include "levin/framework/profilers/pytorch_profiler.h"
#include "levin/framework/profilers/simple_profiler.h"
#include "levin/framework/trainer/trainer.h"
#include "levin/loggers/csv_logger.h"
#include "levin/loggers/tensorboard_logger.h"
#include "support/catch.h"

namespace {

/// One argument: its name, and its default where the struct says it.
struct Argument {
  std::string name;
  std::optional<levin::Value> default_value;
};
using Arguments = std::vector<Argument>;

template <class Options>
Arguments arguments_of() {
  Arguments out;
  for (const levin::FieldDescription& field : levin::describe_fields(Options{})) out.push_back({field.name, field.default_value});
  return out;
}

// Of structs without a `fields()` list, whose designators the compiler holds to the struct's order.
Arguments log_arguments() {
  const levin::LogOptions o{.prog_bar = {}, .logger = {}, .on_step = {}, .on_epoch = {}, .reduce_fx = {}, .enable_graph = {},
                            .sync_dist = {}, .add_dataloader_idx = {}, .batch_size = {}, .metric_attribute = {}, .rank_zero_only = {}};
  (void)o;
  const levin::LogOptions d;
  return {{"name", {}}, {"value", {}}, {"prog_bar", d.prog_bar}, {"logger", {}}, {"on_step", {}}, {"on_epoch", {}},
          {"reduce_fx", std::string(d.reduce_fx)}, {"enable_graph", d.enable_graph}, {"sync_dist", d.sync_dist},
          {"add_dataloader_idx", d.add_dataloader_idx}, {"batch_size", {}}, {"metric_attribute", {}}, {"rank_zero_only", d.rank_zero_only}};
}
Arguments fit_arguments() {
  const levin::FitArguments o{.train = {}, .val = {}, .datamodule = {}, .ckpt_path = {}, .strict_ckpt = {}};
  (void)o;
  return {{"model", {}}, {"train_dataloaders", {}}, {"val_dataloaders", {}}, {"datamodule", {}}, {"ckpt_path", {}}, {"strict_ckpt", {}}};
}
Arguments evaluate_arguments() {
  const levin::EvaluateArguments ordered{
      .dataloaders = {}, .datamodule = {}, .ckpt_path = {}, .verbose = {}, .return_predictions = {}, .strict_ckpt = {}};
  (void)ordered;
  const levin::EvaluateArguments o;
  return {{"model", {}}, {"dataloaders", {}}, {"datamodule", {}}, {"ckpt_path", {}}, {"verbose", o.verbose},
          {"return_predictions", {}}, {"strict_ckpt", {}}};
}

struct Subject {
  const char* name;
  Arguments ours;
  std::set<std::string> only_theirs, only_ours;
  /// Designated initialisers of one struct for three functions cannot follow each of their orders.
  bool same_order = true;
};

// What differs, and nothing else may. Each is in docs/differences.md with its reason.
std::vector<Subject> subjects() {
  return {
      {"Trainer", arguments_of<levin::TrainerOptions>(), {"model_registry"}, {"num_threads", "channels_last", "cuda_graph"}},
      {"ModelCheckpoint", arguments_of<levin::ModelCheckpointOptions>(), {}, {}},
      {"EarlyStopping", arguments_of<levin::EarlyStoppingOptions>(), {}, {}},
      {"GradientAccumulationScheduler", arguments_of<levin::GradientAccumulationSchedulerOptions>(), {}, {}},
      {"ModelSummary", arguments_of<levin::ModelSummaryOptions>(), {}, {}},
      {"TQDMProgressBar", arguments_of<levin::TQDMProgressBarOptions>(), {"process_position"}, {}},
      {"RichProgressBar", arguments_of<levin::RichProgressBarOptions>(), {"console_kwargs"}, {}},
      {"Timer", arguments_of<levin::TimerOptions>(), {}, {}},
      {"LearningRateMonitor", arguments_of<levin::LearningRateMonitorOptions>(), {}, {}},
      {"WeightAveraging", arguments_of<levin::WeightAveragingOptions>(), {}, {"avg_fn", "multi_avg_fn"}},
      {"EMAWeightAveraging", arguments_of<levin::EMAWeightAveragingOptions>(), {}, {}},
      {"StochasticWeightAveraging", arguments_of<levin::StochasticWeightAveragingOptions>(), {}, {}},
      {"BackboneFinetuning", arguments_of<levin::BackboneFinetuningOptions>(), {}, {}},
      {"DeviceStatsMonitor", arguments_of<levin::DeviceStatsMonitorOptions>(), {}, {}},
      {"ThroughputMonitor", arguments_of<levin::ThroughputMonitorOptions>(), {}, {"window_size", "separator", "available_flops", "flops_per_batch"}},
      {"LambdaCallback", arguments_of<levin::LambdaCallbackOptions>(), {}, {}},
      {"BasePredictionWriter", arguments_of<levin::BasePredictionWriterOptions>(), {}, {}},
      {"CSVLogger", arguments_of<levin::CSVLoggerOptions>(), {}, {}},
      // Lightning passes these two on to the SummaryWriter, as **kwargs.
      {"TensorBoardLogger", arguments_of<levin::TensorBoardLoggerOptions>(), {}, {"purge_step", "filename_suffix"}},
      {"SimpleProfiler", arguments_of<levin::SimpleProfilerOptions>(), {}, {}},
      {"AdvancedProfiler", arguments_of<levin::AdvancedProfilerOptions>(), {"dump_stats"}, {}},
      {"PyTorchProfiler", arguments_of<levin::PyTorchProfilerOptions>(), {"emit_nvtx", "table_kwargs"}, {}},
      {"log", log_arguments(), {"sync_dist_group"}, {}},
      {"fit", fit_arguments(), {"weights_only"}, {"strict_ckpt"}},
      {"validate", evaluate_arguments(), {"weights_only"}, {"return_predictions", "strict_ckpt"}, false},
      {"test", evaluate_arguments(), {"weights_only"}, {"return_predictions", "strict_ckpt"}, false},
      {"predict", evaluate_arguments(), {"weights_only"}, {"verbose", "strict_ckpt"}, false},
  };
}

// Defaults that are not spelt as in Python: an empty list or text for Lightning's None, functions, and required ones.
bool same_default(const levin::Value& theirs, const levin::Value& ours) {
  if (theirs.is_none() && (ours.is_list() || ours.is_dict())) return ours.size() == 0;
  if (theirs.contains("function")) return ours.is_none();  // ours is unset, and the header says what that does
  return theirs.repr() == ours.repr();
}

std::vector<std::string> names_of(const Arguments& arguments, const std::set<std::string>& without) {
  std::vector<std::string> out;
  for (const Argument& argument : arguments)
    if (!without.count(argument.name)) out.push_back(argument.name);
  return out;
}

}  // namespace

TEST_CASE("names, order and defaults of all arguments are Lightning's") {
  const levin::Value recorded = levin::read_json_file(LEVIN_SOURCE_DIR "/tests/conformance/golden/signatures.json");
  for (const Subject& subject : subjects()) {
    INFO(subject.name);
    Arguments theirs;
    std::map<std::string, levin::Value> defaults;
    for (const levin::Value& argument : recorded.at(subject.name).items()) {
      theirs.push_back({argument.at("name").as_string(), {}});
      if (!argument.at("required").as_bool()) defaults[theirs.back().name] = argument.at("default");
    }
    auto expected = names_of(theirs, subject.only_theirs), got = names_of(subject.ours, subject.only_ours);
    if (!subject.same_order) {
      std::sort(expected.begin(), expected.end());
      std::sort(got.begin(), got.end());
    }
    CHECK(got == expected);
    for (const Argument& argument : subject.ours) {
      if (!argument.default_value || !defaults.count(argument.name)) continue;
      INFO(argument.name << ": " << argument.default_value->repr() << ", Lightning " << defaults[argument.name].repr());
      CHECK(same_default(defaults[argument.name], *argument.default_value));
    }
    // A declared difference that is none any more must go.
    const auto has = [](const Arguments& all, const std::string& name) {
      return std::any_of(all.begin(), all.end(), [&](const Argument& a) { return a.name == name; });
    };
    for (const std::string& name : subject.only_theirs) CHECK((has(theirs, name) && !has(subject.ours, name)));
    for (const std::string& name : subject.only_ours) CHECK((has(subject.ours, name) && !has(theirs, name)));
  }
}

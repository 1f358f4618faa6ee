#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "levin/framework/base/fields.h"
#include "levin/loggers/file_logger.h"
#include "levin/loggers/summary_writer.h"

namespace levin {

struct TensorBoardLoggerOptions {
  /// The root folder of all experiments.
  std::string save_dir = ".";
  /// The experiment; "" puts versions right into `save_dir`.
  std::optional<std::string> name = "lightning_logs";
  LoggerVersion version = {};
  /// There is no tracing in C++: true is answered with a warning.
  bool log_graph = false;
  /// Hyperparameters without a metric get `hp_metric` = -1 beside them, without which the HPARAMS page does not show them.
  bool default_hp_metric = true;
  /// Put in front of the metrics' names, with "-" between.
  std::string prefix = "";
  /// A folder in the version's folder for the files.
  std::optional<std::string> sub_dir = std::nullopt;
  /// Hides what is in the folder from this step on: for a run that goes on from a checkpoint under the same version.
  std::optional<std::int64_t> purge_step = std::nullopt;
  /// Behind the event file's name.
  std::string filename_suffix = "";
};

template <class V>
void fields(V&& f, TensorBoardLoggerOptions& o) {
  f("save_dir", o.save_dir, "root folder of all experiments");
  f("name", o.name, "the experiment; empty: versions right in save_dir");
  f("version", o.version, "a number, a name, or null: one more than the highest there");
  f("log_graph", o.log_graph, "not possible here: true is answered with a warning");
  f("default_hp_metric", o.default_hp_metric, "log hp_metric = -1 with hyperparameters that come without a metric");
  f("prefix", o.prefix, "put in front of the metrics' names, with '-' between");
  f("sub_dir", o.sub_dir, "a folder in the version's folder for the files");
  f("purge_step", o.purge_step, "hide what is in the folder from this step on");
  f("filename_suffix", o.filename_suffix, "behind the event file's name");
}

/// Writes event files for TensorBoard and `hparams.yaml` into `<save_dir>/<name>/version_<n>[/<sub_dir>]`, as Lightning's
/// TensorBoardLogger does: the same tags, steps and values. `tensorboard --logdir <save_dir>` shows them.
class LEVIN_API TensorBoardLogger : public FileLogger {
 public:
  using Options = TensorBoardLoggerOptions;
  explicit TensorBoardLogger(Options options = {});
  ~TensorBoardLogger() override;

  /// With `$VARIABLE` and `~` expanded, as in Lightning here only.
  std::optional<std::string> log_dir() const override;
  std::optional<std::string> sub_dir() const { return options_.sub_dir; }

  /// For images, histograms and text. Made, with the run's file, when first asked, at the latest when a run begins; on ranks other
  /// than 0 a writer that does nothing.
  SummaryWriter& experiment();

  void log_hyperparams(const Value& params) override;
  /// With what they led to: a dict of metrics, or one number, which is then called "hp_metric". They are logged as scalars, too.
  void log_hyperparams(const Value& params, const Value& metrics, std::optional<std::int64_t> step = {});
  /// Writes `hparams.yaml` as well, unless there is one.
  void save() override;
  void finalize(std::string_view status) override;

 private:
  std::unique_ptr<LogSink> make_sink(const std::string& folder) override;

  Options options_;
  Value hparams_ = Value::dict();
  tensorboard::EventFile* file_ = nullptr;
  std::unique_ptr<SummaryWriter> experiment_;
};

}  // namespace levin

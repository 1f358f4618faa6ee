#pragma once
#include <memory>
#include <optional>
#include <string>

#include "levin/framework/base/fields.h"
#include "levin/loggers/file_logger.h"

namespace levin {

struct JSONLLoggerOptions {
  /// The root folder of all experiments.
  std::string save_dir = ".";
  /// The experiment; "" puts versions right into `save_dir`.
  std::optional<std::string> name = "lightning_logs";
  LoggerVersion version = {};
  /// Put in front of the metrics' names, with "-" between.
  std::string prefix = "";
};

template <class V>
void fields(V&& f, JSONLLoggerOptions& o) {
  f("save_dir", o.save_dir, "root folder of all experiments");
  f("name", o.name, "the experiment; empty: versions right in save_dir");
  f("version", o.version, "a number, a name, or null: one more than the highest there");
  f("prefix", o.prefix, "put in front of the metrics' names, with '-' between");
}

/// Everything that happens in a run as one JSON object a line, in `<save_dir>/<name>/version_<n>/events.jsonl`: to follow with
/// `tail -f` and to read with `jq` or pandas. Not in Lightning.
///
///     {"time": 1764100000.25, "event": "stage", "stage": "fit"}
///     {"time": 1764100000.26, "event": "hyperparameters", "values": {"lr": 0.1}}
///     {"time": 1764100000.31, "event": "metrics", "step": 0, "values": {"train_loss": 0.5, "epoch": 0}}
///     {"time": 1764100001.02, "event": "checkpoint", "path": "...", "best": "...", "last": ""}
///     {"time": 1764100001.02, "event": "end", "status": "success"}
///
/// `time` is in seconds since 1970. NaN and the infinities, which JSON lacks, are the strings "nan", "inf" and "-inf". A file
/// that is there already is gone on with.
class LEVIN_API JSONLLogger : public FileLogger {
 public:
  using Options = JSONLLoggerOptions;
  explicit JSONLLogger(const Options& options = {});

  void open(std::string_view stage) override;
  void log_hyperparams(const Value& params) override;
  void after_save_checkpoint(const Checkpoint& checkpoint) override;
  void finalize(std::string_view status) override;

 private:
  class Sink;
  std::unique_ptr<LogSink> make_sink(const std::string& folder) override;
  void event(std::string_view name, const Value& rest);
  Sink* sink_ = nullptr;
};

}  // namespace levin

#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "levin/framework/base/fields.h"
#include "levin/loggers/file_logger.h"

namespace levin {

struct CSVLoggerOptions {
  /// The root folder of all experiments.
  std::string save_dir = ".";
  /// The experiment; "" puts versions right into `save_dir`.
  std::optional<std::string> name = "lightning_logs";
  LoggerVersion version = {};
  /// Put in front of all names, with "-" between.
  std::string prefix = "";
  /// When n rows wait they are written within a tenth of a second; none waits for more than a second.
  std::int64_t flush_logs_every_n_steps = 100;
};

template <class V>
void fields(V&& f, CSVLoggerOptions& o) {
  f("save_dir", o.save_dir, "root folder of all experiments");
  f("name", o.name, "the experiment; empty: versions right in save_dir");
  f("version", o.version, "a number, a name, or null: one more than the highest there");
  f("prefix", o.prefix, "put in front of all names, with '-' between");
  f("flush_logs_every_n_steps", o.flush_logs_every_n_steps, "write when n rows wait, and after a second at the latest");
}

/// Writes `metrics.csv` and `hparams.yaml` into `<save_dir>/<name>/version_<n>`, as Lightning's CSVLogger does. A metrics.csv
/// that is there already is deleted with a warning.
class LEVIN_API CSVLogger : public FileLogger {
 public:
  using Options = CSVLoggerOptions;
  explicit CSVLogger(const Options& options = {});

  void log_hyperparams(const Value& params) override;

 private:
  std::unique_ptr<LogSink> make_sink(const std::string& folder) override;
  Value hparams_ = Value::dict();
};

}  // namespace levin

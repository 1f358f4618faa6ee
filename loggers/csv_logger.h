#pragma once
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "levin/framework/base/csv_metrics.h"
#include "levin/framework/base/fields.h"
#include "levin/framework/logger.h"

namespace levin {

struct CSVLoggerOptions {
  /// The root folder of all experiments.
  std::string save_dir = ".";
  /// The experiment; "" puts versions right into `save_dir`.
  std::optional<std::string> name = "lightning_logs";
  /// A number ("version_3"), a name used as it is, or unset: one more than the highest there.
  std::variant<std::monostate, std::int64_t, std::string> version = {};
  /// Put in front of all names, with "-" between.
  std::string prefix = "";
  /// Write to disk every n rows.
  std::int64_t flush_logs_every_n_steps = 100;
};

template <class V>
void fields(V&& f, CSVLoggerOptions& o) {
  f("save_dir", o.save_dir, "root folder of all experiments");
  f("name", o.name, "the experiment; empty: versions right in save_dir");
  f("version", o.version, "a number, a name, or null: one more than the highest there");
  f("prefix", o.prefix, "put in front of all names, with '-' between");
  f("flush_logs_every_n_steps", o.flush_logs_every_n_steps, "write to disk every n rows");
}

/// Writes `metrics.csv` and `hparams.yaml` into `<save_dir>/<name>/version_<n>`, as Lightning's CSVLogger does.
class LEVIN_API CSVLogger : public Logger {
 public:
  using Options = CSVLoggerOptions;
  explicit CSVLogger(Options options = {});
  ~CSVLogger() override;

  std::string name() const override { return options_.name.value_or(""); }
  std::string version() const override;
  std::optional<std::string> save_dir() const override { return options_.save_dir; }
  std::optional<std::string> log_dir() const override;
  void open() override;
  void log_metrics(std::span<const Metric> metrics, std::int64_t step) override;
  void log_hyperparams(const Value& params) override;
  void save() override;
  void finalize(std::string_view status) override;

 private:
  std::string root_dir() const;
  Options options_;
  mutable std::string version_;
  std::unique_ptr<CsvMetricsWriter> writer_;
  Value hparams_;
  std::int64_t rows_ = 0;
  std::vector<std::string> prefixed_;
};

}  // namespace levin

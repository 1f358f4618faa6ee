#include "levin/loggers/csv_logger.h"

#include <filesystem>

#include "levin/framework/base/console.h"
#include "levin/framework/base/csv_metrics.h"

namespace levin {
namespace fs = std::filesystem;
namespace {

class CsvSink final : public LogSink {
 public:
  explicit CsvSink(std::string path) : writer_(std::move(path)) {}
  void row(std::span<const Metric> metrics, std::int64_t step, double) override { writer_.add(metrics, step); }
  void flush() override { writer_.flush(); }

 private:
  CsvMetricsWriter writer_;
};

}  // namespace

CSVLogger::CSVLogger(const Options& options)
    : FileLogger(options.save_dir, options.name, options.version, options.prefix, options.flush_logs_every_n_steps) {}

std::unique_ptr<LogSink> CSVLogger::make_sink(const std::string& folder) {
  const fs::path file = fs::path(folder) / "metrics.csv";
  std::error_code error;
  if (!fs::is_empty(folder, error)) {
    rank_zero_warn("Experiment logs directory " + folder +
                   " exists and is not empty. Previous log files in this directory will be deleted when the new ones are saved!");
    fs::remove(file, error);
  }
  return std::make_unique<CsvSink>(file.string());
}

void CSVLogger::log_hyperparams(const Value& params) {
  open("");
  for (const auto& [key, value] : params.as_dict()) hparams_.as_dict().set(key, value);
  if (log()) write_hparams(*log_dir(), hparams_);
}

}  // namespace levin

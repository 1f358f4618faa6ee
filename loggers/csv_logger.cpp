#include "levin/loggers/csv_logger.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>

#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/yaml.h"

namespace levin {
namespace fs = std::filesystem;
namespace {

// One more than the highest `version_<number>` in a folder.
std::int64_t next_version(const std::string& folder) {
  std::int64_t next = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("version_") || !entry.is_directory()) continue;
    std::int64_t number = 0;
    const auto [end, bad] = std::from_chars(name.data() + 8, name.data() + name.size(), number);
    if (bad == std::errc() && end == name.data() + name.size()) next = std::max(next, number + 1);
  }
  return next;
}

}  // namespace

CSVLogger::CSVLogger(Options options) : options_(std::move(options)) {
  if (const auto* number = std::get_if<std::int64_t>(&options_.version)) version_ = "version_" + std::to_string(*number);
  else if (const auto* name = std::get_if<std::string>(&options_.version)) version_ = *name;
}

CSVLogger::~CSVLogger() {
  try {
    if (writer_) writer_->flush();
  } catch (const std::exception& error) {
    console_error(error.what());
  }
}

std::string CSVLogger::root_dir() const { return (fs::path(options_.save_dir) / name()).lexically_normal().string(); }

std::string CSVLogger::version() const {
  if (version_.empty()) version_ = "version_" + std::to_string(next_version(root_dir()));
  return version_;
}

std::optional<std::string> CSVLogger::log_dir() const { return (fs::path(root_dir()) / version()).string(); }

void CSVLogger::open() {
  if (writer_) return;
  const fs::path folder = *log_dir();
  std::error_code error;
  const bool used = fs::is_directory(folder, error) && !fs::is_empty(folder, error);
  if (used) {
    rank_zero_warn("Experiment logs directory " + folder.string() +
                   " exists and is not empty. Previous log files in this directory will be deleted when the new ones are saved!");
    fs::remove(folder / "metrics.csv", error);
  }
  fs::create_directories(folder, error);
  if (error) throw OSError(folder.string() + ": " + error.message());
  writer_ = std::make_unique<CsvMetricsWriter>((folder / "metrics.csv").string());
}

void CSVLogger::log_metrics(std::span<const Metric> metrics, std::int64_t step) {
  open();
  std::vector<Cell> cells;
  cells.reserve(metrics.size());
  prefixed_.clear();
  prefixed_.reserve(metrics.size());
  for (const Metric& metric : metrics) {
    std::string_view name = metric.name;
    if (!options_.prefix.empty()) name = prefixed_.emplace_back(options_.prefix + "-" + std::string(name));
    cells.push_back({name, metric.value, metric.integer});
  }
  writer_->add(cells, step);
  ++rows_;
}

void CSVLogger::log_hyperparams(const Value& params) {
  if (hparams_.is_none()) hparams_ = Value::dict();
  for (const auto& [key, value] : params.as_dict()) hparams_.as_dict().set(key, value);
  const std::string path = (fs::path(*log_dir()) / "hparams.yaml").string();
  std::ofstream file(path);
  file << dump_yaml(hparams_) << std::flush;
  if (!file) throw OSError(path + ": could not be written");
}

void CSVLogger::save() {
  if (writer_ && rows_ > 0 && rows_ % options_.flush_logs_every_n_steps == 0) writer_->flush();
}

void CSVLogger::finalize(std::string_view) {
  if (writer_) writer_->flush();
}

}  // namespace levin

#include "levin/loggers/file_logger.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "levin/framework/base/append_file.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/yaml.h"

namespace levin {
namespace fs = std::filesystem;
namespace {

// As in Lightning: what counts is the number between the first underscore and the second or the end.
std::int64_t next_version(const std::string& folder) {
  std::int64_t next = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("version_") || !entry.is_directory()) continue;
    const std::string digits = name.substr(8, name.find('_', 8) - 8);
    std::int64_t number = 0;
    const auto [end, bad] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (bad == std::errc() && end == digits.data() + digits.size() && number >= 0) next = std::max(next, number + 1);
  }
  return next;
}

}  // namespace

FileLogger::FileLogger(std::string save_dir, std::optional<std::string> name, const LoggerVersion& version, std::string prefix,
                       std::int64_t rows_at_once)
    : save_dir_(std::move(save_dir)), name_(name.value_or("")), prefix_(prefix.empty() ? "" : prefix + "-"),
      rows_at_once_(static_cast<std::size_t>(std::max<std::int64_t>(rows_at_once, 1))) {
  if (const auto* number = std::get_if<std::int64_t>(&version)) version_ = "version_" + std::to_string(*number);
  else if (const auto* text = std::get_if<std::string>(&version)) version_ = *text;
}

FileLogger::~FileLogger() = default;

std::string FileLogger::version() const {
  if (!version_) version_ = "version_" + std::to_string(next_version(*root_dir()));
  return *version_;
}

std::optional<std::string> FileLogger::root_dir() const { return (fs::path(save_dir_) / name_).lexically_normal().string(); }

std::optional<std::string> FileLogger::log_dir() const { return (fs::path(*root_dir()) / version()).string(); }

void FileLogger::open(std::string_view) {
  if (log_ || !is_rank_zero()) return;
  const std::string folder = *log_dir();
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw OSError(folder + ": " + error.message());
  log_ = std::make_unique<BackgroundLog>(make_sink(folder), prefix_, rows_at_once_);
}

void FileLogger::log_metrics(std::span<const Metric> metrics, std::int64_t step) {
  if (!log_) open("");
  if (log_) log_->row(metrics, step);
}

void FileLogger::save() {
  if (log_) log_->flush();
}

void write_hparams(const std::string& folder, const Value& hparams) {
  Value written = Value::dict();
  for (const auto& [key, value] : hparams.as_dict()) {
    try {
      dump_yaml(value);
      written.as_dict().set(key, value);
    } catch (const Error&) {
      rank_zero_warn("Skipping '" + key.as_string() + "' parameter because it is not possible to safely dump to YAML.");
    }
  }
  try {
    replace_file((fs::path(folder) / "hparams.yaml").string(), dump_yaml(written));
  } catch (const OSError& error) {
    rank_zero_warn(std::string("The hyperparameters were not written: ") + error.what());
  }
}

}  // namespace levin

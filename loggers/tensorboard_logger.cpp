#include "levin/loggers/tensorboard_logger.h"

#include <cctype>
#include <cstdlib>
#include <filesystem>

#include "levin/framework/base/console.h"
#include "levin/loggers/tensorboard/event_file.h"

namespace levin {
namespace fs = std::filesystem;
namespace {

// `$NAME` and `${NAME}`; a variable that is not set stays as it stands.
std::string expand_variables(const std::string& path) {
  std::string out;
  for (std::size_t i = 0; i < path.size();) {
    const bool braces = path[i] == '$' && path.substr(i + 1, 1) == "{";
    const std::size_t first = i + (braces ? 2 : 1);
    std::size_t end = first;
    while (path[i] == '$' && end < path.size() && (std::isalnum(static_cast<unsigned char>(path[end])) || path[end] == '_')) ++end;
    const bool named = path[i] == '$' && end > first && (!braces || path.substr(end, 1) == "}");
    const char* value = named ? std::getenv(path.substr(first, end - first).c_str()) : nullptr;
    if (value) {
      out += value;
      i = end + (braces ? 1 : 0);
    } else {
      out += path[i++];
    }
  }
  return out;
}

std::string expand_home(const std::string& path) {
  const char* home = std::getenv("HOME");
  return home && (path == "~" || path.starts_with("~/")) ? home + path.substr(1) : path;
}

}  // namespace

TensorBoardLogger::TensorBoardLogger(Options options)
    : FileLogger(options.save_dir, options.name, options.version, options.prefix), options_(std::move(options)) {
  if (options_.log_graph)
    rank_zero_warn("You set `TensorBoardLogger(log_graph=True)` but a module's graph can't be traced in C++: it is not logged.");
}

TensorBoardLogger::~TensorBoardLogger() = default;

std::optional<std::string> TensorBoardLogger::log_dir() const {
  fs::path folder = *FileLogger::log_dir();
  if (options_.sub_dir) folder /= *options_.sub_dir;
  return expand_home(expand_variables(folder.string()));
}

std::unique_ptr<LogSink> TensorBoardLogger::make_sink(const std::string& folder) {
  auto file = std::make_unique<tensorboard::EventFile>(folder, options_.filename_suffix, options_.purge_step);
  file_ = file.get();
  return file;
}

SummaryWriter& TensorBoardLogger::experiment() {
  if (!experiment_) {
    open("");
    experiment_ = std::make_unique<SummaryWriter>(*log_dir(), log(), file_);
  }
  return *experiment_;
}

void TensorBoardLogger::log_hyperparams(const Value& params) { log_hyperparams(params, Value()); }

void TensorBoardLogger::log_hyperparams(const Value& params, const Value& metrics, std::optional<std::int64_t> step) {
  for (const auto& [key, value] : params.as_dict()) hparams_.as_dict().set(key, value);
  Value given = metrics;
  if (metrics.is_none() && options_.default_hp_metric) given = -1;
  if (given.is_number()) given = Dict{{"hp_metric", given}};
  if (given.is_none() || given.size() == 0) return;
  std::vector<std::string> tags;
  for (const auto& [tag, value] : given.as_dict()) {
    experiment().add_scalar(prefix() + tag.as_string(), value.number(), step);
    tags.push_back(tag.as_string());
  }
  // As in Lightning: the page is told the names without the prefix.
  experiment().add_hparams(params, tags, step);
}

void TensorBoardLogger::save() {
  if (!log()) return;
  FileLogger::save();
  if (experiment_) experiment_->flush();
  // As in Lightning: written once, with the hyperparameters there were at that time.
  if (!fs::exists(fs::path(*log_dir()) / "hparams.yaml")) write_hparams(*log_dir(), hparams_);
}

void TensorBoardLogger::finalize(std::string_view) { save(); }

}  // namespace levin

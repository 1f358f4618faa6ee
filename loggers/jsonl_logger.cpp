#include "levin/loggers/jsonl_logger.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>

#include "levin/framework/base/append_file.h"
#include "levin/framework/base/clock.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/json.h"
#include "levin/framework/base/metric_text.h"
#include "levin/framework/base/python_format.h"
#include "levin/framework/callback.h"

namespace levin {
namespace {

bool ends_in_mid_line(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file || file.tellg() <= 0) return false;
  file.seekg(-1, std::ios::end);
  return file.get() != '\n';
}

// What JSON can't hold is written as Python would print it.
Value printable(const Value& dict) {
  Value out = Value::dict();
  for (const auto& [key, value] : dict.as_dict()) {
    try {
      dump_json(value);
      out.as_dict().set(key, value);
    } catch (const Error&) {
      out.as_dict().set(key, value.repr());
    }
  }
  return out;
}

}  // namespace

// Lines gather in memory; a flush appends them with one write.
class JSONLLogger::Sink final : public LogSink {
 public:
  // A kill or a power cut may have left half a line there; the next one must not be spoilt by it.
  explicit Sink(std::string path) : path_(std::move(path)), waiting_(ends_in_mid_line(path_) ? "\n" : "") {}

  void row(std::span<const Metric> metrics, std::int64_t step, double wall_time) override {
    waiting_ += "{\"time\": ";
    append_python_repr(waiting_, wall_time);
    waiting_ += ", \"event\": \"metrics\", \"step\": ";
    waiting_ += std::to_string(step);
    waiting_ += ", \"values\": {";
    const char* comma = "";
    for (const Metric& metric : metrics) {
      (waiting_ += comma) += quoted(metric.name);
      const char* quote = std::isfinite(metric.value) ? "" : "\"";  // what JSON has no number for
      append_text(waiting_ += quote, metric);
      waiting_ += quote;
      comma = ", ";
    }
    waiting_ += "}}\n";
  }

  void line(const Value& value) { waiting_ += dump_json(value, /*indent=*/-1) + "\n"; }

  void flush() override {
    if (waiting_.empty()) return;
    append_to_file(path_, waiting_);
    waiting_.clear();
  }

 private:
  // A name as a key. Names come again and again, and stay where they are while the log lives.
  const std::string& quoted(std::string_view name) {
    const auto [place, is_new] = quoted_.try_emplace(name);
    if (is_new) place->second = dump_json(Value(name)) + ": ";
    return place->second;
  }

  std::string path_, waiting_;
  std::map<std::string_view, std::string> quoted_;
};

JSONLLogger::JSONLLogger(const Options& options)
    : FileLogger(options.save_dir, options.name, options.version, options.prefix) {}

std::unique_ptr<LogSink> JSONLLogger::make_sink(const std::string& folder) {
  auto sink = std::make_unique<Sink>((std::filesystem::path(folder) / "events.jsonl").string());
  sink_ = sink.get();
  return sink;
}

void JSONLLogger::event(std::string_view name, const Value& rest) {
  if (!log()) return;
  Value line = Value::dict();
  line["time"] = real_clock().wall();
  line["event"] = name;
  for (const auto& [key, value] : rest.as_dict()) line.as_dict().set(key, value);
  log()->post([sink = sink_, line] { sink->line(line); });
}

void JSONLLogger::open(std::string_view stage) {
  FileLogger::open(stage);
  if (!stage.empty()) event("stage", Dict{{"stage", stage}});
}

void JSONLLogger::log_hyperparams(const Value& params) {
  FileLogger::open("");
  event("hyperparameters", Dict{{"values", printable(params)}});
}

void JSONLLogger::after_save_checkpoint(const Checkpoint& checkpoint) {
  event("checkpoint", Dict{{"path", checkpoint.last_checkpoint_saved()},
                           {"best", checkpoint.best_model_path()},
                           {"last", checkpoint.last_model_path()}});
}

void JSONLLogger::finalize(std::string_view status) {
  event("end", Dict{{"status", status}});
  save();
}

}  // namespace levin

#include "levin/framework/profilers/pytorch_profiler.h"

#include <ATen/record_function.h>
#include <torch/csrc/autograd/profiler_kineto.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <list>
#include <vector>

#include "levin/framework/base/errors.h"

namespace levin {
namespace {

namespace kineto = torch::autograd::profiler;
namespace impl = torch::profiler::impl;

constexpr std::int64_t left_out = 2, recorded = 3;
constexpr std::array<std::string_view, 4> sort_keys{"cpu_time", "cpu_time_total", "self_cpu_time_total", "count"};
// The actions that are a step each.
constexpr std::array<std::string_view, 5> step_functions{"run_training_batch", ".validation_step", ".test_step", ".predict_step",
                                                         ".training_step_and_backward"};

struct Row {
  std::string name;
  std::int64_t calls = 0;
  std::uint64_t total = 0, self = 0;  // ns
};

// Time of each operator, and without the operators it calls: events of one thread are nested.
std::vector<Row> rows_of(const kineto::ProfilerResult& result, bool by_shapes) {
  std::vector<const kineto::KinetoEvent*> events;
  for (const auto& event : result.events())
    if (event.deviceType() == c10::DeviceType::CPU && !event.isAsync()) events.push_back(&event);
  std::stable_sort(events.begin(), events.end(), [](const auto* a, const auto* b) {
    return std::pair(a->startThreadId(), a->startNs()) < std::pair(b->startThreadId(), b->startNs());
  });
  std::map<std::string, Row> rows;
  std::vector<std::pair<const kineto::KinetoEvent*, Row*>> open;
  for (const auto* event : events) {
    while (!open.empty() && (open.back().first->startThreadId() != event->startThreadId() || open.back().first->endNs() <= event->startNs()))
      open.pop_back();
    std::string name = event->name();
    if (by_shapes && event->hasShapes()) {
      for (const auto& shape : event->shapes()) {
        name += name.back() == ']' ? ", [" : " [";
        for (std::size_t i = 0; i < shape.size(); ++i) name += (i ? ", " : "") + std::to_string(shape[i]);
        name += "]";
      }
    }
    Row& row = rows[name];
    row.name = name;
    ++row.calls;
    row.self += event->durationNs();
    // A recursive operator's time counts once.
    const bool nested = std::any_of(open.begin(), open.end(), [&](const auto& outer) { return outer.second == &row; });
    if (!nested) row.total += event->durationNs();
    if (!open.empty()) open.back().second->self -= std::min(open.back().second->self, event->durationNs());
    open.emplace_back(event, &row);
  }
  std::vector<Row> out;
  for (auto& [name, row] : rows) out.push_back(std::move(row));
  return out;
}

std::string duration(double ns) {
  char text[32];
  if (ns >= 1e9) std::snprintf(text, sizeof text, "%.3fs", ns / 1e9);
  else if (ns >= 1e6) std::snprintf(text, sizeof text, "%.3fms", ns / 1e6);
  else std::snprintf(text, sizeof text, "%.3fus", ns / 1e3);
  return text;
}

std::string table(std::vector<Row> rows, const std::string& key, std::int64_t limit) {
  const auto value = [&](const Row& row) {
    if (key == "count") return static_cast<double>(row.calls);
    if (key == "cpu_time") return static_cast<double>(row.total) / static_cast<double>(row.calls);
    return static_cast<double>(key == "cpu_time_total" ? row.total : row.self);
  };
  std::stable_sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) { return value(a) > value(b); });
  double whole = 0;
  for (const Row& row : rows) whole += static_cast<double>(row.self);
  if (limit >= 0 && rows.size() > static_cast<std::size_t>(limit)) rows.resize(static_cast<std::size_t>(limit));
  std::size_t width = 4;
  for (const Row& row : rows) width = std::max(width, std::min<std::size_t>(row.name.size(), 55));
  std::string out;
  const auto line = [&](std::string name, const std::array<std::string, 6>& cells) {
    if (name.size() > 55) name = name.substr(0, 52) + "...";
    out += std::string(width + 2 - std::min(width + 2, name.size()), ' ') + name;
    for (const std::string& cell : cells) out += "  " + std::string(cell.size() < 12 ? 12 - cell.size() : 0, ' ') + cell;
    out += "\n";
  };
  const std::string rule = std::string(width + 2, '-') + [] {
    std::string rules;
    for (int i = 0; i < 6; ++i) rules += "  " + std::string(12, '-');
    return rules;
  }() + "\n";
  const auto percent = [&](std::uint64_t ns) {
    char text[16];
    std::snprintf(text, sizeof text, "%.2f%%", whole > 0 ? 100.0 * static_cast<double>(ns) / whole : 0.0);
    return std::string(text);
  };
  out += rule;
  line("Name", {"Self CPU %", "Self CPU", "CPU total %", "CPU total", "CPU time avg", "# of Calls"});
  out += rule;
  for (const Row& row : rows) {
    line(row.name, {percent(row.self), duration(static_cast<double>(row.self)), percent(row.total), duration(static_cast<double>(row.total)),
                    duration(static_cast<double>(row.total) / static_cast<double>(row.calls)), std::to_string(row.calls)});
  }
  return out + rule + "Self CPU time total: " + duration(whole) + "\n";
}

}  // namespace

struct PyTorchProfiler::Recording {
  // Actions end in another order than they began only by mistake; a list keeps both right.
  std::list<std::pair<std::string, std::unique_ptr<at::RecordFunction>>> actions;
};

PyTorchProfiler::PyTorchProfiler(Options options) : Profiler(options.dirpath, options.filename), options_(std::move(options)) {
  const std::string key = options_.sort_by_key.value_or("cpu_time_total");
  if (std::find(sort_keys.begin(), sort_keys.end(), key) == sort_keys.end()) {
    throw MisconfigurationException("Found sort_by_key: " + key +
                                    ". Should be within {'count', 'cpu_time', 'cpu_time_total', 'self_cpu_time_total'}. ");
  }
}

PyTorchProfiler::~PyTorchProfiler() { teardown(); }

void PyTorchProfiler::setup(std::string_view stage, std::optional<int> local_rank, const std::string& log_dir) {
  Profiler::setup(stage, local_rank, log_dir);
  steps_ = 0;
  done_ = false;
  table_.clear();
}

void PyTorchProfiler::begin() {
  const impl::ProfilerConfig config(impl::ProfilerState::KINETO, options_.group_by_input_shapes);
  const std::set<impl::ActivityType> activities{impl::ActivityType::CPU};
  kineto::prepareProfiler(config, activities);
  kineto::enableProfiler(config, activities, {at::RecordScope::FUNCTION, at::RecordScope::USER_SCOPE, at::RecordScope::BACKWARD_FUNCTION});
  recording_ = std::make_unique<Recording>();
}

void PyTorchProfiler::end() {
  if (!recording_) return;
  // Actions that are still going on end in the trace here.
  while (!recording_->actions.empty()) recording_->actions.pop_back();
  recording_.reset();
  const auto result = kineto::disableProfiler();
  if (options_.export_to_chrome && dirpath()) {
    std::filesystem::create_directories(*dirpath());
    result->save(*dirpath() + "/" + file_name(".pt.trace.json"));
  }
  table_ = table(rows_of(*result, options_.group_by_input_shapes), options_.sort_by_key.value_or("cpu_time_total"), options_.row_limit);
}

void PyTorchProfiler::start(const std::string& action) {
  if (done_) return;
  if (!recording_) begin();
  if (!options_.record_module_names) return;
  auto record = std::make_unique<at::RecordFunction>(at::RecordScope::USER_SCOPE);
  if (record->isActive()) record->before("[pl][profile]" + action);
  recording_->actions.emplace_back(action, std::move(record));
}

void PyTorchProfiler::stop(const std::string& action) {
  if (!recording_) return;
  auto& actions = recording_->actions;
  const auto found = std::find_if(actions.rbegin(), actions.rend(), [&](const auto& entry) { return entry.first == action; });
  if (found != actions.rend()) actions.erase(std::next(found).base());
  const bool step = std::any_of(step_functions.begin(), step_functions.end(), [&](auto name) { return action.ends_with(name); });
  if (!step) return;
  ++steps_;
  if (steps_ == left_out) {
    // What was recorded so far is kept only for runs that are shorter.
    while (!actions.empty()) actions.pop_back();
    recording_.reset();
    kineto::disableProfiler();
    begin();
  } else if (steps_ == left_out + recorded) {
    end();
    done_ = true;
  }
}

std::string PyTorchProfiler::summary() {
  end();
  done_ = true;
  return table_.empty() ? "" : title() + "Profiler Report\nProfile stats for: records\n" + table_;
}

void PyTorchProfiler::teardown() {
  if (!recording_) return;
  while (!recording_->actions.empty()) recording_->actions.pop_back();
  recording_.reset();
  kineto::disableProfiler();
}

}  // namespace levin

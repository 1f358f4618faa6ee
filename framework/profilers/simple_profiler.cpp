#include "levin/framework/profilers/simple_profiler.h"

#include <algorithm>
#include <numeric>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/python_format.h"

namespace levin {
namespace {

std::string padded(const std::string& text, std::size_t width) {
  return text + std::string(width > text.size() ? width - text.size() : 0, ' ');
}

// The columns of a line after its newline, tabs as stops of 8; the newline itself counts, as in Python's `len(expandtabs())`.
std::size_t expanded_length(const std::string& line) {
  std::size_t column = 0;
  for (std::size_t i = 1; i < line.size(); ++i) column += line[i] == '\t' ? 8 - column % 8 : 1;
  return column + 1;
}

struct Row {
  std::string action;
  std::size_t calls;
  double total;
};

std::string number(double value) { return python_format(value, ".5"); }

}  // namespace

SimpleProfiler::SimpleProfiler(Options options, const Clock& clock)
    : Profiler(options.dirpath, options.filename), options_(std::move(options)), clock_(clock), start_time_(clock.now()) {}

void SimpleProfiler::start(const std::string& action) {
  if (!current_.emplace(action, clock_.now()).second) throw ValueError("Attempted to start " + action + " which has already started.");
}

void SimpleProfiler::stop(const std::string& action) {
  const double end = clock_.now();
  const auto found = current_.find(action);
  if (found == current_.end())
    throw ValueError("Attempting to stop recording an action (" + action + ") which was never started.");
  const auto [at, added] = index_.try_emplace(action, recorded_.size());
  if (added) recorded_.emplace_back(action, std::vector<double>());
  recorded_[at->second].second.push_back(end - found->second);
  current_.erase(found);
}

const std::vector<double>& SimpleProfiler::durations(const std::string& action) const {
  static const std::vector<double> none;
  const auto found = index_.find(action);
  return found == index_.end() ? none : recorded_[found->second].second;
}

std::string SimpleProfiler::summary() {
  const double whole = clock_.now() - start_time_;
  std::vector<Row> rows;
  std::size_t width = 0, calls = 0;
  for (const auto& [action, times] : recorded_) {
    rows.push_back({action, times.size(), std::accumulate(times.begin(), times.end(), 0.0)});
    width = std::max(width, action.size());
    calls += times.size();
  }
  std::string out = title() + "Profiler Report\n";
  if (rows.empty()) return out + "\n";
  const auto line = [&](const std::string& action, const std::vector<std::string>& cells) {
    std::string text = "\n|  " + padded(action, width) + "\t|";
    for (const std::string& cell : cells) text += "  " + padded(cell, 15) + "\t|";
    return text;
  };
  const auto mean = [](const Row& row) { return row.total / static_cast<double>(row.calls); };
  const std::string header = options_.extended
                                 ? line("Action", {"Mean duration (s)", "Num calls", "Total time (s)", "Percentage %"})
                                 : line("Action", {"Mean duration (s)", "Total time (s)"});
  const std::string rule = "\n" + std::string(expanded_length(header), '-');
  out += rule + header + rule;
  if (options_.extended) out += line("Total", {"-", std::to_string(calls), number(whole), "100 %"}) + rule;
  std::stable_sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) {
    return options_.extended ? a.total > b.total : mean(a) > mean(b);
  });
  for (const Row& row : rows) {
    out += options_.extended ? line(row.action, {number(mean(row)), std::to_string(row.calls), number(row.total),
                                                 number(100.0 * row.total / whole)})
                             : line(row.action, {number(mean(row)), number(row.total)});
  }
  return out + rule + "\n";
}

}  // namespace levin

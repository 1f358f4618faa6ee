#pragma once
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "levin/framework/base/clock.h"
#include "levin/framework/base/fields.h"
#include "levin/framework/profiler.h"

namespace levin {

struct SimpleProfilerOptions {
  /// Unset: the Trainer's `log_dir`.
  std::optional<std::string> dirpath = std::nullopt;
  /// Unset: the report goes to the console.
  std::optional<std::string> filename = std::nullopt;
  /// With columns for the number of calls and the share of the whole time.
  bool extended = true;
};
template <class V>
void fields(V&& f, SimpleProfilerOptions& o) {
  f("dirpath", o.dirpath, "folder of the report; null: the trainer's log_dir");
  f("filename", o.filename, "file of the report, .txt is added; null: the console");
  f("extended", o.extended, "columns for calls and percentages");
}

/// The time of each action, as a table. ValueError for an action that is started twice or stopped without a start.
class LEVIN_API SimpleProfiler : public Profiler {
 public:
  using Options = SimpleProfilerOptions;
  explicit SimpleProfiler(Options options = {}, const Clock& clock = real_clock());

  void start(const std::string& action) override;
  void stop(const std::string& action) override;
  /// Lightning's table: actions by their share of the time, or by their mean duration when not `extended`.
  std::string summary() override;

  /// The durations of an action in seconds, in order.
  const std::vector<double>& durations(const std::string& action) const;

 private:
  Options options_;
  const Clock& clock_;
  double start_time_;
  std::unordered_map<std::string, double> current_;
  std::unordered_map<std::string, std::size_t> index_;
  std::vector<std::pair<std::string, std::vector<double>>> recorded_;  // in the order of their first end
};

}  // namespace levin

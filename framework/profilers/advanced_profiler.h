#pragma once
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "levin/framework/base/fields.h"
#include "levin/framework/profiler.h"

namespace levin {

struct AdvancedProfilerOptions {
  std::optional<std::string> dirpath = std::nullopt;   ///< unset: the Trainer's `log_dir`
  std::optional<std::string> filename = std::nullopt;  ///< unset: the report goes to the console
  /// How many functions are listed per action: an int counts lines, a float is a fraction of them.
  std::variant<std::int64_t, double> line_count_restriction = 1.0;
};
template <class V>
void fields(V&& f, AdvancedProfilerOptions& o) {
  f("dirpath", o.dirpath, "folder of the report; null: the trainer's log_dir");
  f("filename", o.filename, "file of the report, .txt is added; null: the console");
  f("line_count_restriction", o.line_count_restriction, "functions listed per action: an int counts, a float is a fraction");
}

/// In which functions each action spends its CPU time. Where Lightning instruments every call (cProfile), this one looks at the
/// stack every 5 ms of the process's CPU time, which costs the run next to nothing. Time belongs to the innermost action.
/// One at a time: RuntimeError if another one is recording. ValueError for an action stopped without a start.
class LEVIN_API AdvancedProfiler : public Profiler {
 public:
  using Options = AdvancedProfilerOptions;
  explicit AdvancedProfiler(Options options = {});
  ~AdvancedProfiler() override;

  void start(const std::string& action) override;
  void stop(const std::string& action) override;
  /// Per action: its samples, and a table of functions by cumulative time.
  std::string summary() override;
  void teardown() override;

  /// Stacks seen so far.
  std::int64_t samples() const;

 private:
  struct Functions {
    std::int64_t samples = 0;
    std::map<std::string, std::pair<std::int64_t, std::int64_t>> counts;  // function -> anywhere in the stack, at its top
  };
  void collect();

  Options options_;
  std::vector<std::string> names_;          // by action number
  std::map<std::string, std::uint32_t> numbers_;
  std::vector<std::uint32_t> running_;
  std::vector<Functions> recorded_;
  std::map<void*, std::string> symbols_;
  bool sampling_ = false;
};

}  // namespace levin

#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "levin/framework/base/fields.h"
#include "levin/framework/profiler.h"

namespace levin {

struct PyTorchProfilerOptions {
  std::optional<std::string> dirpath = std::nullopt;   ///< unset: the Trainer's `log_dir`
  std::optional<std::string> filename = std::nullopt;  ///< unset: the report goes to the console
  bool group_by_input_shapes = false;                  ///< operators with other input shapes are other rows
  bool export_to_chrome = true;                        ///< write the trace, for Perfetto and chrome://tracing
  std::int64_t row_limit = 20;                         ///< rows of the table; -1: all
  std::optional<std::string> sort_by_key = std::nullopt;  ///< unset: "cpu_time_total"
  bool record_module_names = true;                     ///< the framework's actions are in the trace
};
template <class V>
void fields(V&& f, PyTorchProfilerOptions& o) {
  f("dirpath", o.dirpath, "folder of the report and the trace; null: the trainer's log_dir");
  f("filename", o.filename, "file of the report, .txt is added; null: the console");
  f("group_by_input_shapes", o.group_by_input_shapes, "operators with other input shapes are other rows");
  f("export_to_chrome", o.export_to_chrome, "write a trace for Perfetto and chrome://tracing");
  f("row_limit", o.row_limit, "rows of the table; -1: all");
  f("sort_by_key", o.sort_by_key, "cpu_time, cpu_time_total, self_cpu_time_total or count; null: cpu_time_total");
  f("record_module_names", o.record_module_names, "the framework's actions are in the trace");
}

/// LibTorch's own profiler (Kineto): every operator of a few steps, as a trace that Perfetto opens
/// (`<dirpath>/<stage>-<filename>.pt.trace.json`) and as a table of operators. The first two steps are left out, three are
/// recorded, then it is off; of a run with fewer steps everything is recorded.
/// MisconfigurationException for an unknown `sort_by_key`. LibTorch has one such profiler per process.
class LEVIN_API PyTorchProfiler : public Profiler {
 public:
  using Options = PyTorchProfilerOptions;
  explicit PyTorchProfiler(Options options = {});
  ~PyTorchProfiler() override;

  void setup(std::string_view stage, std::optional<int> local_rank, const std::string& log_dir) override;
  void start(const std::string& action) override;
  void stop(const std::string& action) override;
  std::string summary() override;
  void teardown() override;

 private:
  struct Recording;
  void begin();
  void end();

  Options options_;
  std::unique_ptr<Recording> recording_;  // while LibTorch's profiler is on
  std::string table_;
  std::int64_t steps_ = 0;
  bool done_ = false;
};

}  // namespace levin

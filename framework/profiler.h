#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "levin/framework/base/export.h"

namespace levin {

/// Where the time of a run goes: the base of all profilers, and of your own. The Trainer tells it when an action begins and ends.
/// Actions have Lightning's names: "run_training_epoch", "[Callback]EarlyStopping.on_train_epoch_end",
/// "[LightningModule]LitModel.configure_optimizers", "[Strategy]SingleDeviceStrategy.training_step". A Trainer without a profiler
/// spends one test of a pointer per action.
class LEVIN_API Profiler {
 public:
  /// The report goes to `<dirpath>/<stage>-<filename>.txt` when there is a filename (dirpath: the Trainer's `log_dir` by default),
  /// else to the console.
  explicit Profiler(std::optional<std::string> dirpath = std::nullopt, std::optional<std::string> filename = std::nullopt);
  virtual ~Profiler();
  Profiler(const Profiler&) = delete;
  Profiler& operator=(const Profiler&) = delete;

  virtual void start(const std::string& action) = 0;
  virtual void stop(const std::string& action) = 0;
  /// The report; "" for none.
  virtual std::string summary() { return ""; }

  /// A run begins. `stage` is "fit", "validate", "test" or "predict"; `local_rank` is set when there are several processes.
  virtual void setup(std::string_view stage, std::optional<int> local_rank, const std::string& log_dir);
  /// A run is over, well or not.
  virtual void teardown() {}
  /// Writes the report, then `teardown()`. OSError if the file can't be written.
  void describe();

  const std::optional<std::string>& dirpath() const { return dirpath_; }

 protected:
  /// "fit-perf_logs.txt": the parts that are known, joined, without characters that a path can't have.
  std::string file_name(const std::string& extension) const;
  /// "FIT " or "".
  std::string title() const;

 private:
  std::optional<std::string> dirpath_, filename_, stage_;
  std::optional<int> local_rank_;
};

/// An action from here to the end of the scope. An error of the profiler while it ends goes to the console.
class LEVIN_API ProfiledAction {
 public:
  ProfiledAction() = default;
  /// Nothing if `profiler` is null.
  ProfiledAction(Profiler* profiler, std::string_view action);
  ~ProfiledAction() {
    if (state_) end();
  }
  ProfiledAction(const ProfiledAction&) = delete;
  ProfiledAction& operator=(const ProfiledAction&) = delete;

 private:
  struct State {
    Profiler* profiler;
    std::string action;
  };
  void end() noexcept;
  std::unique_ptr<State> state_;
};

}  // namespace levin

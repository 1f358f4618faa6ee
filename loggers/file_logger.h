#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "levin/framework/base/background_log.h"
#include "levin/framework/logger.h"

namespace levin {

/// A number ("version_3"), a name that is used as it is ("": no folder of its own), or unset: one more than the highest there.
using LoggerVersion = std::variant<std::monostate, std::int64_t, std::string>;

/// What the loggers that write files share: the folder `<save_dir>/<name>/version_<n>`, numbered as Lightning does, and rows
/// that one background thread writes for all of them. A logger of your own gives its file as a `LogSink`.
///
/// The folder is made by `open`, before the first hooks of a run. Several loggers without a `version` in one `save_dir` get
/// one each, as in Lightning: give them the first one's to have their files together.
class LEVIN_API FileLogger : public Logger {
 public:
  ~FileLogger() override;
  /// "" for none.
  std::string name() const override { return name_; }
  /// An unset version is chosen when this is first asked.
  std::string version() const override;
  std::optional<std::string> save_dir() const override { return save_dir_; }
  std::optional<std::string> root_dir() const override;
  std::optional<std::string> log_dir() const override;

  void open(std::string_view stage) override;
  /// Costs the caller about 0.1 us; written within a second.
  void log_metrics(std::span<const Metric> metrics, std::int64_t step) override;
  /// Waits until everything is written.
  void save() override;
  bool saves_by_itself() const override { return true; }

 protected:
  FileLogger(std::string save_dir, std::optional<std::string> name, const LoggerVersion& version, std::string prefix,
             std::int64_t rows_at_once = 100'000);
  /// The run's file in `folder`, which is there. Called once.
  virtual std::unique_ptr<LogSink> make_sink(const std::string& folder) = 0;
  /// Null until `open`, and on ranks other than 0.
  BackgroundLog* log() { return log_.get(); }
  const std::string& prefix() const { return prefix_; }

 private:
  std::string save_dir_, name_, prefix_;
  std::size_t rows_at_once_;
  mutable std::optional<std::string> version_;
  std::unique_ptr<BackgroundLog> log_;
};

/// Writes `hparams.yaml` into a logger's folder as Lightning does. A failure is a warning.
LEVIN_API void write_hparams(const std::string& folder, const Value& hparams);

}  // namespace levin

#pragma once
#include <memory>
#include <vector>

#include "levin/framework/logger.h"
#include "levin/framework/strategies/strategy.h"

namespace levin {

/// On ranks other than 0: stands in a logger's place, has its names, writes nothing.
class RankZeroLogger final : public Logger {
 public:
  explicit RankZeroLogger(std::shared_ptr<Logger> logger) : logger_(std::move(logger)) {}
  std::string name() const override { return names_.is_none() ? logger_->name() : names_.at("name").as_string(); }
  std::string version() const override { return names_.is_none() ? logger_->version() : names_.at("version").as_string(); }
  std::optional<std::string> save_dir() const override { return names_.is_none() ? logger_->save_dir() : folder("save_dir"); }
  std::optional<std::string> log_dir() const override { return names_.is_none() ? logger_->log_dir() : folder("log_dir"); }
  void log_metrics(std::span<const Metric>, std::int64_t) override {}

  /// What rank 0's logger is called and where it writes.
  void take_names(Value names) { names_ = std::move(names); }
  static Value names_of(const Logger& logger);

 private:
  std::optional<std::string> folder(const char* which) const;
  std::shared_ptr<Logger> logger_;
  Value names_;
};

/// Puts such loggers in the place of all.
void silence(std::vector<std::shared_ptr<Logger>>& loggers);
/// Together: all ranks learn rank 0's names, once its loggers are open.
void share_names(const std::vector<std::shared_ptr<Logger>>& loggers, Strategy& strategy);

}  // namespace levin

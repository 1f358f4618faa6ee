#include "levin/framework/trainer/rank_zero_logger.h"

namespace levin {

Value RankZeroLogger::names_of(const Logger& logger) {
  const auto text = [](const std::optional<std::string>& folder) { return folder ? Value(*folder) : Value(); };
  return Dict{{"name", logger.name()}, {"version", logger.version()}, {"save_dir", text(logger.save_dir())}, {"log_dir", text(logger.log_dir())}};
}

std::optional<std::string> RankZeroLogger::folder(const char* which) const {
  const Value& found = names_.at(which);
  return found.is_none() ? std::nullopt : std::optional(found.as_string());
}

void silence(std::vector<std::shared_ptr<Logger>>& loggers) {
  for (auto& logger : loggers) logger = std::make_shared<RankZeroLogger>(std::move(logger));
}

void share_names(const std::vector<std::shared_ptr<Logger>>& loggers, Strategy& strategy) {
  if (strategy.world_size() == 1) return;
  for (const auto& logger : loggers) {
    const Value names = strategy.on_rank_zero([&] { return RankZeroLogger::names_of(*logger); });
    if (auto* silent = dynamic_cast<RankZeroLogger*>(logger.get())) silent->take_names(names);
  }
}

}  // namespace levin

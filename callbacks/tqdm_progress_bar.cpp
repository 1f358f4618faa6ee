#include "levin/callbacks/tqdm_progress_bar.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string_view>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/progress_line.h"
#include "levin/framework/trainer/trainer.h"

namespace levin {
namespace {

std::int64_t with_environment(std::int64_t refresh_rate) {
  const char* text = std::getenv("TQDM_MINITERS");
  if (!text) return refresh_rate;
  const std::string_view given(text);
  std::int64_t least = 0;
  const auto [end, bad] = std::from_chars(given.data(), given.data() + given.size(), least);
  if (bad != std::errc() || end != given.data() + given.size())
    throw ValueError("TQDM_MINITERS: expected an int, got '" + std::string(given) + "'");
  return std::max(least, refresh_rate);
}

std::string text_of(const Value& value) {
  if (value.is_float()) return progress_number(value.as_double());
  return value.is_string() ? value.as_string() : value.repr();
}

}  // namespace

TQDMProgressBar::TQDMProgressBar(Options options) : ProgressBar(options.leave), refresh_rate_(with_environment(options.refresh_rate)) {}

bool TQDMProgressBar::is_due(std::int64_t done, std::optional<std::int64_t> total) const {
  return done % refresh_rate_ == 0 || done == total;
}

std::string TQDMProgressBar::line(const Bar& bar, int columns) const {
  ProgressState state{bar.description, bar.done, bar.total, bar.elapsed, {}};
  for (const auto& [name, value] : bar.metrics) state.postfix.emplace_back(name.as_string(), text_of(value));
  return progress_line(state, columns);
}

std::string TQDMProgressBar::epoch_description(const Trainer& trainer) const { return "Epoch " + std::to_string(trainer.current_epoch()); }

std::string TQDMProgressBar::loader_description(const std::string& description, std::int64_t dataloader_idx) const {
  return description + " DataLoader " + std::to_string(dataloader_idx);
}

}  // namespace levin

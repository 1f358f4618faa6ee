#include "levin/callbacks/rich_progress_bar.h"

#include <cstdlib>

#include "levin/framework/base/clock.h"
#include "levin/framework/base/python_format.h"
#include "levin/framework/base/rich_style.h"
#include "levin/framework/trainer/trainer.h"

namespace levin {
namespace {

RichStyles styles_of(const RichProgressBarTheme& theme) {
  return {rich_style(theme.description), rich_style(theme.progress_bar), rich_style(theme.progress_bar_finished), rich_style(theme.batch_progress),
          rich_style(theme.time), rich_style(theme.processing_speed), rich_style(theme.metrics), rich_style("grey23")};
}

}  // namespace

RichProgressBar::RichProgressBar(Options options) : ProgressBar(options.leave), options_(std::move(options)) {
  styles_ = styles_of(options_.theme);
  rich_style(options_.theme.progress_bar_pulse);
  python_format(0.0, options_.theme.metrics_format);
  if (const char* set = std::getenv("NO_COLOR"); set && *set) styles_ = {};
}

bool RichProgressBar::is_due(std::int64_t, std::optional<std::int64_t>) const {
  const double now = real_clock().now();
  if (now - last_due_ < 1.0 / static_cast<double>(options_.refresh_rate)) return false;
  last_due_ = now;
  return true;
}

std::string RichProgressBar::line(const Bar& bar, int columns) const {
  RichState state{bar.description, bar.done, bar.total, bar.elapsed, ""};
  const RichProgressBarTheme& theme = options_.theme;
  for (const auto& [name, value] : bar.metrics) {
    // As in Lightning: every number goes through the format, the version's as well.
    const std::string text = value.is_string() ? value.as_string() : python_format(value.number(), theme.metrics_format);
    state.metrics += (state.metrics.empty() ? "" : theme.metrics_text_delimiter) + name.as_string() + ": " + text;
  }
  return rich_line(state, columns > 0 ? styles_ : RichStyles{}, columns);
}

// As wide as "Validation", so that the two lines' bars begin at the same place.
std::string RichProgressBar::epoch_description(const Trainer& trainer) const {
  std::string out = "Epoch " + std::to_string(trainer.current_epoch());
  if (const auto epochs = trainer.max_epochs(); epochs && *epochs > 0) (out += "/") += std::to_string(*epochs - 1);
  if (const std::size_t width = validation_description().size(); out.size() < width) out.resize(width, ' ');
  return out;
}

std::string RichProgressBar::loader_description(const std::string& description, std::int64_t) const { return description; }

}  // namespace levin

#include "levin/framework/base/rich_line.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "levin/framework/base/display_width.h"

namespace levin {
namespace {

constexpr const char* no_style = "\x1b[0m";
constexpr int widest_bar = 40, narrowest_bar = 5;

std::string styled(const std::string& style, const std::string& text) {
  return style.empty() || text.empty() ? text : style + text + no_style;
}

std::string repeated(const char* text, std::int64_t times) {
  std::string out;
  for (std::int64_t i = 0; i < times; ++i) out += text;
  return out;
}

std::string bar(const RichState& state, const RichStyles& styles, std::int64_t width) {
  const double total = static_cast<double>(state.total.value_or(0));
  const double fraction = total > 0 ? std::clamp(static_cast<double>(state.done) / total, 0.0, 1.0) : 0;
  const auto halves = static_cast<std::int64_t>(fraction * static_cast<double>(width) * 2);
  const std::int64_t whole = halves / 2, half = halves % 2;
  const std::string done = repeated("━", whole) + repeated("╸", half);
  std::int64_t rest = width - whole - half;
  std::string left;
  if (styles.background.empty()) {
    left.append(static_cast<std::size_t>(rest), ' ');
  } else {
    if (rest > 0 && whole > 0 && half == 0) left = "╺", --rest;
    left += repeated("━", rest);
  }
  return styled(fraction >= 1 ? styles.progress_bar_finished : styles.progress_bar, done) + styled(styles.background, left);
}

// Python's str(timedelta), but hours go on beyond a day.
std::string hours(double seconds) {
  const auto whole = static_cast<std::int64_t>(seconds);
  char text[64];
  std::snprintf(text, sizeof text, "%lld:%02d:%02d", static_cast<long long>(whole / 3600), static_cast<int>(whole / 60 % 60),
                static_cast<int>(whole % 60));
  return text;
}

std::string times(const RichState& state, double speed) {
  const bool countable = state.total && speed > 0;
  const double left = countable ? static_cast<double>(std::max<std::int64_t>(*state.total - state.done, 0)) / speed : 0;
  return hours(state.elapsed) + " • " + (countable && left < 1e9 ? hours(std::ceil(left)) : "-:--:--");
}

}  // namespace

std::string rich_line(const RichState& state, const RichStyles& styles, int columns) {
  const double speed = state.elapsed > 0 ? static_cast<double>(state.done) / state.elapsed : 0;
  char rate[64];
  std::snprintf(rate, sizeof rate, "%.2fit/s", speed);
  std::string right = " " + styled(styles.batch_progress, std::to_string(state.done) + "/" + (state.total ? std::to_string(*state.total) : "--")) +
                      " " + styled(styles.time, times(state, speed)) + " " + styled(styles.processing_speed, rate);
  if (!state.metrics.empty()) right += " " + styled(styles.metrics, state.metrics);
  const std::string left = styled(styles.description, state.description) + " ";
  if (columns <= 0) return left + bar(state, styles, widest_bar) + right;

  const int room = columns - display_width(left) - display_width(right);
  const std::string line = left + bar(state, styles, std::clamp(room, narrowest_bar, widest_bar)) + right;
  if (display_width(line) <= columns) return line;
  const std::string cut(fit_to_width(line, columns));
  return cut.find('\x1b') == cut.npos ? cut : cut + no_style;
}

}  // namespace levin

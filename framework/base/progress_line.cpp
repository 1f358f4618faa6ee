#include "levin/framework/base/progress_line.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string_view>

#include "levin/framework/base/display_width.h"
#include "levin/framework/base/python_format.h"
#include "levin/framework/base/strip.h"

namespace levin {
namespace {

std::string printed(const char* format, double value) {
  char buffer[400];  // the longest double has 309 digits before the point
  std::snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}

std::string bar(double fraction, int length) {
  static constexpr const char* kEighths[] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  fraction = std::clamp(fraction, 0.0, 1.0);
  const int eighths = static_cast<int>(fraction * length * 8);
  std::string out;
  for (int i = 0; i < eighths / 8; ++i) out += "█";
  if (eighths / 8 < length) {
    out += kEighths[eighths % 8];
    out.append(static_cast<std::size_t>(length - eighths / 8 - 1), ' ');
  }
  return out;
}

// What stands around the bar; without a bar all of it is `left`.
struct Parts {
  std::string left, right;
  bool has_bar;
  double fraction;
};

std::string rate_text(double rate, ProgressFormat format) {
  if (rate == 0) return "?it/s";
  if (format == ProgressFormat::tqdm && 1 / rate > 1) return printed("%5.2f", 1 / rate) + "s/it";
  return printed("%5.2f", rate) + "it/s";
}

Parts parts_of(const ProgressState& state) {
  const std::int64_t total = state.total.value_or(0);
  const bool overrun = total != 0 && state.done > total;
  const bool countable = total != 0 && !overrun;
  const double done = static_cast<double>(state.done);
  const double rate = state.elapsed != 0 ? done / state.elapsed : 0;
  const double left = countable && rate != 0 ? static_cast<double>(total - state.done) / rate : 0;

  std::string prefix = state.description;
  if (!prefix.empty() && !prefix.ends_with(": ")) prefix += ": ";
  std::string tail = rate_text(rate, state.format);
  for (const auto& [name, value] : state.postfix) {
    tail += ", " + name + "=";
    tail += stripped(value);
  }
  tail += "]";
  const std::string count = std::to_string(state.done);
  const std::string elapsed = " [" + clock_time(state.elapsed);
  if (!countable && state.format == ProgressFormat::tqdm)
    return {prefix + count + "it" + elapsed + ", " + tail, "", false, 0};

  const double fraction = countable ? done / static_cast<double>(total) : 0;
  if (countable) prefix += printed("%3.0f", fraction * 100) + "%";
  const std::string all = state.total && !overrun ? std::to_string(total) : "?";
  std::string right = "| " + count + "/" + all + elapsed + "<";
  right += (rate != 0 ? clock_time(left) : "?") + ", " + tail;
  return {prefix + "|", right, true, fraction};
}

}  // namespace

std::string progress_line(const ProgressState& state, int columns) {
  const Parts parts = parts_of(state);
  std::string line = parts.left;
  if (parts.has_bar) {
    const int text = display_width(parts.left) + display_width(parts.right);
    line += bar(parts.fraction, columns > 0 ? std::max(1, columns - text) : 10) + parts.right;
  }
  return columns > 0 ? std::string(fit_to_width(line, columns)) : line;
}

std::string progress_number(double value) {
  std::string shorter = printed("%.3g", value);
  for (const char* exponent : {"e+0", "e-0"})
    if (const auto at = shorter.find(exponent); at != shorter.npos) shorter.erase(at + 2, 1);
  std::string text = python_repr(value);
  if (shorter.size() < text.size()) text = shorter;
  if (text.find('e') != text.npos) return text;
  if (text.find('.') == text.npos && text.size() < 5) text += ".";
  if (text.size() < 5) text.append(5 - text.size(), '0');
  return text;
}

std::string clock_time(double seconds) {
  constexpr double kMost = 9e18;  // stays within the integer for a rate near 0
  const auto whole = static_cast<std::int64_t>(std::clamp(std::trunc(seconds), -kMost, kMost));
  const std::int64_t size = whole < 0 ? -whole : whole;
  const auto two = [](std::int64_t n) { return (n < 10 ? "0" : "") + std::to_string(n); };
  const std::string minutes = two(size / 60 % 60) + ":" + two(size % 60);
  const std::string hours = size >= 3600 ? std::to_string(size / 3600) + ":" : "";
  return (whole < 0 ? "-" : "") + hours + minutes;
}

}  // namespace levin

#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "levin/framework/base/export.h"

namespace levin {

/// Escape sequences (`rich_style`) for the parts of a line; "" for plain text.
struct RichStyles {
  std::string description, progress_bar, progress_bar_finished, batch_progress, time, processing_speed, metrics, background;
};

/// What one progress bar shows.
struct RichState {
  std::string description;
  std::int64_t done = 0;
  std::optional<std::int64_t> total;
  double elapsed = 0;   ///< seconds
  std::string metrics;  ///< one text
};

/// The line that rich prints for Lightning's `RichProgressBar`, such as
/// `Epoch 3/9  ━━━━━━━━━━╺━━━━━━━━━ 32/64 0:00:01 • 0:00:01 25.60it/s v_num: 0.000 train_loss: 0.500`.
/// The bar is 40 characters wide or as narrow as `columns` makes it; where there is no room the line is cut at its right end,
/// instead of being wrapped as rich does. With `columns` 0 or less nothing is cut. Without styles the bar's rest is blank.
LEVIN_API std::string rich_line(const RichState& state, const RichStyles& styles, int columns);

}  // namespace levin

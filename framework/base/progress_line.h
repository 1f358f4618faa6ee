#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "levin/framework/base/export.h"

namespace levin {

enum class ProgressFormat {
  /// Lightning's bar: always "it/s", and an empty bar with "12/?" when the total is unknown.
  lightning,
  /// tqdm's own: "s/it" below one a second, and "12it [00:00, 34.00it/s]" when the total is unknown.
  tqdm,
};

/// What one progress bar shows. A plain value: who draws it reads the clock.
struct ProgressState {
  std::string description;  ///< such as "Epoch 3"; ": " is added
  std::int64_t done = 0;
  std::optional<std::int64_t> total;  ///< more done than this counts as unknown
  double elapsed = 0;                 ///< seconds
  std::vector<std::pair<std::string, std::string>> postfix;  ///< printed as ", name=value" in order
  ProgressFormat format = ProgressFormat::lightning;
};

/// The line that tqdm prints for `state`, such as
/// `Epoch 3: 100%|██████████| 64/64 [00:01<00:00, 51.20it/s, v_num=0, train_loss=0.500]`, as wide as
/// `columns`: the bar takes the room that the text leaves, and where there is none the line is cut at
/// its right end. With `columns` 0 or less the bar has 10 characters and nothing is cut. No newline.
LEVIN_API std::string progress_line(const ProgressState& state, int columns);

/// A metric in a progress bar, as Lightning's bar prints a float: about five characters, padded so
/// that the line does not jitter: "0.500", "1.230", "12.30", "3e+5".
LEVIN_API std::string progress_number(double value);

/// Seconds as "MM:SS", from an hour on "H:MM:SS"; fractions are dropped.
LEVIN_API std::string clock_time(double seconds);

}  // namespace levin

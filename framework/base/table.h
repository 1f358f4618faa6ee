#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "levin/framework/base/export.h"

/// The text tables that a run prints, laid out as Lightning's without rich.
namespace levin {

/// One layer in the summary.
struct SummaryRow {
  std::string name;
  std::string type;
  std::int64_t params = 0;
  bool train_mode = true;
  std::int64_t flops = 0;
  std::string in_sizes;   ///< such as "[32, 64]"; the columns appear when a row has one
  std::string out_sizes;
};

/// The lines below the summary.
struct SummaryTotals {
  std::int64_t trainable_params = 0;
  std::int64_t total_params = 0;
  double model_size_mb = 0;  ///< 10^6 bytes
  std::int64_t train_modules = 0;
  std::int64_t eval_modules = 0;
  std::int64_t flops = 0;
  std::int64_t other_params = 0;  ///< in no row above: when not 0, the row "other params"
};

/// Lightning's model summary, numbered rows between rulers and then the totals, without a newline at
/// its end.
LEVIN_API std::string summary_table(const std::vector<SummaryRow>& rows, const SummaryTotals& totals);

/// "123  ", "1.2 K", "2.0 M", "3.0 B", "400 T", "5,000 T". ValueError below 0.
LEVIN_API std::string human_readable_count(std::int64_t number);

/// What one data loader's evaluation gave: names as logged and values.
using LoaderResults = std::vector<std::pair<std::string, double>>;

/// The table that `Trainer::validate` and `Trainer::test` print, without a newline at its end: a
/// column for each data loader, a row for each metric, sorted, its name without
/// "/dataloader_idx_N". `stage` is "validate" or "test"; `columns` the terminal's width, where 0
/// means unknown and counts as 120. More loaders than fit give further tables below. Empty when
/// nothing was logged.
LEVIN_API std::string results_table(std::string_view stage, const std::vector<LoaderResults>& loaders,
                                    int columns);

}  // namespace levin

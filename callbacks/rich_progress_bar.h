#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "levin/callbacks/progress_bar.h"
#include "levin/framework/base/fields.h"
#include "levin/framework/base/rich_line.h"

namespace levin {

/// How the parts of the line look, in rich's words ("bold red on white", "#6206E0", "dim underline"; "" is plain).
struct RichProgressBarTheme {
  std::string description = "";
  std::string progress_bar = "#6206E0";
  std::string progress_bar_finished = "#6206E0";
  /// For loaders without a length. There the bar stays empty: nothing pulses.
  std::string progress_bar_pulse = "#6206E0";
  std::string batch_progress = "";
  std::string time = "dim";
  std::string processing_speed = "dim underline";
  std::string metrics = "italic";
  std::string metrics_text_delimiter = " ";
  /// As in Python's `format(value, ".3f")`.
  std::string metrics_format = ".3f";
};

template <class V>
void fields(V&& f, RichProgressBarTheme& o) {
  f("description", o.description, "style of the name in front");
  f("progress_bar", o.progress_bar, "style of the bar");
  f("progress_bar_finished", o.progress_bar_finished, "style of a full bar");
  f("progress_bar_pulse", o.progress_bar_pulse, "style of the bar of a loader without a length");
  f("batch_progress", o.batch_progress, "style of the count of batches");
  f("time", o.time, "style of the time gone and left");
  f("processing_speed", o.processing_speed, "style of the rate");
  f("metrics", o.metrics, "style of the metrics");
  f("metrics_text_delimiter", o.metrics_text_delimiter, "between two metrics");
  f("metrics_format", o.metrics_format, "how numbers are written, as for Python's format()");
}

struct RichProgressBarOptions {
  /// Redraw at most n times a second, and at most 10 times whatever is asked for; 0 switches the bar off.
  std::int64_t refresh_rate = 100;
  /// Leave each epoch's line standing instead of drawing over it.
  bool leave = false;
  RichProgressBarTheme theme = {};
};

template <class V>
void fields(V&& f, RichProgressBarOptions& o) {
  f("refresh_rate", o.refresh_rate, "redraw at most n times a second, and at most 10 times; 0: no bar");
  f("leave", o.leave, "leave each epoch's line standing");
  f("theme", o.theme, "styles of the parts");
}

/// The progress bar as the Python package rich draws it for Lightning, in colour:
/// `Epoch 3/9  ━━━━━━━━━━╺━━━━━━━━━ 32/64 0:00:01 • 0:00:01 25.60it/s v_num: 0.000 train_loss: 0.500`.
/// The environment's NO_COLOR takes the styles away. The constructor throws ValueError for a style or a format that is none.
class LEVIN_API RichProgressBar : public ProgressBar {
 public:
  using Options = RichProgressBarOptions;
  explicit RichProgressBar(Options options = {});

  std::int64_t refresh_rate() const { return options_.refresh_rate; }
  bool is_enabled() const override { return options_.refresh_rate > 0 && ProgressBar::is_enabled(); }

 protected:
  bool is_due(std::int64_t done, std::optional<std::int64_t> total) const override;
  std::string line(const Bar& bar, int columns) const override;
  /// "Epoch 3/9".
  std::string epoch_description(const Trainer& trainer) const override;
  std::string loader_description(const std::string& description, std::int64_t dataloader_idx) const override;

 private:
  Options options_;
  RichStyles styles_;
  mutable double last_due_ = -1;
};

}  // namespace levin

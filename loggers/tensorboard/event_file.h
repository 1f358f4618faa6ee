#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "levin/framework/base/background_log.h"
#include "levin/framework/base/value.h"

/// TensorBoard's files, without LibTorch.
namespace levin::tensorboard {

namespace proto {
class Event;
}

/// When something was logged: seconds since 1970, and the x-axis (none: 0).
struct Stamp {
  double wall_time;
  std::optional<std::int64_t> step;
};

/// An image of 8 bits a channel, row by row, the channels of a pixel together.
struct Pixels {
  std::int64_t height, width, channels;  ///< channels: 1 grey, 3 RGB, 4 RGBA
  std::string bytes;
};

/// The image as a PNG file. ValueError for another number of channels or of bytes, or an empty image.
std::string encode_png(const Pixels& image);

/// How many values fall where, as `SummaryWriter.add_histogram(bins="tensorflow")` counts them: buckets whose ends grow by a tenth
/// each from 1e-12 to 1e20, on both sides of 0; only those from the first value to the last, and an empty one before.
struct Histogram {
  double min, max, num, sum, sum_squares;
  std::vector<double> limits, counts;  ///< the right end of each bucket, and how many values are in it
};
/// ValueError without values, or if none lies within the buckets.
Histogram make_histogram(std::vector<double> values);

/// Appends `data` to `out` as a TFRecord: its length, the length's checksum, the data, the data's checksum.
void append_record(std::string& out, std::string_view data);

/// A file `events.out.tfevents.<seconds>.<host>.<process>.<number><suffix>`: what TensorBoard finds in a run's folder. Records
/// gather in memory; a flush appends them with one write, so that a killed run leaves whole ones.
class EventFile final : public LogSink {
 public:
  /// Begins the file. With `purge_step`, TensorBoard forgets what earlier files of the folder have from that step on. Nothing is
  /// thrown for a disk that is full: the next flush tries again.
  explicit EventFile(const std::string& folder, std::string_view suffix = "", std::optional<std::int64_t> purge_step = {});
  ~EventFile() override;

  /// A scalar for each metric, all in one event.
  void row(std::span<const Metric> metrics, std::int64_t step, double wall_time) override;
  void flush() override;

  void scalar(const Stamp& at, std::string_view tag, double value);
  void image(const Stamp& at, std::string_view tag, const Pixels& image);
  void histogram(const Stamp& at, std::string_view tag, const Histogram& histogram);
  /// Shown as Markdown. The tag gets "/text_summary" behind it, as in torch.
  void text(const Stamp& at, std::string_view tag, std::string_view text);
  /// The three summaries that the HPARAMS page shows a run by. `params` is a flat dict of bool, int, float and str; other values
  /// are shown as text. `metrics` are the tags of scalars that the page shows beside them.
  void hparams(const Stamp& at, const Value& params, const std::vector<std::string>& metrics);

  const std::string& path() const { return path_; }

 private:
  void add(const Stamp& at, proto::Event& event);

  std::string path_, waiting_, scratch_;
  const std::unique_ptr<proto::Event> row_;  // made once: rows differ little
};

}  // namespace levin::tensorboard

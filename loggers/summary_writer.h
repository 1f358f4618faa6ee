#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "levin/framework/base/background_log.h"
#include "levin/framework/base/value.h"

namespace levin {

namespace tensorboard {
class EventFile;
}

/// `torch.utils.tensorboard.SummaryWriter`: puts scalars, images, histograms and text into an event file of TensorBoard's.
/// `TensorBoardLogger::experiment()` gives the one of a run:
///
///     auto& writer = dynamic_cast<levin::TensorBoardLogger&>(*logger()).experiment();
///     writer.add_image("samples", image, global_step());
///
/// Everything is encoded and written in the background within a second; tensors are copied first, so they may change at once.
/// `walltime` is in seconds since 1970, by default now; without a `global_step` the x-axis is 0. Safe to call from any thread.
/// Where this process is not rank 0, nothing is written. The logger makes it.
class LEVIN_API SummaryWriter {
 public:
  using Step = std::optional<std::int64_t>;

  /// Adds to `file` on the thread of `log`, whose sink it is; null ones make a writer that does nothing.
  SummaryWriter(std::string log_dir, BackgroundLog* log, tensorboard::EventFile* file);
  ~SummaryWriter();
  SummaryWriter(const SummaryWriter&) = delete;

  void add_scalar(std::string_view tag, double scalar_value, Step global_step = {}, std::optional<double> walltime = {});
  /// Several curves in one chart: each is a run of its own, in `<log_dir>/<main_tag>_<tag>`.
  void add_scalars(std::string_view main_tag, const std::vector<std::pair<std::string, double>>& tag_scalar_dict,
                   Step global_step = {}, std::optional<double> walltime = {});
  /// An image of type uint8 (0 to 255) or of any other (0 to 1, cut off beyond). `dataformats` says what the dimensions are: "CHW",
  /// "HWC" or "HW", with 1, 3 or 4 channels. ValueError for another shape or format.
  void add_image(std::string_view tag, const at::Tensor& img_tensor, Step global_step = {}, std::optional<double> walltime = {},
                 std::string_view dataformats = "CHW");
  /// A batch of them with 1 or 3 channels ("NCHW", "NHWC") as one image, eight in a row.
  void add_images(std::string_view tag, const at::Tensor& img_tensor, Step global_step = {}, std::optional<double> walltime = {},
                  std::string_view dataformats = "NCHW");
  /// How the values of a tensor are spread. ValueError for an empty one; NaN and values beyond 1e20 are in no bucket.
  void add_histogram(std::string_view tag, const at::Tensor& values, Step global_step = {}, std::optional<double> walltime = {});
  /// Markdown.
  void add_text(std::string_view tag, std::string_view text_string, Step global_step = {}, std::optional<double> walltime = {});
  /// What the HPARAMS page shows: a dict of hyperparameters (bool, int, float, str; nested dicts as "a/b", others as text) and the
  /// tags of the scalars beside them. In this writer's own run.
  void add_hparams(const Value& hparam_dict, const std::vector<std::string>& metrics, Step global_step = {});
  /// Returns when all that was added is in the file.
  void flush();

  const std::string& log_dir() const { return log_dir_; }

 private:
  struct Target {
    BackgroundLog* log;
    tensorboard::EventFile* file;  // the log's: for its thread only
  };
  Target curve(const std::string& folder);

  std::string log_dir_;
  Target main_;
  std::mutex mutex_;
  std::map<std::string, std::pair<std::unique_ptr<BackgroundLog>, tensorboard::EventFile*>> curves_;  // of add_scalars
};

}  // namespace levin

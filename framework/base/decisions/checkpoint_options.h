#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "levin/framework/base/decisions/monitor.h"
#include "levin/framework/base/decisions/triggers.h"
#include "levin/framework/base/export.h"
#include "levin/framework/base/fields.h"

/// The options of `ModelCheckpoint`, in Lightning's order, and what they come to.
namespace levin {

struct ModelCheckpointOptions {
  /// Where the files go. Null: `<save_dir>/<name>/version_<n>/checkpoints` of the first logger, or
  /// `checkpoints` in default_root_dir.
  std::optional<std::string> dirpath;
  /// A template such as "{epoch}-{val_loss:.2f}". Null: "{epoch}-{step}".
  std::optional<std::string> filename;
  /// The metric that decides; null: the newest checkpoint is kept.
  std::optional<std::string> monitor;
  bool verbose = false;
  /// True: also write `last.ckpt`; "link": make it a symbolic link to the newest checkpoint.
  std::variant<std::monostate, bool, std::string> save_last;
  std::int64_t save_top_k = 1;
  bool save_on_exception = false;
  bool save_weights_only = false;
  std::string mode = "min";
  bool auto_insert_metric_name = true;
  std::optional<std::int64_t> every_n_train_steps;
  std::optional<Seconds> train_time_interval;
  std::optional<std::int64_t> every_n_epochs;
  std::optional<bool> save_on_train_epoch_end;
  bool enable_version_counter = true;
};

template <class V>
void fields(V&& f, ModelCheckpointOptions& o) {
  f("dirpath", o.dirpath,
    "folder of the checkpoints; null: chosen from the logger or default_root_dir");
  f("filename", o.filename,
    "template of the file name, such as '{epoch}-{val_loss:.2f}'; null: '{epoch}-{step}'");
  f("monitor", o.monitor, "metric that decides which checkpoints are kept; null: the newest");
  f("verbose", o.verbose, "say when a checkpoint is saved or was not good enough");
  f("save_last", o.save_last,
    "true: also write last.ckpt; 'link': make it a symbolic link to the newest checkpoint");
  f("save_top_k", o.save_top_k, "how many of the best checkpoints are kept; -1: all, 0: none");
  f("save_on_exception", o.save_on_exception, "save when training fails");
  f("save_weights_only", o.save_weights_only,
    "leave out the states of optimizers, schedulers and callbacks");
  f("mode", o.mode, "min: lower is better; max: higher is better");
  f("auto_insert_metric_name", o.auto_insert_metric_name, "'{epoch}' prints 'epoch=3' and not '3'");
  f("every_n_train_steps", o.every_n_train_steps,
    "save at every n-th optimizer step; 0: not by steps");
  f("train_time_interval", o.train_time_interval, "save after this much time; 0: at every batch");
  f("every_n_epochs", o.every_n_epochs, "save after every n-th epoch; 0: not by epochs");
  f("save_on_train_epoch_end", o.save_on_train_epoch_end,
    "at the end of the training epoch (true) or of validation (false); null: whichever fits");
  f("enable_version_counter", o.enable_version_counter,
    "append -v1, -v2 to a name that is taken; false: overwrite");
}

/// Checked options with the triggers filled in: exactly one of the three is on, or none.
struct LEVIN_API CheckpointPlan {
  /// Checks in Lightning's order; MisconfigurationException in Lightning's words.
  explicit CheckpointPlan(const ModelCheckpointOptions& options);

  /// `ModelCheckpoint{'monitor': 'val_loss', ...}`: the key of the state in a checkpoint, to the
  /// letter.
  std::string state_key(std::string_view class_name = "ModelCheckpoint") const;
  /// The trigger of regular saves, waiting for the metric when there is one. `agree`: see
  /// EverySeconds.
  std::unique_ptr<Trigger> make_trigger(EverySeconds::Agree agree = {}) const;

  ModelCheckpointOptions options;
  MonitorMode mode;
  std::int64_t every_n_train_steps = 0;  ///< 0: off
  std::int64_t every_n_epochs = 0;       ///< 0: off
  bool saves_last = false;  ///< save_last is truthy: true, or any string that is not empty
  bool links_last = false;  ///< save_last is "link"
};

/// Python's `str(timedelta)`: "1 day, 0:01:00".
LEVIN_API std::string timedelta_str(Seconds duration);
/// Python's `repr(timedelta)`: "datetime.timedelta(days=1, seconds=60)".
LEVIN_API std::string timedelta_repr(Seconds duration);

}  // namespace levin

#pragma once
#include <string>
#include <utility>
#include <vector>

#include "levin/framework/base/decisions/checkpoint_policy.h"
#include "levin/framework/base/decisions/filename_template.h"
#include "levin/framework/base/decisions/retention.h"
#include "levin/framework/base/folder_lock.h"
#include "levin/framework/callback.h"

namespace levin {

class Strategy;

/// Saves checkpoints while training: the best by a monitored metric, the newest, or all of them.
///
///     levin::make<levin::ModelCheckpoint>({.monitor = "val_loss", .save_last = true, .save_top_k = 3})
///
/// Which files are saved, named, ranked and removed is what Lightning's ModelCheckpoint does; every file is written atomically and
/// durably, and an old file is removed only after the new one is complete. All options: `ModelCheckpointOptions`.
///
/// During fit the folder is this process's alone: a second process that wants to save there gets an OSError that names the first
/// (several ModelCheckpoints and Trainers of one process share it). What killed processes left half-written is swept away first.
class LEVIN_API ModelCheckpoint : public Checkpoint {
 public:
  using Options = ModelCheckpointOptions;
  /// Checks the options; MisconfigurationException in Lightning's words. Beyond Lightning: a `trigger` of your own decides when to save
  /// (in place of `every_n_train_steps`, `train_time_interval` and `every_n_epochs`), and a `retention` which files stay besides the
  /// top k; see base/decisions/triggers.h and retention.h.
  explicit ModelCheckpoint(Options options = {}, std::unique_ptr<Trigger> trigger = nullptr,
                           std::shared_ptr<const Retention> retention = nullptr);

  // Changeable per object, as in Lightning.
  std::string CHECKPOINT_JOIN_CHAR = "-";
  std::string CHECKPOINT_EQUALS_CHAR = "=";
  std::string CHECKPOINT_NAME_LAST = "last";
  std::string FILE_EXTENSION = ".ckpt";
  std::int64_t STARTING_VERSION = 1;

  std::string best_model_path() const override { return policy_.top_k().best_model_path(); }
  std::string last_model_path() const override { return policy_.last_model_path(); }
  std::string last_checkpoint_saved() const override { return policy_.last_checkpoint_saved(); }
  const std::string& kth_best_model_path() const { return policy_.top_k().kth_best_model_path(); }
  /// The best monitored value so far; none without a monitor or before the first save.
  std::optional<double> best_model_score() const;
  std::optional<double> current_score() const;
  double kth_value() const { return policy_.top_k().kth_value().value; }
  /// Path and score of each kept checkpoint, in the order they were saved.
  std::vector<std::pair<std::string, double>> best_k_models() const;
  /// Where files go; known from the constructor on if given, else from `setup` on.
  const std::string& dirpath() const { return dirpath_; }
  const Options& options() const { return plan_.options; }

  /// The path for these metrics; see FilenameTemplate for the rules.
  std::string format_checkpoint_name(const FilenameMetrics& metrics, const std::optional<std::string>& filename = {},
                                     std::optional<std::int64_t> ver = {}, const std::optional<std::string>& prefix = {}) const;
  /// Writes `best_k_models` as YAML, path: score; to `best_k_models.yaml` in `dirpath` unless another file is given.
  void to_yaml(const std::optional<std::string>& filepath = {}) const;
  /// Whether a file is there, as rank 0 sees it.
  bool file_exists(const std::string& path, Trainer& trainer) const;
  std::vector<std::string> last_candidates(Trainer& trainer) const override;

  void setup(Trainer& trainer, LightningModule& module, std::string_view stage) override;
  void on_train_start(Trainer& trainer, LightningModule& module) override;
  void on_train_batch_end(Trainer& trainer, LightningModule& module, const StepOutput& outputs, const Batch& batch,
                          std::int64_t batch_idx) override;
  void on_train_epoch_end(Trainer& trainer, LightningModule& module) override;
  void on_validation_end(Trainer& trainer, LightningModule& module) override;
  void on_exception(Trainer& trainer, LightningModule& module, const std::exception& exception) override;
  void on_train_end(Trainer& trainer, LightningModule& module) override;
  void teardown(Trainer& trainer, LightningModule& module, std::string_view stage) override;

  std::string state_key() const override;
  Value state_dict() const override;
  void load_state_dict(const Value& state) override;
  Value resume_state() const override;
  void load_resume_state(const Value& state) override;

 private:
  struct Candidates;
  struct Saving;
  Moment moment(Trainer& trainer, Moment::Event event) const;
  void consider(Trainer& trainer, Moment::Event event);
  void save_top_k(Trainer& trainer, const Candidates& candidates);
  void save_last(Trainer& trainer, const Candidates& candidates);
  void save(Trainer& trainer, const std::string& path);
  void remove(Trainer& trainer, const std::string& previous, const std::string& current);
  void release(Trainer& trainer);
  std::string default_dirpath(Trainer& trainer) const;
  void take_folder(Trainer& trainer, bool make);
  bool lock_folder(bool make);
  bool is_taken(const std::string& path, Trainer& trainer) const;
  void give_folder_back();
  void note_saved(const std::string& path, std::int64_t epoch, std::int64_t global_step);
  void apply_retention(Trainer& trainer, const std::string& current);
  std::string free_name(Trainer& trainer, const Candidates& candidates, const std::string& exempt, const std::optional<std::string>& filename) const;
  FilenameTemplate name_template() const;

  CheckpointPlan plan_;
  CheckpointPolicy policy_;
  std::string dirpath_;
  FolderLock lock_;  ///< held during fit, from when the folder is there
  bool has_folder_ = false;
  Strategy* asking_ = nullptr;  ///< while the trigger is asked: rank 0's clock decides
  std::string saving_;  ///< the file that is being written
  std::int64_t saving_step_ = 0;
  std::string leaving_;  ///< the file that the one being written replaces
  std::shared_ptr<const Retention> retention_;
  std::vector<SavedCheckpoint> files_;  ///< saved and not removed, oldest first; kept only for a retention
  bool moved_ = false;  ///< the state that was loaded is of another folder
};

}  // namespace levin

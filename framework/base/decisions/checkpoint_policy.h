#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "levin/framework/base/decisions/checkpoint_options.h"
#include "levin/framework/base/decisions/moment.h"
#include "levin/framework/base/decisions/top_k.h"
#include "levin/framework/base/decisions/triggers.h"
#include "levin/framework/base/export.h"

/// What ModelCheckpoint decides, without files and tensors: the callback asks, formats names,
/// writes and removes.
namespace levin {

/// What to do at a moment, in this order: `exception`, `top_k`, `last`.
struct CheckpointDecision {
  enum class Last : std::uint8_t {
    never,
    always,
    if_saved_now,  ///< only if the newest save was at this global_step, or the last file is a link
                   ///< and there is something to link to
  };
  bool exception = false;  ///< save under the plain name, without version counter and without a
                           ///< place among the best
  bool top_k = false;      ///< offer a checkpoint to the top k (without a monitor: save the newest)
  Last last = Last::never;

  bool nothing() const { return !exception && !top_k && last == Last::never; }
};

/// How one ModelCheckpoint goes on through a fit. Call order at each moment:
///
///     auto decision = policy.decide(moment);
///     if (decision.top_k && policy.top_k().admits(score)) {       // all ranks agree
///       path  = name that is free, except for policy.top_k().leaves()
///       left  = policy.top_k().admit(path, score);                // state first: the file names
///       itself as the best write path;  policy.saved(step, path); remove left, if may_remove(...);
///       // never fewer than k files
///     }
///     if (policy.wants_last(decision, step)) {
///       path   = "last", free except for policy.last_model_path()
///       before = policy.move_last(path);
///       if (policy.last_is_link()) link path to policy.last_checkpoint_saved(); else { write path;
///       policy.saved(step, path); } remove before, if may_remove(...);
///     }
class LEVIN_API CheckpointPolicy {
 public:
  explicit CheckpointPolicy(const CheckpointPlan& plan, EverySeconds::Agree agree = {});
  /// With a trigger of the user's own in place of the plan's.
  CheckpointPolicy(const CheckpointPlan& plan, std::unique_ptr<Trigger> trigger);

  /// Call once at each event of `Moment::Event` in a run, also at those of the sanity check.
  CheckpointDecision decide(Moment moment);
  /// Call after what `decision.top_k` or `decision.exception` asked for is done.
  bool wants_last(const CheckpointDecision& decision, std::int64_t global_step) const;
  /// Whether the last file is a link to `last_checkpoint_saved()` this time, and not a file of its
  /// own.
  bool last_is_link() const;
  /// A file was written (not linked).
  void saved(std::int64_t global_step, const std::string& path);
  /// `path` becomes last_model_path; returns the one before ("" if none).
  std::string move_last(const std::string& path);

  TopK& top_k() { return top_k_; }
  const TopK& top_k() const { return top_k_; }
  const std::string& last_model_path() const { return last_model_path_; }
  const std::string& last_checkpoint_saved() const { return last_checkpoint_saved_; }
  std::int64_t last_global_step_saved() const { return last_global_step_saved_; }

  /// ModelCheckpoint's state with Lightning's keys in Lightning's order.
  Value state_dict(const std::string& dirpath) const;
  /// Takes it back. Returns Lightning's warning when the folder has changed; then only
  /// best_model_path is taken.
  std::optional<std::string> load_state_dict(const Value& state, const std::string& dirpath);
  /// What Lightning does not store: the trigger's state. After an exact resume call `saved(step,
  /// path)` too, with the file resumed from, so that the same step is not saved twice; without it
  /// Lightning's behaviour, which does.
  Value trigger_state() const { return trigger_->state_dict(); }
  void load_trigger_state(const Value& state) { trigger_->load_state_dict(state); }

 private:
  CheckpointPlan plan_;
  TopK top_k_;
  std::unique_ptr<Trigger> trigger_;
  std::int64_t last_global_step_saved_ =
      0;  // As in Lightning: nothing is saved before the first step.
  std::string last_checkpoint_saved_, last_model_path_;
};

/// How a Trainer validates, as far as `save_on_train_epoch_end` depends on it.
struct ValidationSchedule {
  bool every_so_much_time = false;  ///< val_check_interval is a duration
  std::optional<std::int64_t> check_val_every_n_epoch = 1;
  std::int64_t total_batches = 0;   ///< of all validation loaders
  double val_check_interval = 1.0;  ///< an int 1 counts as 1.0 here, as in Lightning
};
/// Whether saves happen at train_epoch_end (or else at validation_end): the option if given, else
/// what fits the validation.
LEVIN_API bool saves_on_train_epoch_end(const std::optional<bool>& given,
                                        const ValidationSchedule& validation);

/// Whether `previous`, which `current` replaced, may be deleted: never the file this run resumed
/// from, never a local file outside `dirpath`. Relative paths count from the working folder; a path
/// with "://" is remote.
LEVIN_API bool may_remove(const std::string& previous, const std::string& current,
                          const std::string& dirpath,
                          const std::optional<std::string>& resumed_from);

/// "`ModelCheckpoint(monitor='x')` could not find the monitored key ...": an error once validation
/// has run, before that a warning.
LEVIN_API std::string monitored_key_missing(std::string_view monitor,
                                            const std::vector<std::string>& available);
/// "Epoch 1, global step 4: 'v' reached 2.50000 (best 2.50000), saving model to '/x.ckpt' as top
/// 1": after `admit`, if verbose.
LEVIN_API std::string saving_line(std::int64_t epoch, std::int64_t step, std::string_view monitor,
                                  const TopK& top_k, std::string_view path);
/// "Epoch 2, global step 6: 'v' was not in top 1".
LEVIN_API std::string not_saving_line(std::int64_t epoch, std::int64_t step,
                                      std::string_view monitor, const TopK& top_k);

}  // namespace levin

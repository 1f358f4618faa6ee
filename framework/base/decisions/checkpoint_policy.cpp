#include "levin/framework/base/decisions/checkpoint_policy.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "levin/framework/base/python_format.h"

namespace levin {

using Event = Moment::Event;
using Last = CheckpointDecision::Last;

CheckpointPolicy::CheckpointPolicy(const CheckpointPlan& plan, EverySeconds::Agree agree)
    : CheckpointPolicy(plan, plan.make_trigger(std::move(agree))) {}

CheckpointPolicy::CheckpointPolicy(const CheckpointPlan& plan, std::unique_ptr<Trigger> trigger)
    : plan_(plan), top_k_(plan.options.save_top_k, plan.mode), trigger_(std::move(trigger)) {}

CheckpointDecision CheckpointPolicy::decide(Moment moment) {
  moment.already_saved = last_global_step_saved_ == moment.global_step;
  const bool due = trigger_->due(moment);
  CheckpointDecision out;
  switch (moment.event) {
    case Event::train_start:
      break;
    case Event::train_batch_end:
      out.top_k = due && moment.may_save();
      if (out.top_k) out.last = Last::always;
      break;
    case Event::train_epoch_end:
    case Event::validation_end:
      if (!moment.may_save()) break;
      if ((moment.event == Event::train_epoch_end) != moment.saves_on_train_epoch_end) break;
      out.top_k = due;
      // As in Lightning: with nothing saved now `last` goes stale, unless it is a link. What was
      // put off always renews it.
      out.last = due && plan_.every_n_epochs < 1 ? Last::always : Last::if_saved_now;
      break;
    case Event::train_end:
      // As in Lightning: also with fast_dev_run.
      if (last_checkpoint_saved_.empty()) out.last = Last::always;
      break;
    case Event::exception:
      // As in Lightning: also outside of fit.
      out.exception = plan_.options.save_on_exception && !moment.fast_dev_run &&
                      !moment.sanity_checking && !moment.already_saved;
      if (out.exception) out.last = Last::always;
      break;
  }
  if (!plan_.saves_last) out.last = Last::never;
  return out;
}

bool CheckpointPolicy::wants_last(const CheckpointDecision& decision,
                                  std::int64_t global_step) const {
  if (decision.last != Last::if_saved_now) return decision.last == Last::always;
  return last_global_step_saved_ == global_step ||
         (plan_.links_last && !last_checkpoint_saved_.empty());
}

bool CheckpointPolicy::last_is_link() const {
  return plan_.links_last && !last_checkpoint_saved_.empty() && plan_.options.save_top_k != 0;
}

void CheckpointPolicy::saved(std::int64_t global_step, const std::string& path) {
  last_global_step_saved_ = global_step;
  last_checkpoint_saved_ = path;
}

std::string CheckpointPolicy::move_last(const std::string& path) {
  return std::exchange(last_model_path_, path);
}

Value CheckpointPolicy::state_dict(const std::string& dirpath) const {
  Value scores, state = Value::dict();
  top_k_.write_state(scores);
  state["monitor"] = plan_.options.monitor ? Value(*plan_.options.monitor) : Value();
  for (const char* key : {"best_model_score", "best_model_path", "current_score"})
    state[key] = scores.at(key);
  state["dirpath"] = dirpath;
  for (const char* key : {"best_k_models", "kth_best_model_path", "kth_value"})
    state[key] = scores.at(key);
  state["last_model_path"] = last_model_path_;
  return state;
}

std::optional<std::string> CheckpointPolicy::load_state_dict(const Value& state,
                                                             const std::string& dirpath) {
  const Value* stored = state.find("dirpath");
  const bool moved = stored && *stored != Value(dirpath);
  top_k_.read_state(state, moved);
  if (!moved) {
    if (const Value* last = state.find("last_model_path")) last_model_path_ = last->as_string();
    return std::nullopt;
  }
  return "The dirpath has changed from " + stored->repr(4096) + " to " +
         python_repr(std::string_view(dirpath)) +
         ", therefore `best_model_score`, `kth_best_model_path`, `kth_value`, `last_model_path` "
         "and `best_k_models` won't be "
         "reloaded. Only `best_model_path` will be reloaded.";
}

bool saves_on_train_epoch_end(const std::optional<bool>& given,
                              const ValidationSchedule& validation) {
  if (given) return *given;
  if (validation.every_so_much_time || validation.check_val_every_n_epoch != 1) return false;
  return validation.total_batches == 0 || validation.val_check_interval == 1.0;
}

bool may_remove(const std::string& previous, const std::string& current, const std::string& dirpath,
                const std::optional<std::string>& resumed_from) {
  namespace fs = std::filesystem;
  if (previous.empty() || previous == current) return false;
  if (previous.find("://") != std::string::npos) return true;
  auto absolute = [](const std::string& path) { return fs::absolute(path).lexically_normal(); };
  const fs::path file = absolute(previous);
  if (resumed_from && file == absolute(*resumed_from)) return false;
  const fs::path inside = file.lexically_relative(absolute(dirpath));
  return !inside.empty() && inside != "." && *inside.begin() != "..";
}

std::string monitored_key_missing(std::string_view monitor,
                                  const std::vector<std::string>& available) {
  std::string names;
  for (const std::string& name : available)
    names += (names.empty() ? "" : ", ") + python_repr(std::string_view(name));
  const std::string key = python_repr(monitor);
  return "`ModelCheckpoint(monitor=" + key +
         ")` could not find the monitored key in the returned metrics: [" + names +
         "]. HINT: Did you call `log(" + key + ", value)` in the `LightningModule`?";
}

namespace {
std::string place(std::int64_t epoch, std::int64_t step, std::string_view monitor) {
  return "Epoch " + std::to_string(epoch) + ", global step " + std::to_string(step) + ": " +
         python_repr(monitor);
}
}  // namespace

std::string saving_line(std::int64_t epoch, std::int64_t step, std::string_view monitor,
                        const TopK& top_k, std::string_view path) {
  auto digits = [](const std::optional<Score>& score) {
    return python_format(score.value_or(Score{}).value, "0.5f");
  };
  return place(epoch, step, monitor) + " reached " + digits(top_k.current_score()) + " (best " +
         digits(top_k.best_model_score()) + "), saving model to " + python_repr(path) + " as top " +
         std::to_string(top_k.places());
}

std::string not_saving_line(std::int64_t epoch, std::int64_t step, std::string_view monitor,
                            const TopK& top_k) {
  return place(epoch, step, monitor) + " was not in top " + std::to_string(top_k.k());
}

}  // namespace levin

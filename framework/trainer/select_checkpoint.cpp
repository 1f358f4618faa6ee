// Which file `ckpt_path` means: a path, "best", "last" or "hpc".
#include <algorithm>
#include <set>

#include "levin/framework/base/codec/archive.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/trainer/preemption.h"
#include "levin/framework/trainer/trainer_impl.h"

namespace levin {
namespace {

std::string call_text(TrainerFn fn, const std::string& given) {
  return std::string(".") + stage_name(fn) + "(ckpt_path=\"" + given + "\")";
}

// What else lies in the folders of files that can't be used.
std::vector<std::string> others_beside(const std::vector<std::string>& paths) {
  std::set<std::string> out;
  for (const std::string& path : paths) {
    const auto beside = checkpoints_beside(path);
    out.insert(beside.begin(), beside.end());
  }
  for (const std::string& path : paths) out.erase(path);
  return {out.begin(), out.end()};
}

}  // namespace

// Rank 0 looks; all get its answer.
std::optional<std::string> Trainer::Impl::select_ckpt_path(const Request& request) {
  const Value selected = run.strategy->on_rank_zero([&] {
    const auto path = look_for_checkpoint(request);
    return Value(Dict{{"path", path ? Value(*path) : Value()}, {"by_last", by_last}});
  });
  by_last = selected.at("by_last").as_bool();
  return selected.at("path").is_none() ? std::nullopt : std::optional(selected.at("path").as_string());
}

std::optional<std::string> Trainer::Impl::look_for_checkpoint(const Request& request) {
  by_last = false;
  std::optional<std::string> given = request.ckpt_path;
  if (std::string& before = run.trainer.given_ckpt_path_; !before.empty()) {
    if (!given) return before;
    rank_zero_warn("`trainer.ckpt_path = " + Value(before).repr() + "` was called but then you passed `trainer.fit(ckpt_path=" +
                   Value(*given).repr() + ")`. The latter will be loaded.");
    before.clear();
  }
  // As in Lightning: a requeued SLURM job goes on by itself.
  if (!given && in_slurm_job() && newest_hpc_checkpoint(run.trainer.default_root_dir())) given = "hpc";
  if (!given && resumes_by_default(request)) given = "last";
  if (!given) return std::nullopt;
  if (*given == "best") return select_best(request);
  if (*given == "last") return select_last(request);
  if (*given == "hpc") {
    const auto found = newest_hpc_checkpoint(run.trainer.default_root_dir());
    if (found) return found;
    throw ValueError("`" + call_text(request.fn, *given) + "` is set but no HPC checkpoint was found. Please pass an exact checkpoint path to `." +
                     stage_name(request.fn) + "(ckpt_path=...)`");
  }
  return given;
}

bool Trainer::Impl::resumes_by_default(const Request& request) {
  const std::vector<Checkpoint*> checkpoints = run.trainer.checkpoint_callbacks();
  const bool some = std::any_of(checkpoints.begin(), checkpoints.end(), [](const Checkpoint* c) { return c->resumes_by_default(); });
  if (!some || request.fn != TrainerFn::fit) return false;
  rank_zero_warn("`.fit(ckpt_path=None)` was called without a model. The last model of the previous `fit` call will be used. You can pass "
                 "`fit(ckpt_path='best')` to use the best model or `fit(ckpt_path='last')` to use the last model. If you pass a value, this "
                 "warning will be silenced.");
  return true;
}

std::string Trainer::Impl::select_best(const Request& request) {
  const std::string call = call_text(request.fn, "best");
  const std::vector<Checkpoint*> checkpoints = run.trainer.checkpoint_callbacks();
  if (checkpoints.empty()) throw ValueError("`" + call + "` is set but `ModelCheckpoint` is not configured.");
  if (checkpoints.size() > 1) {
    rank_zero_warn("`" + call + "` is called with Trainer configured with multiple `ModelCheckpoint` callbacks. It will use the best " +
                   "checkpoint path from first checkpoint callback.");
  }
  const std::string path = checkpoints.front()->best_model_path();
  if (!path.empty()) return path;
  if (run.options.fast_dev_run > 0) {
    throw ValueError("You cannot execute `" + call + "` with `fast_dev_run=True`. Please pass an exact checkpoint path to `." +
                     stage_name(request.fn) + "(ckpt_path=...)`");
  }
  throw ValueError("`" + call + "` is set but `ModelCheckpoint` is not configured to save the best model.");
}

// The newest file by what is inside. One that can't be read is said and passed over, and if no `last` file can be read, the newest of
// the other checkpoints beside them is taken.
std::optional<std::string> Trainer::Impl::select_last(const Request& request) {
  std::vector<std::string> names;
  for (const Checkpoint* checkpoint : run.trainer.checkpoint_callbacks())
    for (auto& path : checkpoint->last_candidates(run.trainer)) names.push_back(std::move(path));
  if (const auto hpc = newest_hpc_checkpoint(run.trainer.default_root_dir())) names.push_back(*hpc);
  by_last = true;
  std::optional<std::string> found = newest_readable(names, request);
  if (!found && !names.empty()) {
    found = newest_readable(others_beside(names), request);
    if (found) rank_zero_warn("`" + call_text(request.fn, "last") + "`: no `last` checkpoint can be read; going on from the newest other one, " + *found);
  }
  if (!found) {
    rank_zero_warn(call_text(request.fn, "last") + " is set, but there is no last checkpoint available. " +
                   "No checkpoint will be loaded. HINT: Set `ModelCheckpoint(..., save_last=True)`.");
  }
  return found;
}

std::optional<std::string> Trainer::Impl::newest_readable(const std::vector<std::string>& names, const Request& request) {
  const auto refuse = [&](const std::string& path, const Error& error) {
    const std::string text = "`" + call_text(request.fn, "last") + "`: " + path + " can't be used: " + error.what();
    if (request.strict_ckpt) throw CheckpointError(text);
    rank_zero_warn(text + ". Falling back to an older checkpoint.");
  };
  std::vector<OrderedCheckpoint> candidates;
  for (const std::string& path : names) {
    try {
      candidates.push_back({path, order_of(read_archive(path, {.verify = false}))});
    } catch (const Error& error) {
      refuse(path, error);
    }
  }
  sort_newest_first(candidates);
  for (const auto& candidate : candidates) {
    try {
      preloaded = run.strategy->load_checkpoint(candidate.path);
      return candidate.path;
    } catch (const Error& error) {
      refuse(candidate.path, error);
    }
  }
  return std::nullopt;
}

bool Trainer::wrote_after_resume_point(const std::string& path) const {
  if (!impl_->by_last || impl_->resumed_sequence == 0) return false;
  try {
    const SaveOrder order = order_of(read_archive(path, {.verify = false}));
    return order.run_id == impl_->run_id && order.sequence > impl_->resumed_sequence && order.sequence <= impl_->abandoned_until;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace levin

// What a checkpoint holds and how a run goes on from one: Lightning's checkpoint connector.
#include <algorithm>
#include <filesystem>

#include "levin/framework/base/class_name.h"
#include "levin/framework/base/codec/archive.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/optim/lr_scheduler.h"
#include "levin/framework/optim/optimizer.h"
#include "levin/framework/trainer/trainer_impl.h"
#include "levin/version.h"

namespace levin {
namespace {

// The layout that our files follow.
constexpr const char* lightning_version = "2.6.6";

// A run that goes on from a file of Python's Lightning can't have what Lightning does not store.
void say_what_is_missing(const std::string& path, const Value& checkpoint, const Value& fit_loop) {
  std::string text = path + " was saved by Lightning " + checkpoint.at("pytorch-lightning_version").as_string() +
                     ", which stores no random number generators, no order of shuffled data, no running means of logged values and no "
                     "state of checkpoint triggers. The run goes on as Lightning's would, not bit for bit as if it had not stopped.";
  const Value* progress = fit_loop.find("epoch_loop.batch_progress");
  const std::int64_t batch = progress ? progress->at("current").at("ready").as_int() : 0;
  if (batch > 0 && !progress->at("is_last_batch").as_bool()) {
    text += " It was saved within an epoch: the batches are numbered on from " + std::to_string(batch) +
            ", but a loader without a state of its own begins with the epoch's first batch again.";
  }
  rank_zero_warn(text);
}

bool has_content(const Value& state) { return !state.is_none() && !(state.is_dict() && state.size() == 0); }

}  // namespace

Value Trainer::Impl::dump_checkpoint(bool weights_only) {
  // First of all: the hooks below change where the loop seems to be.
  Value fit_loop_state;
  if (!weights_only && run.fn == TrainerFn::fit) fit_loop_state = fit_loop.resume_state(run, status == TrainerStatus::interrupted);
  Value checkpoint = Value::dict();
  checkpoint["epoch"] = run.trainer.current_epoch();
  checkpoint["global_step"] = run.trainer.global_step();
  checkpoint["pytorch-lightning_version"] = lightning_version;
  checkpoint["state_dict"] = run.module->state_dict();
  checkpoint["loops"] = Dict{{"fit_loop", fit_loop.state_dict()},
                             {"validate_loop", validate_loop.state_dict()},
                             {"test_loop", test_loop.state_dict()},
                             {"predict_loop", predict_loop.state_dict()}};
  if (!weights_only) {
    Value callbacks = Value::dict();
    for (const auto& callback : run.callbacks) {
      const Value state = callback->state_dict();
      if (has_content(state)) callbacks[callback->state_key()] = state;
    }
    checkpoint["callbacks"] = callbacks;
    Value optimizer_states = Value::list();
    for (const auto& optimizer : run.optimizers) optimizer_states.push_back(run.strategy->optimizer_state(*optimizer));
    checkpoint["optimizer_states"] = optimizer_states;
    Value lr_schedulers = Value::list();
    for (const auto& config : run.lr_scheduler_configs) lr_schedulers.push_back(config.scheduler->state_dict());
    checkpoint["lr_schedulers"] = lr_schedulers;
    if (const Value state = run.precision->state_dict(); has_content(state)) checkpoint[class_name(*run.precision)] = state;
  }
  if (run.module->hparams().size() > 0) {
    checkpoint["hparams_name"] = "kwargs";
    checkpoint["hyper_parameters"] = run.module->hparams().clone();
  }
  if (run.datamodule) {
    if (run.datamodule->hparams().size() > 0) {
      checkpoint["datamodule_hparams_name"] = "kwargs";
      checkpoint["datamodule_hyper_parameters"] = run.datamodule->hparams().clone();
    }
    if (const Value state = run.datamodule->state_dict(); has_content(state)) checkpoint[run.datamodule->state_key()] = state;
  }
  if (!weights_only) {
    // What Lightning does not store, under one key that it ignores.
    Value levin = Value::dict();
    levin["format"] = 1;
    levin["version"] = LEVIN_VERSION;
    levin["run_id"] = run_id;
    levin["sequence"] = ++sequence;
    Value callback_states = Value::dict();
    for (const auto& callback : run.callbacks)
      if (const Value state = callback->resume_state(); has_content(state)) callback_states[callback->state_key()] = state;
    levin["callbacks"] = callback_states;
    if (run.fn == TrainerFn::fit) add_resume_states(levin, fit_loop_state);
    checkpoint["levin"] = levin;
    LEVIN_CALL_CALLBACKS(run, on_save_checkpoint, checkpoint);
  }
  LEVIN_CALL_MODULE(run, on_save_checkpoint, checkpoint);
  return checkpoint;
}

void Trainer::save_checkpoint(const std::string& path, bool weights_only) {
  if (!impl_->run.module || !impl_->ran) {
    throw AttributeError(
        "Saving a checkpoint is only possible if a model is attached to the Trainer. Did you call `Trainer.save_checkpoint()` before "
        "calling `Trainer.{fit,validate,test,predict}`?");
  }
  Strategy& strategy = *impl_->run.strategy;
  if (strategy.left_group() && !strategy.is_global_zero()) return;  // nobody is there to write it
  const ProfiledAction action = impl_->run.profile("save_checkpoint");
  strategy.save_checkpoint(impl_->dump_checkpoint(weights_only), path);
}

// Rank 0's state of the fit loop, and beside it that of the others: each has its own random numbers, running means and gradients.
void Trainer::Impl::add_resume_states(Value& levin, const Value& own) {
  levin["fit_loop"] = own;
  if (run.strategy->world_size() == 1) return;
  levin["world_size"] = run.strategy->world_size();
  const std::vector<Value> all = run.strategy->gather_object(own);
  Value others = Value::list();
  for (std::size_t rank = 1; rank < all.size(); ++rank) others.push_back(all[rank]);
  levin["fit_loop_of_other_ranks"] = others;
}

// What this rank goes on from. A rank that was not there takes rank 0's place in the run, with random numbers of its own.
FitLoop::SavedState Trainer::Impl::saved_fit_loop() const {
  FitLoop::SavedState out;
  const Value* of_zero = own_state("fit_loop");
  if (!of_zero) return out;
  const int rank = run.strategy->global_rank();
  const Value* world = own_state("world_size");
  out.world_size = world ? world->as_int() : 1;
  const Value* others = own_state("fit_loop_of_other_ranks");
  const bool known = rank == 0 || (others && static_cast<std::size_t>(rank) <= others->size());
  out.state = rank == 0 || !known ? of_zero : &others->items()[static_cast<std::size_t>(rank - 1)];
  if (!known) out.new_rank = rank;
  return out;
}

const Value* Trainer::Impl::own_state(const char* key) const {
  const Value* levin = loaded.find("levin");
  return levin ? levin->find(key) : nullptr;
}

void Trainer::Impl::restore_weights_and_callbacks(const std::string& path) {
  rank_zero_info("Restoring states from the checkpoint path at " + path);
  run.strategy->on_rank_zero([&] {
    if (!std::filesystem::exists(path)) throw FileNotFoundError("Checkpoint file not found: " + path);
    return Value();
  });
  loaded = preloaded.is_none() ? run.strategy->load_checkpoint(path) : std::exchange(preloaded, {});
  const auto require = [&](const char* key) -> const Value& {
    if (const Value* found = loaded.find(key)) return *found;
    throw CheckpointError(path + ": no '" + key + "' in it; this is no checkpoint of Lightning or levin");
  };
  require("pytorch-lightning_version");
  LEVIN_CALL_MODULE(run, on_load_checkpoint, loaded);
  run.module->load_state_dict(require("state_dict"), run.module->strict_loading);
  if (run.datamodule)
    if (const Value* state = loaded.find(run.datamodule->state_key())) run.datamodule->load_state_dict(*state);
  const Value* states = loaded.find("callbacks");
  if (!states) return;
  LEVIN_CALL_CALLBACKS(run, on_load_checkpoint, std::as_const(loaded));
  const Value* resume_states = run.fn == TrainerFn::fit ? own_state("callbacks") : nullptr;
  std::vector<std::string> unused;
  for (const auto& [key, state] : states->as_dict()) {
    const auto owner = std::find_if(run.callbacks.begin(), run.callbacks.end(),
                                    [&](const auto& callback) { return callback->state_key() == key.as_string(); });
    if (owner == run.callbacks.end()) unused.push_back(key.as_string());
    else (*owner)->load_state_dict(state.clone());
    if (const Value* more = resume_states ? resume_states->find(key.as_string()) : nullptr; more && owner != run.callbacks.end())
      (*owner)->load_resume_state(more->clone());
  }
  if (!unused.empty()) {
    std::string names;
    for (const std::string& name : unused) names += (names.empty() ? "\"" : ", \"") + name + "\"";
    rank_zero_warn("Be aware that when using `ckpt_path`, callbacks used to create the checkpoint need to be provided during `Trainer` "
                   "instantiation. Please add the following callbacks: [" + names + "].");
  }
}

namespace {

// Of this run's saves that lie beside the file.
std::int64_t highest_sequence(const std::string& path, const SaveOrder& order) {
  std::int64_t highest = order.sequence;
  for (const std::string& beside : checkpoints_beside(path)) {
    try {
      const SaveOrder other = order_of(read_archive(beside, {.verify = false}));
      if (other.run_id == order.run_id) highest = std::max(highest, other.sequence);
    } catch (const Error&) {
    }
  }
  return highest;
}

}  // namespace

// A resumed run goes on numbering its saves above all that lie beside the file, so that the newest is the newest whatever was tried
// from there before.
void Trainer::Impl::continue_sequence(const std::string& path) {
  const SaveOrder order = order_of(loaded);
  if (order.run_id.empty()) return;
  run_id = order.run_id;
  resumed_sequence = order.sequence;
  sequence = run.strategy->on_rank_zero([&] { return Value(highest_sequence(path, order)); }).as_int();
  abandoned_until = sequence;
}

void Trainer::Impl::restore_training_state() {
  const std::string& path = run.trainer.ckpt_path_;
  const Value* loops = loaded.find("loops");
  const auto loop_state = [&](const char* name) { return loops ? loops->find(name) : nullptr; };
  if (run.fn == TrainerFn::fit) {
    continue_sequence(path);
    if (const Value* state = loop_state("fit_loop")) {
      fit_loop.load_state_dict(*state, run);
      // The one switch: with levin's own state the run goes on exactly where it was, without it where Lightning would.
      if (const FitLoop::SavedState saved = saved_fit_loop(); saved.state) fit_loop.resume_exactly(saved, run);
      else if (!loaded.contains("levin")) say_what_is_missing(path, loaded, *state);
      const std::int64_t reached = fit_loop.current_epoch(), limit = run.options.max_epochs.value_or(-1);
      if (limit != -1 && reached > limit) {
        throw MisconfigurationException("You restored a checkpoint with current_epoch=" + std::to_string(reached) +
                                        ", but you have set Trainer(max_epochs=" + std::to_string(limit) + ").");
      }
    }
    const char* const hint = "This is probably due to `ModelCheckpoint.save_weights_only` being set to `True`.";
    const Value* optimizers = loaded.find("optimizer_states");
    if (!optimizers) throw KeyError(std::string("Trying to restore optimizer state but checkpoint contains only the model. ") + hint);
    const Value* schedulers = loaded.find("lr_schedulers");
    if (!schedulers) throw KeyError(std::string("Trying to restore learning rate scheduler state but checkpoint contains only the model. ") + hint);
    for (std::size_t i = 0; i < std::min(run.optimizers.size(), optimizers->size()); ++i)
      run.strategy->load_optimizer_state(*run.optimizers[i], optimizers->items()[i]);
    for (std::size_t i = 0; i < std::min(run.lr_scheduler_configs.size(), schedulers->size()); ++i)
      run.lr_scheduler_configs[i].scheduler->load_state_dict(schedulers->items()[i]);
    const Value* scaler = loaded.find(class_name(*run.precision));
    if (!scaler && run.precision->scaler()) scaler = loaded.find("native_amp_scaling_state");  // what old files call it
    if (scaler) run.precision->load_state_dict(*scaler);
    rank_zero_info("Restored all states from the checkpoint at " + path);
  } else {
    if (const Value* state = loop_state("validate_loop"); state && run.fn == TrainerFn::validate) validate_loop.load_state_dict(*state);
    if (const Value* state = loop_state("test_loop"); state && run.fn == TrainerFn::test) test_loop.load_state_dict(*state);
    if (const Value* state = loop_state("predict_loop"); state && run.fn == TrainerFn::predict) predict_loop.load_state_dict(*state);
    rank_zero_info("Loaded model weights from the checkpoint at " + path);
  }
  loaded = Value();
}

}  // namespace levin

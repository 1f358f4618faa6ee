#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "levin/framework/accelerators/accelerator.h"
#include "levin/framework/callback.h"
#include "levin/framework/data/loaders.h"
#include "levin/framework/loops/loop_options.h"
#include "levin/framework/module/data_module.h"
#include "levin/framework/module/lightning_module.h"
#include "levin/framework/precision/precision.h"
#include "levin/framework/profiler.h"
#include "levin/framework/results/metric_log.h"
#include "levin/framework/strategies/strategy.h"
#include "levin/framework/base/signal_flags.h"

namespace levin {

/// Which of the Trainer's four functions runs.
enum class TrainerFn : std::uint8_t { fit, validate, test, predict };
/// "fit", "validate", "test", "predict": the `stage` of setup and teardown.
LEVIN_API const char* stage_name(TrainerFn fn);

/// What is going on right now.
enum class Stage : std::uint8_t { none, sanity_checking, training, validating, testing, predicting };

/// Everything the loops of a run work on, in one place. The Trainer owns it and hands it to the loops, which keep no reference.
class LEVIN_API Run {
 public:
  explicit Run(Trainer& trainer);

  /// Only handed on to hooks.
  Trainer& trainer;
  LightningModule* module = nullptr;
  LightningDataModule* datamodule = nullptr;
  std::vector<std::shared_ptr<Callback>> callbacks;
  std::shared_ptr<Accelerator> accelerator;
  std::shared_ptr<Strategy> strategy;
  std::shared_ptr<Precision> precision;
  /// Null: off.
  std::shared_ptr<Profiler> profiler;
  MetricLog metric_log;
  LoopOptions options;

  /// Loaders passed to the call; the data module's or the module's hooks stand in for empty ones.
  struct {
    Loaders train, val, test, predict;
  } loaders;

  std::vector<std::shared_ptr<optim::Optimizer>> optimizers;
  std::vector<LRSchedulerConfig> lr_scheduler_configs;

  TrainerFn fn = TrainerFn::fit;
  Stage stage = Stage::none;
  bool should_stop = false;

  bool sanity_checking() const { return stage == Stage::sanity_checking; }
  /// Whether validation loaders come from somewhere: given, a data module's, or the module's hook.
  bool has_val_loaders() const { return !loaders.val.empty() || datamodule || module->overrides().val_dataloader; }
  /// Whether fit validates at all: a validation step, loaders from somewhere, and a limit above zero.
  bool enable_validation() const;
  /// Whether it does in the current epoch (`check_val_every_n_epoch`).
  bool validates_this_epoch() const;

  /// Calls a hook of all callbacks in order.
  template <auto Method, class... Args>
  void call_callbacks(Hook hook, Args&&... args) {
    call_callbacks_if<Method>(hook, [](const Callback&) { return true; }, args...);
  }
  /// The same for those callbacks that satisfy `predicate`.
  template <auto Method, class Predicate, class... Args>
  void call_callbacks_if(Hook hook, Predicate&& predicate, Args&&... args) {
    const MetricLog::HookScope scope(metric_log, hook);
    // Hooks nest (a save calls hooks of its own), so the count is put back; after an exception it tells how far the hook came.
    const int calls_before = std::exchange(calls_, 0);
    for (const auto& callback : callbacks) {
      ++calls_;
      if (!predicate(*callback)) continue;
      if (trace_) trace("callback", hook);
      const ProfiledAction action = profile(*callback, hook);
      const std::uint64_t idle = hook_watch ? Callback::idle_calls() : 0;
      ((*callback).*Method)(trainer, *module, args...);
      if (hook_watch && Callback::idle_calls() == idle) hook_watch(*callback, hook);
    }
    calls_ = calls_before;
  }
  /// Calls a hook of the data module, which must be there.
  template <class F>
  decltype(auto) call_datamodule(Hook hook, F&& f) {
    const MetricLog::HookScope scope(metric_log, hook);
    const ProfiledAction action = profile(*datamodule, hook);
    return f(*datamodule);
  }
  /// The same of an action that Lightning counts among its strategy's.
  ProfiledAction profile_strategy(std::string_view what) const {
    if (profiler) return ProfiledAction(profiler.get(), strategy_action(what));
    return {};
  }
  /// Profiles an action from here to the end of the scope that keeps the result.
  ProfiledAction profile(std::string_view action) const { return ProfiledAction(profiler.get(), action); }
  /// Calls a hook of the module.
  template <auto Method, class... Args>
  decltype(auto) call_module(Hook hook, Args&&... args) {
    const MetricLog::HookScope scope(metric_log, hook);
    if (trace_) trace("module", hook);
    const ProfiledAction action = profile(*module, hook);
    return (module->*Method)(std::forward<Args>(args)...);
  }
  /// While it is set, it is told of callbacks' hooks within a step that do something.
  std::function<void(const Callback& callback, Hook hook)> hook_watch;
  /// Whether hooks are printed as they are called.
  bool traces_hooks() const { return trace_; }

  /// How many callbacks of the innermost callback hook have been called, the running one among them; 0 outside of one.
  int calls() const { return calls_; }
  /// The callbacks' hook, then the module's of the same name.
  template <auto CallbackMethod, auto ModuleMethod, class... Args>
  void call(Hook hook, Args&&... args) {
    call_callbacks<CallbackMethod>(hook, args...);
    call_module<ModuleMethod>(hook, args...);
  }

  /// A batch on its way to the device: precision, then the three transfer hooks (the data module's, if it is there).
  Batch to_device(Batch batch, std::int64_t dataloader_idx);

 private:
  template <class T>
  ProfiledAction profile(const T& who, Hook hook) const {
    if (profiler) return ProfiledAction(profiler.get(), action_name(who, hook));
    return {};
  }
  static std::string action_name(const Callback& callback, Hook hook);
  std::string action_name(const LightningModule& module, Hook hook) const;
  static std::string action_name(const LightningDataModule& datamodule, Hook hook);
  std::string strategy_action(std::string_view what) const;
  void trace(const char* who, Hook hook) const;
  int calls_ = 0;
  bool trace_;  // LEVIN_TRACE_HOOKS=1: each hook as it is called, in the format of the recorded scenarios
};

// The two hooks of one name, for Run::call.
#define LEVIN_CALL(run, name, ...) \
  (run).call<&::levin::Callback::name, &::levin::LightningModule::name>(::levin::Hook::name __VA_OPT__(, ) __VA_ARGS__)
#define LEVIN_CALL_CALLBACKS(run, name, ...) \
  (run).call_callbacks<&::levin::Callback::name>(::levin::Hook::name __VA_OPT__(, ) __VA_ARGS__)
#define LEVIN_CALL_MODULE(run, name, ...) \
  (run).call_module<&::levin::LightningModule::name>(::levin::Hook::name __VA_OPT__(, ) __VA_ARGS__)
/// A `*_dataloader` hook: the data module's if there is one, else the module's.
#define LEVIN_CALL_LOADER(run, name)                                                                                        \
  ((run).datamodule ? (run).call_datamodule(::levin::Hook::name, [](::levin::LightningDataModule& d) { return d.name(); }) \
                    : LEVIN_CALL_MODULE(run, name))

}  // namespace levin

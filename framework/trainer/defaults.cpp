// What a bare Trainer({...}) comes with. The only framework file that knows callbacks/ and loggers/.
#include <unistd.h>

#include <algorithm>
#include <cctype>

#include "levin/callbacks/model_checkpoint.h"
#include "levin/callbacks/model_summary.h"
#include "levin/callbacks/tqdm_progress_bar.h"
#include "levin/callbacks/timer.h"
#include "levin/framework/base/class_name.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/table.h"
#include "levin/framework/base/terminal.h"
#include "levin/framework/profilers/advanced_profiler.h"
#include "levin/framework/profilers/pytorch_profiler.h"
#include "levin/framework/profilers/simple_profiler.h"
#include "levin/framework/trainer/trainer_impl.h"
#include "levin/loggers/csv_logger.h"

namespace levin {

Callbacks default_callbacks(const TrainerOptions& options) {
  Callbacks callbacks = options.callbacks;
  for (const auto& callback : callbacks)
    if (!callback) throw TypeError("`Trainer(callbacks=...)`: one of the callbacks is null");
  const auto has = [&](auto role) { return std::any_of(callbacks.begin(), callbacks.end(), [&](const auto& c) { return ((*c).*role)(); }); };

  const bool checkpointing = options.enable_checkpointing.value_or(!options.barebones);
  if (has(&Callback::is_checkpoint)) {
    if (!checkpointing) {
      throw MisconfigurationException(
          "Trainer was configured with `enable_checkpointing=False` but found `ModelCheckpoint` in callbacks list.");
    }
  } else if (checkpointing) {
    callbacks.push_back(std::make_shared<ModelCheckpoint>());
  }

  if (options.max_time) {
    if (has(&Callback::is_timer)) rank_zero_info("Ignoring `Trainer(max_time=...)`, callbacks list already contains a Timer.");
    else callbacks.push_back(std::make_shared<Timer>(TimerOptions{.duration = options.max_time}));
  }

  const bool bar = options.enable_progress_bar.value_or(!options.barebones);
  if (const auto bars = std::count_if(callbacks.begin(), callbacks.end(), [](const auto& c) { return c->is_progress_bar(); }); bars > 1) {
    throw MisconfigurationException(
        "You added multiple progress bar callbacks to the Trainer, but currently only one progress bar is supported.");
  } else if (bars == 1 && !bar) {
    const auto given = std::find_if(callbacks.begin(), callbacks.end(), [](const auto& c) { return c->is_progress_bar(); });
    throw MisconfigurationException("Trainer was configured with `enable_progress_bar=False` but found `" + class_name(**given) +
                                    "` in callbacks list.");
  } else if (bars == 0 && bar) {
    callbacks.push_back(std::make_shared<TQDMProgressBar>());
  }

  if (options.enable_model_summary.value_or(!options.barebones)) {
    if (has(&Callback::is_model_summary)) {
      rank_zero_info("Trainer already configured with model summary callbacks. Skipping setting a default `ModelSummary` callback.");
    } else {
      callbacks.push_back(std::make_shared<ModelSummary>());
    }
  }
  return callbacks;
}

std::shared_ptr<Profiler> make_profiler(const ProfilerOption& option) {
  if (const auto* profiler = std::get_if<std::shared_ptr<Profiler>>(&option)) return *profiler;
  const auto* given = std::get_if<std::string>(&option);
  if (!given) return nullptr;
  std::string name = *given;
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (name == "simple") return std::make_shared<SimpleProfiler>();
  if (name == "advanced") return std::make_shared<AdvancedProfiler>();
  if (name == "pytorch") return std::make_shared<PyTorchProfiler>();
  throw MisconfigurationException(
      "When passing string value for the `profiler` parameter of `Trainer`, it can only be one of ['simple', 'advanced', 'pytorch']");
}

std::vector<std::shared_ptr<Logger>> default_loggers(const std::string& default_root_dir) {
  return {std::make_shared<CSVLogger>(CSVLoggerOptions{.save_dir = default_root_dir})};
}

void print_results(const EvaluateResults& results, const char* stage) {
  std::vector<LoaderResults> loaders;
  for (const MetricMap& metrics : results) {
    LoaderResults& loader = loaders.emplace_back();
    for (const auto& [name, value] : metrics) loader.emplace_back(name, value.item());
  }
  const std::string table = results_table(stage, loaders, is_terminal(STDOUT_FILENO) ? terminal_columns(STDOUT_FILENO) : 0);
  if (!table.empty()) print_line(table);
}

}  // namespace levin

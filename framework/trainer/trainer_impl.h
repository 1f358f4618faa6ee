#pragma once
// The Trainer's inside; included by trainer/*.cpp only.
#include <functional>
#include <memory>
#include <string>

#include "levin/framework/loops/evaluation_loop.h"
#include "levin/framework/loops/fit_loop.h"
#include "levin/framework/loops/prediction_loop.h"
#include "levin/framework/loops/run.h"
#include "levin/framework/trainer/checkpoint_order.h"
#include "levin/framework/trainer/trainer.h"

namespace levin {

/// What a module asks of its trainer.
class Trainer::Link final : public TrainerLink {
 public:
  explicit Link(Trainer& trainer) : trainer_(trainer) {}
  Trainer& trainer() override { return trainer_; }
  MetricLog& metric_log() override;
  std::int64_t current_epoch() const override;
  std::int64_t global_step() const override;
  std::int64_t batches_that_stepped() const override;
  std::int64_t epochs_processed() const override;
  int global_rank() const override;
  int local_rank() const override;
  bool barebones() const override;
  const std::vector<std::shared_ptr<optim::Optimizer>>& optimizers() const override;
  const std::vector<LRSchedulerConfig>& lr_scheduler_configs() const override;
  const LightningOptimizers& lightning_optimizers() const override;
  void backward(const at::Tensor& loss) override;
  at::Tensor all_gather(const at::Tensor& tensor, bool sync_grads) override;
  void detach() override;

 private:
  Trainer& trainer_;
};

struct Trainer::Impl {
  explicit Impl(Trainer& trainer) : run(trainer), link(trainer) {}

  Run run;
  Link link;
  FitLoop fit_loop;
  EvaluationLoop validate_loop{TrainerFn::validate, /*within_fit=*/false};
  EvaluationLoop test_loop{TrainerFn::test, /*within_fit=*/false};
  PredictionLoop predict_loop;
  std::shared_ptr<LightningModule> kept_module;
  std::shared_ptr<LightningDataModule> kept_datamodule;
  TrainerStatus status = TrainerStatus::initializing;
  bool ran = false;
  std::optional<std::int64_t> given_max_epochs;
  Callbacks own_callbacks;  ///< without those of `configure_callbacks`

  /// What one of the four entry functions asks for.
  struct Request {
    TrainerFn fn;
    std::shared_ptr<LightningDataModule> datamodule;
    std::optional<std::string> ckpt_path;
    bool strict_ckpt = false;
  };

  // trainer.cpp
  /// A run from beginning to end, around `stage`, which is what the entry function is about.
  void execute(LightningModule& module, const Request& request, const std::function<void()>& stage);
  EvaluateResults evaluate(LightningModule& module, EvaluationLoop& loop, const Request& request, bool verbose);
  void begin(LightningModule& module, const Request& request);
  void set_up(const Request& request);
  void wind_down();
  void sanity_check();
  void connect_metric_log();
  void prepare_data();
  void call_setup();
  void call_teardown();
  void internal_teardown();
  void handle_exception(const std::exception& error);
  void attach_model_callbacks();
  void resolve_epoch_limit();
  void check_module(TrainerFn fn);
  void setup_optimizers();
  void log_hyperparameters();
  void save_for_requeue();
  std::exception_ptr fail(std::exception_ptr error);

  // select_checkpoint.cpp
  std::optional<std::string> select_ckpt_path(const Request& request);
  std::optional<std::string> look_for_checkpoint(const Request& request);
  bool resumes_by_default(const Request& request);
  std::string select_best(const Request& request);
  std::optional<std::string> select_last(const Request& request);
  std::optional<std::string> newest_readable(const std::vector<std::string>& names, const Request& request);

  // restore.cpp
  void continue_sequence(const std::string& path);
  void add_resume_states(Value& levin, const Value& own);
  FitLoop::SavedState saved_fit_loop() const;
  /// An entry of the `levin` block of what is being restored, or nullptr.
  const Value* own_state(const char* key) const;
  void restore_weights_and_callbacks(const std::string& path);
  void restore_training_state();
  Value dump_checkpoint(bool weights_only);
  Value loaded;     ///< the checkpoint being restored
  Value preloaded;  ///< read already, when `ckpt_path="last"` was chosen

  // The order of checkpoints, inside the files: clocks and file dates lie.
  std::string shared_log_dir;  ///< rank 0's, where there are several

  std::string run_id;         ///< of this run and all that resume it
  std::int64_t sequence = 0;  ///< of the last save
  std::int64_t resumed_sequence = 0;  ///< of the file that this run was resumed from; 0 if none
  std::int64_t abandoned_until = 0;   ///< the highest there was then: files in between are of a future that did not come about
  bool by_last = false;       ///< it was chosen by `ckpt_path="last"`
};

/// The options with those of the environment, `PL_TRAINER_<NAME>`, where an option has its default. environment.cpp.
TrainerOptions with_environment(TrainerOptions options);
/// Calls each logger, which only rank 0 does.
template <class F>
void on_rank_zero(const Run& run, F&& call) {
  if (run.strategy->is_global_zero())
    for (const auto& logger : run.metric_log.loggers) call(*logger);
}
/// Checks accelerator, strategy, devices, precision and plugins; what they give goes to `run`. resolve_hardware.cpp.
void resolve_hardware(const TrainerOptions& options, Run& run);
/// The option's name in full, "32-true" for 32; ValueError for one that does not exist. resolve_precision.cpp.
std::string checked_precision(const PrecisionOption& option);
/// ValueError where a plugin says the same thing.
void check_precision(const TrainerOptions& options, const Run& run);
/// The plugin for a run on such a device.
std::shared_ptr<Precision> make_precision(const TrainerOptions& options, at::Device device);
/// The steps of it that are about devices. resolve_devices.cpp.
void check_accelerator_name(const std::string& accelerator);
std::shared_ptr<Accelerator> choose_accelerator(const std::string& accelerator);
std::vector<at::Device> choose_devices(const TrainerOptions& options, const Run& run);
/// What the option means. ValueError for other texts than "auto".
CudaGraphMode cuda_graph_mode(const CudaGraphOption& option);
/// Checks the options in Lightning's order and fills in `run`, callbacks and loggers too. resolve_options.cpp.
void resolve_options(const TrainerOptions& options, const std::string& default_root_dir, Run& run);
/// Checkpoint callbacks come last, otherwise the order is kept; two with the same state key are an error.
void order_callbacks(Callbacks& callbacks);
/// A profiler by name. defaults.cpp.
std::shared_ptr<Profiler> make_profiler(const ProfilerOption& option);
/// The callbacks and the logger that a bare Trainer gets. defaults.cpp, the only framework file that knows callbacks/ and loggers/.
Callbacks default_callbacks(const TrainerOptions& options);
std::vector<std::shared_ptr<Logger>> default_loggers(const std::string& default_root_dir);
/// Prints the results of validate and test as Lightning's table. defaults.cpp.
void print_results(const EvaluateResults& results, const char* stage);

}  // namespace levin

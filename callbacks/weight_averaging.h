#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "levin/callbacks/averaged_model.h"
#include "levin/framework/callback.h"

namespace levin {

/// In Lightning's order; the functions are those that Lightning hands on to AveragedModel.
struct WeightAveragingOptions {
  /// Where the averages lie, such as "cpu"; unset: where the model does.
  std::optional<std::string> device = std::nullopt;
  bool use_buffers = true;
  AvgFn avg_fn = {};
  MultiAvgFn multi_avg_fn = {};
};
template <class V>
void fields(V&& f, WeightAveragingOptions& o) {
  f("device", o.device, "where the averages lie, \"cpu\"; null: where the model does");
  f("use_buffers", o.use_buffers, "average buffers too; false: copy them");
  f("avg_fn", o.avg_fn, "how one tensor is averaged; null: all updates count alike");
  f("multi_avg_fn", o.multi_avg_fn, "how all tensors are averaged at once");
}

/// Keeps an average of the model beside the model that trains. Validation sees the average, and so does who reads the weights after
/// the run or from a checkpoint (`state_dict`; the training's own weights are under `current_model_state`).
///
/// The average is updated after optimizer steps and epochs for which `should_update` says so: override it to choose. The first update
/// copies the weights; until then the average is the model as it was at the beginning.
class LEVIN_API WeightAveraging : public Callback {
 public:
  using Options = WeightAveragingOptions;
  explicit WeightAveraging(Options options = {});
  ~WeightAveraging() override;

  /// Asked after every optimizer step with its index (from 0), and at every epoch's end with the epoch's; the other one is unset.
  /// By default after every step.
  virtual bool should_update(std::optional<std::int64_t> step_idx, std::optional<std::int64_t> epoch_idx) const;
  /// The averages; null before the first fit.
  const AveragedModel* average_model() const { return average_.get(); }

  void setup(Trainer& trainer, LightningModule& module, std::string_view stage) override;
  void on_train_batch_end(Trainer& trainer, LightningModule& module, const StepOutput& outputs, const Batch& batch,
                          std::int64_t batch_idx) override;
  void on_train_epoch_end(Trainer& trainer, LightningModule& module) override;
  void on_train_end(Trainer& trainer, LightningModule& module) override;
  void on_validation_epoch_start(Trainer& trainer, LightningModule& module) override;
  void on_validation_epoch_end(Trainer& trainer, LightningModule& module) override;
  /// An error within validation: the model gets its own weights back.
  void on_exception(Trainer& trainer, LightningModule& module, const std::exception& error) override;
  /// The average becomes `state_dict`, the model's own weights `current_model_state`; `averaging_state` counts the updates.
  void on_save_checkpoint(Trainer& trainer, LightningModule& module, Value& checkpoint) override;
  void on_load_checkpoint(Trainer& trainer, LightningModule& module, const Value& checkpoint) override;
  /// {"latest_update_step"}.
  Value state_dict() const override;
  void load_state_dict(const Value& state) override;
  Value resume_state() const override;
  void load_resume_state(const Value& state) override;

 private:
  void swap();

  Options options_;
  std::unique_ptr<AveragedModel> average_;
  bool swapped_ = false;
  std::int64_t latest_update_step_ = 0, latest_update_epoch_ = -1;
};

}  // namespace levin

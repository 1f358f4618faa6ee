#pragma once
#include <cstdint>

#include "levin/framework/loops/progress.h"
#include "levin/framework/loops/run.h"

namespace levin {

class StepGraph;

/// One batch's optimization, automatic or manual, in the shape of Lightning's closure: the optimizer's step is given a function
/// that runs the training step, resets gradients and runs backward, so that LBFGS, scalers and a module's own `optimizer_step` work.
class LEVIN_API Optimization {
 public:
  Optimization();
  ~Optimization();
  /// The run has new optimizers. `run` is kept for their steps.
  void use_optimizers(Run& run);
  const LightningOptimizers& optimizers() const { return optimizers_; }
  /// The run is over: a recorded step and its memory are of no use any more.
  void forget_recorded();

  /// Runs the batch. While `accumulating` only the closure runs, no step. Returns what the batch-end hooks get.
  StepOutput run(Run& run, const Batch& batch, std::int64_t batch_idx, bool accumulating);
  /// Whether `run_recorded` is to be called in place of `run`: the run has a `cuda_graph`.
  bool records_steps() const { return graph_ && !skip_backward; }
  /// `run`, or the replay of one that was recorded.
  StepOutput run_recorded(Run& run, const Batch& batch, std::int64_t batch_idx, bool accumulating);
  /// Backward with its hooks around it.
  void backward(Run& run, const at::Tensor& loss);

  OptimizerProgress optim_progress;
  Progress manual_step_progress{TrackerKeys::ready_completed};

 private:
  class Stepper;
  at::Tensor closure(Run& run);
  void zero_grad(Run& run);
  StepOutput run_manual(Run& run);
  StepOutput training_step(Run& run);

  LightningOptimizers optimizers_;
  std::unique_ptr<StepGraph> graph_;  ///< null: steps are not recorded
  bool counts_manual_steps_ = false;  ///< within a manual `training_step`: steps elsewhere are not counted, as in Lightning

  // The batch at hand; the closure reads it, so that making one costs nothing.
  const Batch* batch_ = nullptr;
  std::int64_t batch_idx_ = 0;
  StepOutput output_;
  bool closure_ran_ = false;

 public:
  /// Only forward passes: StochasticWeightAveraging's pass for the statistics of batch normalization.
  bool skip_backward = false;
};

}  // namespace levin

#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "levin/framework/accelerators/graph_recorder.h"
#include "levin/framework/loops/progress.h"
#include "levin/framework/loops/run.h"

namespace levin {

/// Whole training steps as graphs: decides for each batch whether its step is run, recorded or replayed.
///
/// The first steps are run as always, but watched. If nothing of them needs the host, the next one is recorded, and from then on steps
/// are replays: the batch is copied to where the recorded step reads it, the graph runs forward, backward, clipping, scaler and optimizer,
/// and what the step had logged is logged again from where it left the values. A batch of another shape is run as always. When it turns
/// out that steps can't be recorded, it says why, once, and all are run as always.
class LEVIN_API StepGraph {
 public:
  /// Forward, backward and the optimizer's step of one batch.
  using Step = std::function<StepOutput(const Batch&)>;

  StepGraph(CudaGraphMode mode, std::unique_ptr<GraphRecorder> recorder);
  ~StepGraph();

  /// The step for this batch, one way or the other; `progress` counts it. With `CudaGraphMode::required` RuntimeError with the reason where
  /// it can't be recorded.
  StepOutput run(Run& run, const Batch& batch, const Step& step, OptimizerProgress& progress);

  /// Why steps are run as always for good; "" if they aren't.
  const std::string& reason() const { return reason_; }
  bool recorded() const { return recorded_; }
  /// How many steps were replayed.
  std::int64_t replays() const { return replays_; }

  /// Steps that are run before one is recorded.
  static constexpr int warm_up_steps = 3;

 private:
  struct LogCall;
  using Key = std::vector<std::int64_t>;

  StepOutput warm_up(Run& run, const Batch& batch, const Step& step);
  StepOutput record(Run& run, const Batch& batch, const Step& step, OptimizerProgress& progress);
  StepOutput replay(Run& run, const Batch& batch);
  void put_gradients_back(Run& run);
  void log_again(Run& run);
  void give_up(const std::string& reason);
  void forget();

  CudaGraphMode mode_;
  std::unique_ptr<GraphRecorder> recorder_;
  std::string reason_;
  int warmed_up_ = 0, model_changes_ = 0;
  int strange_batches_ = 0;  ///< in a row, of another shape than those before
  bool recorded_ = false, said_recorded_ = false, said_other_shape_ = false;
  std::int64_t replays_ = 0;
  Key batch_key_, model_key_;  ///< of the steps so far; a recorded step holds for these only
  std::int64_t layout_ = 0;    ///< of the optimizer when the step was recorded; likewise

  // Where the recorded step reads and writes.
  Batch inputs_;
  StepOutput output_;
  std::vector<at::Tensor> gradients_;
  std::vector<LogCall> logged_;
};

}  // namespace levin

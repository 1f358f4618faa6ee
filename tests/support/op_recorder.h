#pragma once
// CUDA graphs' semantics on the CPU: records every operator that a piece of code calls, and runs the operators again on the same memory.
#include <memory>

#include "levin/framework/accelerators/graph_recorder.h"

/// What several recorders have done.
struct RecorderCounts {
  int warm_ups = 0, recordings = 0, replays = 0;
  /// The next recording fails with this, as a call that CUDA can't record would.
  std::string failure;
  /// The next recordings fail at this operator, with everything before it done.
  std::string forbidden;
};

std::unique_ptr<levin::GraphRecorder> make_op_recorder(std::shared_ptr<RecorderCounts> counts);

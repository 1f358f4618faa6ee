#pragma once
#include <functional>
#include <string>

#include "levin/framework/base/export.h"

namespace levin {

/// Records the work that a piece of code gives a device, and has it done again without running the code: a CUDA graph.
class LEVIN_API GraphRecorder {
 public:
  virtual ~GraphRecorder();
  /// Runs `work` as an ordinary step where it will be recorded later: kernels are chosen and memory is found.
  virtual void warm_up(const std::function<void()>& work) = 0;
  /// Runs `work` once more; what it gives the device is recorded, and done by the next `replay`. Throws what `work` or the device
  /// throws: nothing is recorded then, and nothing of it was done.
  virtual void record(const std::function<void()>& work) = 0;
  /// Has the recorded work done on whatever is now in the memory that it reads.
  virtual void replay() = 0;
  /// Forgets what was recorded.
  virtual void reset() = 0;
};

}  // namespace levin

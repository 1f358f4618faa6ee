#pragma once
#include <cstdint>
#include <memory>
#include <optional>

#include "levin/framework/base/export.h"

namespace levin {

class Batch;
class LightningModule;

/// While it lives, LibTorch's operators use so many threads on the CPU when they are called from this thread; then as many as before.
class LEVIN_API ThreadScope {
 public:
  /// None: leaves everything as it is.
  explicit ThreadScope(std::optional<std::int64_t> count);
  ~ThreadScope();
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

  /// What fits a model that is trained on such batches where nobody has said a number (`given`, or OMP_NUM_THREADS): one thread when
  /// all of a step's work is less than waking a second one for each operator costs. Judged by sizes alone, never by a clock: a thread
  /// more or less may change the last bit of a sum, and runs must repeat.
  static std::unique_ptr<ThreadScope> for_model(const LightningModule& module, const Batch& batch, std::optional<std::int64_t> given);

 private:
  int before_ = 0;  // 0: nothing was changed
};

}  // namespace levin

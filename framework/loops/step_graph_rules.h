#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "levin/framework/loops/run.h"

namespace levin {

/// What keeps steps of this run from being recorded, as far as it can be told before one has run; "" if nothing does.
std::string needs_host(const Run& run);
/// What keeps a step with this batch from being recorded.
std::string needs_host(const Batch& batch, at::Device device);

/// A number for everything about a batch that a recorded step holds on to: its structure, sizes and types.
std::vector<std::int64_t> key_of(const Batch& batch);
/// The same of the model: where its parameters are, which are trained, modules' modes, and options of the optimizer that a kernel gets as numbers.
std::vector<std::int64_t> key_of(const Run& run);

/// Watches a step that is run as always, for what a recorded one would leave out: callbacks' hooks, random numbers of the host, metrics.
class StepWatch {
 public:
  explicit StepWatch(Run& run);
  ~StepWatch();
  StepWatch(const StepWatch&) = delete;
  /// After the step; "" if nothing was found.
  std::string found();

 private:
  std::vector<std::int64_t> metric_counts() const;

  Run& run_;
  std::string hook_;
  at::Tensor random_;
  std::vector<std::int64_t> counts_;
};

}  // namespace levin

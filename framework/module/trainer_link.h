#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "levin/framework/base/export.h"

namespace levin {

class LightningOptimizers;
class MetricLog;
class Trainer;
struct LRSchedulerConfig;
namespace optim {
class Optimizer;
}

/// Computes the loss and its gradients; what an optimizer's step is given. Must be called before the step is taken.
using Closure = std::function<at::Tensor()>;

/// What a module may ask of the trainer it is attached to. The Trainer implements it; a module outside a run has none.
class LEVIN_API TrainerLink {
 public:
  virtual ~TrainerLink();
  virtual Trainer& trainer() = 0;
  virtual MetricLog& metric_log() = 0;
  virtual std::int64_t current_epoch() const = 0;
  virtual std::int64_t global_step() const = 0;
  /// Batches after which the optimizer stepped: the loggers' x-axis.
  virtual std::int64_t batches_that_stepped() const = 0;
  /// Epochs whose batches are done; what samplers are told as their epoch.
  virtual std::int64_t epochs_processed() const = 0;
  virtual int global_rank() const = 0;
  virtual int local_rank() const = 0;
  virtual bool barebones() const = 0;
  virtual const std::vector<std::shared_ptr<optim::Optimizer>>& optimizers() const = 0;
  virtual const std::vector<LRSchedulerConfig>& lr_scheduler_configs() const = 0;
  /// The same optimizers, whose steps go through precision and hooks.
  virtual const LightningOptimizers& lightning_optimizers() const = 0;
  /// Backward through strategy and precision, with its hooks around it.
  virtual void backward(const at::Tensor& loss) = 0;
  /// The tensors of all ranks, stacked.
  virtual at::Tensor all_gather(const at::Tensor& tensor, bool sync_grads) = 0;
  /// The module is being destroyed.
  virtual void detach() = 0;
};

}  // namespace levin

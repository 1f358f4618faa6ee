#include "levin/framework/loops/optimization.h"

#include <ATen/ops/div.h>
#include <c10/core/GradMode.h>

#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/optim/optimizer.h"

namespace levin {

StepOutput Optimization::run(Run& run, const Batch& batch, std::int64_t batch_idx, bool accumulating) {
  const ProfiledAction action = run.profile("run_training_batch");
  batch_ = &batch;
  batch_idx_ = batch_idx;
  output_ = {};
  if (!run.module->automatic_optimization) return run_manual(run);
  if (accumulating) closure(run);
  else step(run);
  return std::exchange(output_, {});
}

void Optimization::step(Run& run) {
  optim_progress.step.increment_ready();
  closure_ran_ = false;
  if (run.optimizers.empty()) {
    // configure_optimizers returned nothing: the training step runs, and steps are still counted.
    closure(run);
  } else {
    struct Call {
      Optimization* self;
      Run* run;
      at::Tensor operator()() const { return self->closure(*run); }
    };
    LightningOptimizer optimizer(*run.module->link(), *run.optimizers.front());
    const Closure train = Call{this, &run};
    LEVIN_CALL_MODULE(run, optimizer_step, run.module->current_epoch(), batch_idx_, optimizer, train);
    if (!closure_ran_) {
      throw MisconfigurationException(
          "The closure hasn't been executed. HINT: did you call `optimizer_closure()` in your `optimizer_step` hook? It could also "
          "happen because the `optimizer.step(optimizer_closure)` call did not execute it internally.");
    }
  }
  optim_progress.step.increment_completed();
}

at::Tensor Optimization::closure(Run& run) {
  const c10::AutoGradMode grad_mode(true);
  closure_ran_ = true;
  output_ = training_step(run);
  const at::Tensor loss = output_.loss();
  if (!loss.defined()) {
    warn_once("`training_step` returned `None`. If this was on purpose, ignore this warning...");
    output_ = {};
  }
  // As in Lightning: after the forward pass, at the first batch of a window.
  if (!skip_backward && batch_idx_ % run.options.accumulate_grad_batches == 0 && !run.optimizers.empty()) {
    optim::Optimizer& optimizer = *run.optimizers.front();
    optim_progress.zero_grad.increment_ready();
    LEVIN_CALL(run, on_before_zero_grad, optimizer);
    optim_progress.zero_grad.increment_started();
    LEVIN_CALL_MODULE(run, optimizer_zero_grad, run.module->current_epoch(), batch_idx_, optimizer);
    optim_progress.zero_grad.increment_completed();
  }
  if (!loss.defined()) return {};
  const std::int64_t windows = run.options.accumulate_grad_batches;
  const at::Tensor scaled = windows == 1 ? loss : at::div(loss, static_cast<double>(windows));
  output_.set_loss(scaled.detach());
  if (!skip_backward) backward(run, scaled);
  return output_.loss();
}

StepOutput Optimization::training_step(Run& run) {
  StepOutput output;
  {
    const auto context = run.precision->forward_context();
    output = LEVIN_CALL_MODULE(run, training_step, *batch_, batch_idx_);
  }
  if (output.is_dict() && !output.loss().defined() && run.module->automatic_optimization) {
    throw MisconfigurationException(
        "In automatic_optimization, when `training_step` returns a dict, the 'loss' key needs to be present");
  }
  return output;
}

StepOutput Optimization::run_manual(Run& run) {
  StepOutput output = training_step(run);
  if (output.loss().defined()) output.set_loss(output.loss().detach());
  return output;
}

void Optimization::backward(Run& run, const at::Tensor& loss) {
  // As in Lightning: `manual_backward` is not an action of its own.
  const bool automatic = run.module->automatic_optimization;
  const ProfiledAction action = automatic ? run.profile_strategy("backward") : ProfiledAction();
  const at::Tensor scaled = run.precision->scale_loss(loss);
  LEVIN_CALL(run, on_before_backward, scaled);
  LEVIN_CALL_MODULE(run, backward, scaled);
  LEVIN_CALL(run, on_after_backward);
}

at::Tensor Optimization::step_optimizer(Run& run, optim::Optimizer& optimizer, const Closure& closure) {
  const bool automatic = run.module->automatic_optimization;
  const ProfiledAction action(automatic ? nullptr : run.profiler.get(), "optimizer_step");
  if (!automatic) manual_step_progress.increment_ready();
  // What must happen between the gradients and the kernels.
  struct Prepare {
    Run& run;
    optim::Optimizer& optimizer;
    const Closure& closure;
    at::Tensor operator()() const {
      const at::Tensor loss = closure ? closure() : at::Tensor();
      LEVIN_CALL(run, on_before_optimizer_step, optimizer);
      if (run.module->automatic_optimization) {
        LEVIN_CALL_MODULE(run, configure_gradient_clipping, optimizer, run.options.gradient_clip_val,
                          run.options.gradient_clip_algorithm);
      }
      return loss;
    }
  };
  const Prepare prepare{run, optimizer, closure};
  const at::Tensor loss = run.precision->optimizer_step(optimizer, Closure(std::cref(prepare)));
  if (!automatic) manual_step_progress.increment_completed();
  return loss;
}

}  // namespace levin

#include "levin/framework/loops/optimization.h"

#include <ATen/ops/div.h>
#include <c10/core/GradMode.h>

#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/loops/step_graph.h"
#include "levin/framework/optim/fused_optimizer.h"

namespace levin {

// An optimizer of the run as modules see it.
class Optimization::Stepper final : public LightningOptimizer {
 public:
  Stepper(optim::Optimizer& optimizer, Run& run, Optimization& optimization)
      : LightningOptimizer(optimizer), run_(run), optimization_(optimization) {}

  at::Tensor step(const Closure& closure) override {
    const bool counts = optimization_.counts_manual_steps_;
    const ProfiledAction action(counts ? run_.profiler.get() : nullptr, "optimizer_step");
    if (counts) optimization_.manual_step_progress.increment_ready();
    run_.precision->automatic_optimization = run_.module->automatic_optimization;
    const at::Tensor loss = run_.strategy->optimizer_step(*run_.precision, optimizer(), closure, [this] { gradients_ready(); });
    if (counts) optimization_.manual_step_progress.increment_completed();
    return loss;
  }

  std::shared_ptr<void> toggle_model(bool sync_grad) override {
    struct Toggled {
      std::shared_ptr<void> unsynchronised, toggled;
    };
    return std::make_shared<Toggled>(Toggled{sync_grad ? nullptr : run_.strategy->block_backward_sync(), run_.module->toggled_optimizer(optimizer())});
  }

 private:
  void gradients_ready() {
    LEVIN_CALL(run_, on_before_optimizer_step, optimizer());
    if (!run_.module->automatic_optimization) return;
    LEVIN_CALL_MODULE(run_, configure_gradient_clipping, optimizer(), run_.options.gradient_clip_val, run_.options.gradient_clip_algorithm);
  }

  Run& run_;
  Optimization& optimization_;
};

Optimization::Optimization() = default;
Optimization::~Optimization() = default;

namespace {

// On a device kernels read their rate there, whether the step is recorded or not, so that both compute the same bits.
void read_rates_on_device(optim::Optimizer& optimizer) {
  auto* fused = dynamic_cast<optim::FusedOptimizer*>(&optimizer);
  if (fused && fused->takes_tensor_lr()) fused->use_tensor_lr(true);
}

std::unique_ptr<StepGraph> make_graph(const Run& run) {
  if (run.options.cuda_graph == CudaGraphMode::off) return nullptr;
  const at::Device device = run.strategy->root_device();
  if (auto recorder = run.accelerator->make_graph_recorder(device)) return std::make_unique<StepGraph>(run.options.cuda_graph, std::move(recorder));
  if (run.options.cuda_graph == CudaGraphMode::automatic) return nullptr;
  throw MisconfigurationException("`Trainer(cuda_graph=true)` needs a CUDA device, and this run is on " + device.str() +
                                  "; `cuda_graph=\"auto\"` records steps where it can be done.");
}

}  // namespace

void Optimization::use_optimizers(Run& run) {
  graph_ = make_graph(run);
  if (graph_ || !run.strategy->root_device().is_cpu())
    for (const auto& optimizer : run.optimizers) read_rates_on_device(*optimizer);
  std::vector<std::unique_ptr<LightningOptimizer>> steppers;
  for (const auto& optimizer : run.optimizers) steppers.push_back(std::make_unique<Stepper>(*optimizer, run, *this));
  optimizers_ = LightningOptimizers(std::move(steppers));
}

void Optimization::forget_recorded() { graph_.reset(); }

StepOutput Optimization::run(Run& run, const Batch& batch, std::int64_t batch_idx, bool accumulating) {
  const ProfiledAction action = run.profile("run_training_batch");
  batch_ = &batch;
  batch_idx_ = batch_idx;
  if (!run.module->automatic_optimization) return run_manual(run);
  output_ = {};
  closure_ran_ = false;
  const Closure train = [this, &run] { return closure(run); };
  if (accumulating) {
    const auto unsynchronised = run.strategy->block_backward_sync();
    train();
  } else {
    optim_progress.step.increment_ready();
    LEVIN_CALL_MODULE(run, optimizer_step, run.module->current_epoch(), batch_idx, optimizers_[0], train);
    optim_progress.step.increment_completed();
  }
  if (!closure_ran_) {
    throw MisconfigurationException(
        "The closure hasn't been executed. HINT: did you call `optimizer_closure()` in your `optimizer_step` hook? It could also "
        "happen because the `optimizer.step(optimizer_closure)` call did not execute it internally.");
  }
  return std::exchange(output_, {});
}

StepOutput Optimization::run_recorded(Run& run, const Batch& batch, std::int64_t batch_idx, bool accumulating) {
  return graph_->run(run, batch, [&](const Batch& of_step) { return this->run(run, of_step, batch_idx, accumulating); }, optim_progress);
}

at::Tensor Optimization::closure(Run& run) {
  const c10::AutoGradMode grad_mode(true);
  closure_ran_ = true;
  output_ = training_step(run);
  const at::Tensor loss = output_.loss();
  if (!loss.defined()) {
    if (run.strategy->world_size() > 1) {
      throw RuntimeError(
          "Skipping the `training_step` by returning None in distributed training is not supported. It is recommended that you rewrite "
          "your training logic to avoid having to skip the step in the first place.");
    }
    warn_once("`training_step` returned `None`. If this was on purpose, ignore this warning...");
    output_ = {};
  }
  const std::int64_t window = run.options.accumulate_grad_batches;
  // As in Lightning: after the forward pass, at the first batch of a window.
  if (!skip_backward && batch_idx_ % window == 0) zero_grad(run);
  if (!loss.defined()) return {};
  const at::Tensor scaled = window == 1 ? loss : at::div(loss, static_cast<double>(window));
  output_.set_loss(scaled.detach());
  if (!skip_backward) backward(run, scaled);
  return output_.loss();
}

void Optimization::zero_grad(Run& run) {
  optim::Optimizer& optimizer = *run.optimizers.front();
  optim_progress.zero_grad.increment_ready();
  LEVIN_CALL(run, on_before_zero_grad, optimizer);
  optim_progress.zero_grad.increment_started();
  LEVIN_CALL_MODULE(run, optimizer_zero_grad, run.module->current_epoch(), batch_idx_, optimizer);
  optim_progress.zero_grad.increment_completed();
}

void Optimization::backward(Run& run, const at::Tensor& loss) {
  // As in Lightning: `manual_backward` is not an action of its own.
  const bool automatic = run.module->automatic_optimization;
  const ProfiledAction action = automatic ? run.profile_strategy("backward") : ProfiledAction();
  const at::Tensor scaled = run.strategy->before_backward(run.precision->scale_loss(loss));
  LEVIN_CALL(run, on_before_backward, scaled);
  LEVIN_CALL_MODULE(run, backward, scaled);
  run.strategy->after_backward();
  LEVIN_CALL(run, on_after_backward);
}

StepOutput Optimization::training_step(Run& run) {
  StepOutput output;
  {
    const auto context = run.precision->forward_context();
    run.strategy->before_training_step();
    output = LEVIN_CALL_MODULE(run, training_step, *batch_, batch_idx_);
  }
  if (output.is_dict() && !output.loss().defined() && run.module->automatic_optimization) {
    throw MisconfigurationException(
        "In automatic_optimization, when `training_step` returns a dict, the 'loss' key needs to be present");
  }
  return output;
}

StepOutput Optimization::run_manual(Run& run) {
  struct Counting {
    explicit Counting(bool& flag) : flag_(flag) { flag_ = true; }
    ~Counting() { flag_ = false; }
    bool& flag_;
  };
  const Counting counting(counts_manual_steps_);
  StepOutput output = training_step(run);
  if (output.loss().defined()) output.set_loss(output.loss().detach());
  return output;
}

}  // namespace levin

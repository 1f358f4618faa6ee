#include "levin/framework/precision/mixed_precision.h"

#include "levin/framework/base/errors.h"
#include "levin/framework/base/python_format.h"
#include "levin/framework/optim/optimizer.h"

namespace levin {

MixedPrecision::MixedPrecision(std::string_view precision, std::string_view device, std::shared_ptr<GradScaler> scaler)
    : name_(precision),
      device_(at::Device(std::string(device)).type()),
      type_(precision == "16-mixed" ? at::kHalf : at::kBFloat16),
      scaler_(std::move(scaler)) {
  if (precision != "16-mixed" && precision != "bf16-mixed") {
    throw ValueError("`Passed `MixedPrecision(precision=" + python_repr(precision) + ")`. Precision must be '16-mixed' or 'bf16-mixed'.");
  }
  if (precision == "bf16-mixed" && scaler_)
    throw MisconfigurationException("`precision='bf16-mixed'` does not use a scaler, found a GradScaler.");
  if (precision == "16-mixed" && !scaler_) scaler_ = std::make_shared<GradScaler>();
}

// As in Lightning: weights are cast anew at each use, so that their gradients add up in float32.
ForwardContext MixedPrecision::forward_context() {
  return ForwardContext(std::in_place_type<Autocast>, device_, type_, /*enabled=*/true, /*cache_enabled=*/false);
}

at::Tensor MixedPrecision::scale_loss(const at::Tensor& loss) { return scaler_ ? scaler_->scale(loss) : loss; }

at::Tensor MixedPrecision::optimizer_step(optim::Optimizer& optimizer, const Closure& closure, const std::function<void()>& gradients_ready) {
  if (!scaler_) return Precision::optimizer_step(optimizer, closure, gradients_ready);
  if (std::string_view(optimizer.class_name()) == "LBFGS") throw MisconfigurationException("AMP and the LBFGS optimizer are not compatible.");
  const at::Tensor loss = closure ? closure() : at::Tensor();
  const bool no_backward = automatic_optimization && !loss.defined();
  if (!no_backward) scaler_->unscale_(optimizer);
  gradients_ready();
  if (no_backward) return loss;
  scaler_->step(optimizer);
  scaler_->update();
  return loss;
}

Value MixedPrecision::state_dict() const { return scaler_ ? scaler_->state_dict() : Value(); }

void MixedPrecision::load_state_dict(const Value& state) {
  if (scaler_) scaler_->load_state_dict(state);
}

}  // namespace levin

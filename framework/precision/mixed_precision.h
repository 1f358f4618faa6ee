#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "levin/framework/precision/grad_scaler.h"
#include "levin/framework/precision/precision.h"

namespace levin {

/// Weights in float32, steps under autocast: "16-mixed" in float16 with a GradScaler, "bf16-mixed" in bfloat16, which needs none.
///
///     Trainer({.plugins = {std::make_shared<MixedPrecision>("16-mixed", "cpu")}})
///
/// With a scaler a step goes: closure with scaled backward, unscale, `on_before_optimizer_step`, clipping, optimizer, new scale. A step
/// whose gradients are not finite changes nothing; it counts as a step all the same, for schedulers and `global_step` too. LBFGS is a
/// MisconfigurationException. The scaler's state goes into checkpoints, as Lightning's does.
class LEVIN_API MixedPrecision final : public Precision {
 public:
  /// `device`: "cpu" or "cuda". ValueError for another precision, MisconfigurationException for a scaler with "bf16-mixed".
  MixedPrecision(std::string_view precision, std::string_view device, std::shared_ptr<GradScaler> scaler = nullptr);

  std::string name() const override { return name_; }
  ForwardContext forward_context() override;
  GradScaler* scaler() override { return scaler_.get(); }
  at::Tensor scale_loss(const at::Tensor& loss) override;
  at::Tensor optimizer_step(optim::Optimizer& optimizer, const Closure& closure, const std::function<void()>& gradients_ready) override;
  Value state_dict() const override;
  void load_state_dict(const Value& state) override;

 private:
  std::string name_;
  at::DeviceType device_;
  at::ScalarType type_;
  std::shared_ptr<GradScaler> scaler_;
};

}  // namespace levin

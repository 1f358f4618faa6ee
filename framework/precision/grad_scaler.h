#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "levin/framework/base/export.h"
#include "levin/framework/base/value.h"

namespace levin {

namespace optim {
class Optimizer;
}

/// The arguments of torch's, without its device: the scale lies where the loss does.
struct GradScalerOptions {
  double init_scale = 65536.0;
  double growth_factor = 2.0;            ///< above 1
  double backoff_factor = 0.5;           ///< below 1
  std::int64_t growth_interval = 2000;   ///< steps without an overflow after which the scale grows
  bool enabled = true;                   ///< false: everything is as if there were no scaler
};

template <class V>
void fields(V&& f, GradScalerOptions& o) {
  f("init_scale", o.init_scale, "the first scale");
  f("growth_factor", o.growth_factor, "what the scale grows by");
  f("backoff_factor", o.backoff_factor, "what the scale shrinks by after an overflow");
  f("growth_interval", o.growth_interval, "steps without an overflow after which the scale grows");
  f("enabled", o.enabled, "false: nothing is scaled");
}

/// Python's `torch.amp.GradScaler`: multiplies the loss so that float16 gradients don't vanish, divides the gradients again, and leaves a
/// step out whose gradients are not finite.
///
///     scaler.scale(loss).backward();
///     scaler.unscale_(optimizer);  // only for who looks at the gradients, or clips them
///     scaler.step(optimizer);
///     scaler.update();
///
/// With optimizers whose `step_supports_amp_scaling` nothing here waits for the device: what was found goes into the step's kernel.
/// Others are asked after reading it back. All tensors are made once and keep their memory, for graphs.
class LEVIN_API GradScaler {
 public:
  using Options = GradScalerOptions;
  /// ValueError for a growth factor of at most 1 or a backoff factor of at least 1.
  explicit GradScaler(Options options = {});

  /// The tensor times the scale.
  at::Tensor scale(const at::Tensor& outputs);
  /// Divides the gradients of the optimizer's parameters by the scale and notes whether all are finite. Once between two `update`s, and
  /// before `step`: a RuntimeError otherwise. ValueError for float16 gradients: their parameters would have to be float32.
  void unscale_(optim::Optimizer& optimizer);
  /// Unscales if that is still to be done, and steps if all was finite.
  at::Tensor step(optim::Optimizer& optimizer);
  /// The scale for the next iteration, once all optimizers have stepped.
  void update();
  void update(double new_scale);

  /// What was done since the last `update` came to nothing, and is done again: it may begin with `unscale_`.
  void abandon_step();

  // These wait for the device.
  double get_scale() const;
  /// {"scale", "growth_factor", "backoff_factor", "growth_interval", "_growth_tracker"}; empty where it is not enabled.
  Value state_dict() const;
  /// RuntimeError for an empty state.
  void load_state_dict(const Value& state);

  double get_growth_factor() const { return options_.growth_factor; }
  void set_growth_factor(double factor) { options_.growth_factor = factor; }
  double get_backoff_factor() const { return options_.backoff_factor; }
  void set_backoff_factor(double factor) { options_.backoff_factor = factor; }
  std::int64_t get_growth_interval() const { return options_.growth_interval; }
  void set_growth_interval(std::int64_t interval) { options_.growth_interval = interval; }
  bool is_enabled() const { return options_.enabled; }

 private:
  enum class Stage : std::uint8_t { ready, unscaled, stepped };
  /// What was found of an optimizer's gradients, a tensor for each of their devices; of use since the last update only.
  struct Found {
    const optim::Optimizer* optimizer;
    Stage stage = Stage::ready;
    std::vector<at::Tensor> per_device = {};
    bool recorded = false;
  };
  void require_scale(const char* function) const;
  Found& found_of(const optim::Optimizer& optimizer, const char* function);
  void check_gradients(optim::Optimizer& optimizer, Found& found, const at::Tensor& inverse, bool allow_float16);
  at::Tensor found_inf(const Found& found) const;

  Options options_;
  std::int64_t growth_tracker_before_ = 0;  ///< until there is a tensor
  at::Tensor scale_, growth_tracker_;       ///< made beside the first loss
  std::vector<Found> found_;
};

}  // namespace levin

#include "levin/framework/precision/grad_scaler.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_amp_foreach_non_finite_check_and_unscale.h>
#include <ATen/ops/_amp_update_scale.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <algorithm>

#include "levin/framework/base/errors.h"
#include "levin/framework/optim/optimizer.h"

namespace levin {
namespace {

// The scaling of one step.
struct Handed {
  Handed(optim::Optimizer& of, optim::AmpScaling scaling) : optimizer(of) { optimizer.set_amp_scaling(std::move(scaling)); }
  ~Handed() { optimizer.set_amp_scaling({}); }
  optim::Optimizer& optimizer;
};

// The kernel takes gradients of one device and one type.
struct Alike {
  at::Device device;
  at::ScalarType type;
  std::vector<at::Tensor> gradients;
};

void add(std::vector<Alike>& all, const at::Tensor& gradient) {
  const auto fits = [&](const Alike& one) { return one.device == gradient.device() && one.type == gradient.scalar_type(); };
  auto place = std::find_if(all.begin(), all.end(), fits);
  if (place == all.end()) place = all.insert(place, {gradient.device(), gradient.scalar_type(), {}});
  place->gradients.push_back(gradient);
}

std::vector<Alike> gradients_of(const optim::Optimizer& optimizer, bool allow_float16) {
  std::vector<Alike> out;
  for (const auto& group : optimizer.param_groups()) {
    for (const at::Tensor& parameter : group.params()) {
      at::Tensor gradient = parameter.grad();
      if (!gradient.defined()) continue;
      if (!allow_float16 && gradient.scalar_type() == at::kHalf) throw ValueError("Attempting to unscale FP16 gradients.");
      if (gradient.is_sparse()) {
        // Entries of one place, added up, may overflow in float16.
        if (gradient.scalar_type() == at::kHalf) parameter.mutable_grad() = gradient = gradient.coalesce();
        gradient = gradient._values();
      }
      add(out, gradient);
    }
  }
  return out;
}

}  // namespace

GradScaler::GradScaler(Options options) : options_(options) {
  if (!options_.enabled) return;
  if (!(options_.growth_factor > 1.0)) throw ValueError("The growth factor must be > 1.0.");
  if (!(options_.backoff_factor < 1.0)) throw ValueError("The backoff factor must be < 1.0.");
}

at::Tensor GradScaler::scale(const at::Tensor& outputs) {
  if (!options_.enabled) return outputs;
  if (!scale_.defined()) {
    scale_ = at::full({}, options_.init_scale, at::dtype(at::kFloat).device(outputs.device()));
    growth_tracker_ = at::full({}, growth_tracker_before_, at::dtype(at::kInt).device(outputs.device()));
  }
  return outputs * scale_.to(outputs.device(), /*non_blocking=*/true);
}

void GradScaler::require_scale(const char* function) const {
  if (scale_.defined()) return;
  throw RuntimeError(std::string("Attempted ") + function +
                     " but _scale is None.  This may indicate your script did not use scaler.scale(loss or outputs) earlier in the iteration.");
}

GradScaler::Found& GradScaler::found_of(const optim::Optimizer& optimizer, const char* function) {
  require_scale(function);
  const auto place = std::find_if(found_.begin(), found_.end(), [&](const Found& one) { return one.optimizer == &optimizer; });
  return place == found_.end() ? found_.emplace_back(Found{&optimizer}) : *place;
}

// Multiplies by `inverse` and notes, per device, whether all is finite.
void GradScaler::check_gradients(optim::Optimizer& optimizer, Found& found, const at::Tensor& inverse, bool allow_float16) {
  const c10::AutoGradMode no_grad(false);
  for (at::Tensor& one : found.per_device) one.zero_();
  for (Alike& alike : gradients_of(optimizer, allow_float16)) {
    auto place = std::find_if(found.per_device.begin(), found.per_device.end(), [&](const at::Tensor& one) { return one.device() == alike.device; });
    if (place == found.per_device.end()) place = found.per_device.insert(place, at::zeros({}, at::dtype(at::kFloat).device(alike.device)));
    at::_amp_foreach_non_finite_check_and_unscale_(alike.gradients, *place, inverse.to(alike.device, /*non_blocking=*/true));
    found.recorded = true;
  }
  if (!found.recorded) throw RuntimeError("No inf checks were recorded for this optimizer: none of its parameters has a gradient.");
}

void GradScaler::unscale_(optim::Optimizer& optimizer) {
  if (!options_.enabled) return;
  Found& found = found_of(optimizer, "unscale_");
  if (found.stage == Stage::unscaled) throw RuntimeError("unscale_() has already been called on this optimizer since the last update().");
  if (found.stage == Stage::stepped) throw RuntimeError("unscale_() is being called after step().");
  check_gradients(optimizer, found, scale_.to(at::kDouble).reciprocal().to(at::kFloat), /*allow_float16=*/false);
  found.stage = Stage::unscaled;
}

at::Tensor GradScaler::found_inf(const Found& found) const {
  at::Tensor out;
  for (const at::Tensor& one : found.per_device) {
    const at::Tensor here = one.to(scale_.device(), /*non_blocking=*/true);
    out = out.defined() ? out + here : here;
  }
  return out;
}

at::Tensor GradScaler::step(optim::Optimizer& optimizer) {
  if (!options_.enabled) return optimizer.step();
  Found& found = found_of(optimizer, "step");
  if (found.stage == Stage::stepped) throw RuntimeError("step() has already been called since the last update().");
  at::Tensor out;
  if (optimizer.step_supports_amp_scaling()) {
    const bool scaled = found.stage == Stage::ready;
    if (scaled) check_gradients(optimizer, found, at::ones_like(scale_), /*allow_float16=*/true);
    const Handed handed(optimizer, {.grad_scale = scaled ? scale_ : at::Tensor(), .found_inf = found_inf(found)});
    out = optimizer.step();
  } else {
    if (found.stage == Stage::ready) unscale_(optimizer);
    if (found_inf(found).item<float>() == 0) out = optimizer.step();
  }
  found.stage = Stage::stepped;
  return out;
}

void GradScaler::abandon_step() {
  for (Found& found : found_) found.stage = Stage::ready, found.recorded = false;
}

void GradScaler::update() {
  if (!options_.enabled) return;
  require_scale("update");
  at::Tensor all;
  for (const Found& found : found_) {
    if (!found.recorded) continue;
    const at::Tensor here = found_inf(found);
    all = all.defined() ? all + here : here;
  }
  if (!all.defined()) throw RuntimeError("No inf checks were recorded prior to update.");
  at::_amp_update_scale_(scale_, growth_tracker_, all, options_.growth_factor, options_.backoff_factor, options_.growth_interval);
  abandon_step();
}

void GradScaler::update(double new_scale) {
  if (!options_.enabled) return;
  require_scale("update");
  scale_.fill_(new_scale);
  abandon_step();
}

double GradScaler::get_scale() const {
  if (!options_.enabled) return 1.0;
  return scale_.defined() ? static_cast<double>(scale_.item<float>()) : options_.init_scale;
}

Value GradScaler::state_dict() const {
  if (!options_.enabled) return Value::dict();
  const std::int64_t tracker = growth_tracker_.defined() ? growth_tracker_.item<int>() : growth_tracker_before_;
  return Dict{{"scale", get_scale()},
              {"growth_factor", options_.growth_factor},
              {"backoff_factor", options_.backoff_factor},
              {"growth_interval", options_.growth_interval},
              {"_growth_tracker", tracker}};
}

void GradScaler::load_state_dict(const Value& state) {
  if (!options_.enabled) return;
  if (!state.is_dict() || state.size() == 0)
    throw RuntimeError("The source state dict is empty, possibly because it was saved from a disabled instance of GradScaler.");
  options_.init_scale = state.at("scale").number();
  options_.growth_factor = state.at("growth_factor").number();
  options_.backoff_factor = state.at("backoff_factor").number();
  options_.growth_interval = state.at("growth_interval").as_int();
  growth_tracker_before_ = state.at("_growth_tracker").as_int();
  if (!scale_.defined()) return;
  scale_.fill_(options_.init_scale);
  growth_tracker_.fill_(growth_tracker_before_);
}

}  // namespace levin

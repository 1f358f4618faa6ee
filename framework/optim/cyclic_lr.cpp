#include "levin/framework/optim/cyclic_lr.h"

#include <cmath>

#include "levin/framework/optim/cycled_momentum.h"

namespace levin::optim {
namespace {

const CyclicLROptions& checked(const CyclicLROptions& o) {
  const auto* one = std::get_if<double>(&o.max_lr);
  if (one && *one == 0) throw ValueError("CyclicLR needs a max_lr, say 0.1");
  if (o.step_size_up < 1) throw ValueError("CyclicLR needs a step_size_up of at least 1, got " + std::to_string(o.step_size_up));
  if (o.step_size_down.value_or(0) < 0)
    throw ValueError("CyclicLR needs a step_size_down of at least 0, got " + std::to_string(*o.step_size_down));
  if (o.mode != "triangular" && o.mode != "triangular2" && o.mode != "exp_range" && !o.scale_fn)
    throw ValueError("mode is invalid and scale_fn is None");
  return o;
}

}  // namespace

CyclicLR::~CyclicLR() = default;

/// Sets the first rates and momenta, before the base class takes the rates for the optimizer's own.
std::shared_ptr<Optimizer> CyclicLR::started(std::shared_ptr<Optimizer> optimizer, const Options& o) {
  if (!optimizer || o.last_epoch != -1) return optimizer;
  const auto rates = for_groups(*optimizer, "base_lr", o.base_lr);
  if (o.cycle_momentum) check_cycles_momentum(*optimizer);
  const auto lowest = for_groups(*optimizer, "base_momentum", o.base_momentum);
  const auto highest = for_groups(*optimizer, "max_momentum", o.max_momentum);
  for (std::size_t i = 0; i < rates.size(); ++i) {
    optimizer->set_lr(i, rates[i]);
    if (!o.cycle_momentum) continue;
    set_cycled_momentum(*optimizer, i, highest[i], cycles_beta1(*optimizer));
    optimizer->scheduler_entries(i)["max_momentum"] = highest[i];
    optimizer->scheduler_entries(i)["base_momentum"] = lowest[i];
  }
  return optimizer;
}

CyclicLR::CyclicLR(std::shared_ptr<Optimizer> given, const Options& options)
    : EpochScheduler(started(std::move(given), checked(options)), options.last_epoch),
      max_lrs_(for_groups(optimizer(), "max_lr", options.max_lr)),
      gamma_(options.gamma),
      mode_(options.mode),
      scale_mode_(options.scale_mode),
      scale_fn_(options.scale_fn),
      cycle_momentum_(options.cycle_momentum),
      use_beta1_(cycles_beta1(optimizer())) {
  const auto up = static_cast<double>(options.step_size_up);
  total_size_ = up + static_cast<double>(options.step_size_down.value_or(options.step_size_up));
  step_ratio_ = up / total_size_;
  take_mode();
  if (cycle_momentum_) {
    base_momentums_ = for_groups(optimizer(), "base_momentum", options.base_momentum);
    max_momentums_ = for_groups(optimizer(), "max_momentum", options.max_momentum);
  }
  // As in torch: the rate of epoch 0 is where the groups' schedules began, which with a scheduler before this one is not `base_lr`.
  const auto base_lrs = for_groups(optimizer(), "base_lr", options.base_lr);
  initial_step();
  base_lrs_ = base_lrs;
}

// A mode that torch knows says what the scale is a function of, whatever `scale_mode` was given.
void CyclicLR::take_mode() {
  if (scale_fn_) return;
  scale_mode_ = mode_ == "exp_range" ? "iterations" : "cycle";
}

double CyclicLR::scale(double x) const {
  if (scale_fn_) return scale_fn_(x);
  if (mode_ == "triangular2") return 1 / std::pow(2.0, x - 1);
  return mode_ == "exp_range" ? std::pow(gamma_, x) : 1.0;
}

double CyclicLR::above(double low, double high) const {
  const auto step = static_cast<double>(last_epoch_);
  const double cycle = std::floor(1 + step / total_size_);
  const double x = 1.0 + step / total_size_ - cycle;
  const double part = x <= step_ratio_ ? x / step_ratio_ : (x - 1) / (step_ratio_ - 1);
  return (high - low) * part * scale(scale_mode_ == "cycle" ? cycle : step);
}

double CyclicLR::get_lr(std::size_t group) const {
  const double low = base_lr(group);
  return low + above(low, max_lrs_[group]);
}

void CyclicLR::after_step() {
  if (!cycle_momentum_) return;
  for (std::size_t i = 0; i < group_count(); ++i) {
    const double momentum = max_momentums_[i] - above(base_momentums_[i], max_momentums_[i]);
    set_cycled_momentum(optimizer(), i, momentum, use_beta1_);
  }
}

void CyclicLR::write_front(Dict& out) const {
  const auto numbers = [](const std::vector<double>& v) { return Field<std::vector<double>>::write(v); };
  out = Dict{{"max_lrs", numbers(max_lrs_)}, {"total_size", total_size_}, {"step_ratio", step_ratio_}, {"mode", mode_},
             {"gamma", gamma_},              {"scale_mode", scale_mode_}, {"cycle_momentum", cycle_momentum_}};
  if (!cycle_momentum_) return;
  out["use_beta1"] = use_beta1_;
  out["base_momentums"] = numbers(base_momentums_);
  out["max_momentums"] = numbers(max_momentums_);
}

void CyclicLR::write_back(Dict& out) const { out["_scale_fn_custom"] = Value(); }

void CyclicLR::read(const Dict& in) {
  read_entry(in, "max_lrs", max_lrs_);
  read_entry(in, "total_size", total_size_);
  read_entry(in, "step_ratio", step_ratio_);
  read_entry(in, "mode", mode_);
  read_entry(in, "gamma", gamma_);
  read_entry(in, "scale_mode", scale_mode_);
  read_entry(in, "cycle_momentum", cycle_momentum_);
  read_entry(in, "use_beta1", use_beta1_);
  read_entry(in, "base_momentums", base_momentums_);
  read_entry(in, "max_momentums", max_momentums_);
  take_mode();
}

std::shared_ptr<CyclicLR> cyclic_lr(std::shared_ptr<Optimizer> optimizer, const CyclicLROptions& options) {
  return std::make_shared<CyclicLR>(std::move(optimizer), options);
}

}  // namespace levin::optim

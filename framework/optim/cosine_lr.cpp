#include "levin/framework/optim/cosine_lr.h"

#include <cmath>
#include <numbers>

#include "levin/framework/base/errors.h"

namespace levin::optim {

// ---- CosineAnnealingLR ---------------------------------------------------------------------------------------------------------

CosineAnnealingLR::CosineAnnealingLR(std::shared_ptr<Optimizer> optimizer, const Options& options)
    : FormulaLR(std::move(optimizer), options) {
  if (options.T_max <= 0) throw ValueError("CosineAnnealingLR needs a T_max of at least 1, got " + std::to_string(options.T_max));
  initial_step();
}

double CosineAnnealingLR::get_lr(std::size_t group) const {
  if (initial()) return rate(group);
  const double low = options_.eta_min, period = static_cast<double>(options_.T_max);
  if ((last_epoch_ - 1 - options_.T_max) % (2 * options_.T_max) == 0)
    return rate(group) + (base_lr(group) - low) * (1 - std::cos(std::numbers::pi / period)) / 2;
  const auto height = [&](std::int64_t epoch) { return 1 + std::cos(std::numbers::pi * static_cast<double>(epoch) / period); };
  return height(last_epoch_) / height(last_epoch_ - 1) * (rate(group) - low) + low;
}

double CosineAnnealingLR::closed_form_lr(std::size_t group) const {
  const double part = static_cast<double>(last_epoch_) / static_cast<double>(options_.T_max);
  return options_.eta_min + (base_lr(group) - options_.eta_min) * (1 + std::cos(std::numbers::pi * part)) / 2;
}

// ---- CosineAnnealingWarmRestarts -----------------------------------------------------------------------------------------------

CosineAnnealingWarmRestarts::CosineAnnealingWarmRestarts(std::shared_ptr<Optimizer> optimizer, const Options& options)
    : EpochScheduler(std::move(optimizer), options.last_epoch), options_(options), T_i_(options.T_0), T_cur_(static_cast<double>(options.last_epoch)) {
  if (options.T_0 <= 0) throw ValueError("Expected positive integer T_0, but got " + std::to_string(options.T_0));
  if (options.T_mult < 1) throw ValueError("Expected integer T_mult >= 1, but got " + std::to_string(options.T_mult));
  initial_step();
}

// As in torch: these steps are not counted in `_step_count`.
void CosineAnnealingWarmRestarts::step() {
  if (last_epoch_ < 0) {
    T_cur_ = 0;
    T_i_ = options_.T_0;
    last_epoch_ = 0;
  } else {
    ++last_epoch_;
    if (++T_cur_ >= static_cast<double>(T_i_)) {
      T_cur_ = std::fmod(T_cur_, static_cast<double>(T_i_));
      T_i_ *= options_.T_mult;
    }
  }
  update_rates();
}

void CosineAnnealingWarmRestarts::step(double epoch) {
  if (!(epoch >= 0 && epoch < 1e15)) throw ValueError("Expected non-negative epoch, but got " + Value(epoch).repr());
  const auto first = static_cast<double>(options_.T_0), factor = static_cast<double>(options_.T_mult);
  T_cur_ = epoch;
  if (epoch < first) {
    T_i_ = options_.T_0;
  } else if (options_.T_mult == 1) {
    T_cur_ = std::fmod(epoch, first);
  } else {
    const double restarts = std::trunc(std::log(epoch / first * (factor - 1) + 1) / std::log(factor)), grown = std::pow(factor, restarts);
    T_cur_ = epoch - first * (grown - 1) / (factor - 1);
    T_i_ = options_.T_0 * static_cast<std::int64_t>(grown);
  }
  last_epoch_ = static_cast<std::int64_t>(epoch);
  update_rates();
}

double CosineAnnealingWarmRestarts::get_lr(std::size_t group) const {
  const double angle = std::numbers::pi * T_cur_ / static_cast<double>(T_i_);
  return options_.eta_min + (base_lr(group) - options_.eta_min) * (1 + std::cos(angle)) / 2;
}

void CosineAnnealingWarmRestarts::write_front(Dict& out) const {
  out["T_0"] = options_.T_0;
  out["T_i"] = T_i_;
  out["T_mult"] = options_.T_mult;
  out["eta_min"] = options_.eta_min;
  if (std::floor(T_cur_) == T_cur_) out["T_cur"] = static_cast<std::int64_t>(T_cur_);
  else out["T_cur"] = T_cur_;
}

void CosineAnnealingWarmRestarts::read(const Dict& in) {
  read_entries(in, options_, "last_epoch");
  read_entry(in, "T_i", T_i_);
  read_entry(in, "T_cur", T_cur_);
}

// ---- Functions -----------------------------------------------------------------------------------------------------------------

std::shared_ptr<CosineAnnealingLR> cosine_annealing_lr(std::shared_ptr<Optimizer> optimizer,
                                                       const CosineAnnealingLROptions& options) {
  return std::make_shared<CosineAnnealingLR>(std::move(optimizer), options);
}

std::shared_ptr<CosineAnnealingWarmRestarts> cosine_annealing_warm_restarts(std::shared_ptr<Optimizer> optimizer,
                                                                            const CosineAnnealingWarmRestartsOptions& options) {
  return std::make_shared<CosineAnnealingWarmRestarts>(std::move(optimizer), options);
}

}  // namespace levin::optim

// Rates are computed from the last rate where torch does so, in torch's order of operations: the same bits, and a rate that was
// changed by hand stays changed.
#include "levin/framework/optim/schedulers.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "levin/framework/base/errors.h"
#include "levin/framework/optim/group_reader.h"

namespace levin::optim {
namespace {

void require_positive(std::int64_t value, const char* scheduler, const char* option) {
  if (value > 0) return;
  throw ValueError(std::string(scheduler) + " needs a " + option + " of at least 1, got " + std::to_string(value));
}

// As in torch, a group that was added since has no first rate: schedulers that go from rate to rate (StepLR, ...) do without.
double base_lr(const LRScheduler& scheduler, const std::vector<double>& base_lrs, std::size_t group) {
  if (group < base_lrs.size()) return base_lrs[group];
  throw ValueError(std::string(scheduler.class_name()) + " was made for " + std::to_string(base_lrs.size()) + " parameter groups, the optimizer has " +
                   std::to_string(scheduler.optimizer().group_count()) + "; StepLR, MultiStepLR, ExponentialLR and LinearLR take groups that are added later");
}

}  // namespace

// ---- StepLR --------------------------------------------------------------------------------------------------------------------

StepLR::StepLR(std::shared_ptr<Optimizer> optimizer, Options options) : EpochScheduler(std::move(optimizer)), options_(options) {
  require_positive(options.step_size, "StepLR", "step_size");
  initial_step();
}

double StepLR::get_lr(std::size_t group) const {
  return initial() || last_epoch_ % options_.step_size != 0 ? rate(group) : rate(group) * options_.gamma;
}

void StepLR::write_front(Dict& out) const { out = write_fields(options_).as_dict(); }

void StepLR::read(const Dict& in) {
  read_entry(in, "step_size", options_.step_size);
  read_entry(in, "gamma", options_.gamma);
}

// ---- MultiStepLR ---------------------------------------------------------------------------------------------------------------

MultiStepLR::MultiStepLR(std::shared_ptr<Optimizer> optimizer, const Options& options)
    : EpochScheduler(std::move(optimizer)), gamma_(options.gamma) {
  for (const std::int64_t epoch : options.milestones) {
    const auto found = std::find_if(milestones_.begin(), milestones_.end(), [&](const auto& m) { return m.first == epoch; });
    if (found != milestones_.end()) ++found->second;
    else milestones_.emplace_back(epoch, 1);
  }
  initial_step();
}

double MultiStepLR::get_lr(std::size_t group) const {
  for (const auto& [epoch, times] : milestones_)
    if (epoch == last_epoch_) return rate(group) * std::pow(gamma_, static_cast<double>(times));
  return rate(group);
}

void MultiStepLR::write_front(Dict& out) const {
  Dict counter;
  counter.type = Dict::Type::counter;
  for (const auto& [epoch, times] : milestones_) counter.set(epoch, times);
  out["milestones"] = std::move(counter);
  out["gamma"] = gamma_;
}

void MultiStepLR::read(const Dict& in) {
  read_entry(in, "gamma", gamma_);
  const Value* milestones = in.find(std::string_view("milestones"));
  if (!milestones) return;
  milestones_.clear();
  for (const auto& [epoch, times] : milestones->as_dict()) milestones_.emplace_back(epoch.as_int(), times.as_int());
}

// ---- ExponentialLR -------------------------------------------------------------------------------------------------------------

ExponentialLR::ExponentialLR(std::shared_ptr<Optimizer> optimizer, Options options)
    : EpochScheduler(std::move(optimizer)), options_(options) {
  if (options.gamma == 0) throw ValueError("ExponentialLR needs a gamma, say 0.95");
  initial_step();
}

double ExponentialLR::get_lr(std::size_t group) const { return initial() ? rate(group) : rate(group) * options_.gamma; }

void ExponentialLR::write_front(Dict& out) const { out = write_fields(options_).as_dict(); }

void ExponentialLR::read(const Dict& in) { read_entry(in, "gamma", options_.gamma); }

// ---- CosineAnnealingLR ---------------------------------------------------------------------------------------------------------

CosineAnnealingLR::CosineAnnealingLR(std::shared_ptr<Optimizer> optimizer, Options options)
    : EpochScheduler(std::move(optimizer)), options_(options) {
  require_positive(options.T_max, "CosineAnnealingLR", "T_max");
  initial_step();
}

double CosineAnnealingLR::get_lr(std::size_t group) const {
  if (initial()) return rate(group);
  const auto period = static_cast<double>(options_.T_max);
  const double low = options_.eta_min;
  // One epoch after the bottom the ratio of two rates is a division by zero.
  if ((last_epoch_ - 1 - options_.T_max) % (2 * options_.T_max) == 0)
    return rate(group) + (base_lr(*this, base_lrs_, group) - low) * (1 - std::cos(std::numbers::pi / period)) / 2;
  const auto height = [&](std::int64_t epoch) { return 1 + std::cos(std::numbers::pi * static_cast<double>(epoch) / period); };
  return height(last_epoch_) / height(last_epoch_ - 1) * (rate(group) - low) + low;
}

void CosineAnnealingLR::write_front(Dict& out) const { out = write_fields(options_).as_dict(); }

void CosineAnnealingLR::read(const Dict& in) {
  read_entry(in, "T_max", options_.T_max);
  read_entry(in, "eta_min", options_.eta_min);
}

// ---- LinearLR ------------------------------------------------------------------------------------------------------------------

LinearLR::LinearLR(std::shared_ptr<Optimizer> optimizer, Options options)
    : EpochScheduler(std::move(optimizer)), options_(options) {
  if (!(options.start_factor > 0 && options.start_factor <= 1))
    throw ValueError("Starting multiplicative factor expected to be greater than 0 and less or equal to 1.");
  if (!(options.end_factor >= 0 && options.end_factor <= 1))
    throw ValueError("Ending multiplicative factor expected to be between 0 and 1.");
  initial_step();
}

double LinearLR::get_lr(std::size_t group) const {
  if (initial()) return rate(group) * options_.start_factor;
  if (last_epoch_ > options_.total_iters) return rate(group);
  const double rise = options_.end_factor - options_.start_factor;
  const double before = static_cast<double>(options_.total_iters) * options_.start_factor + static_cast<double>(last_epoch_ - 1) * rise;
  return rate(group) * (1.0 + rise / before);
}

void LinearLR::write_front(Dict& out) const { out = write_fields(options_).as_dict(); }

void LinearLR::read(const Dict& in) {
  read_entry(in, "start_factor", options_.start_factor);
  read_entry(in, "end_factor", options_.end_factor);
  read_entry(in, "total_iters", options_.total_iters);
}

// ---- LambdaLR ------------------------------------------------------------------------------------------------------------------

LambdaLR::LambdaLR(std::shared_ptr<Optimizer> optimizer, Factor factor) : EpochScheduler(std::move(optimizer)) {
  factors_.assign(group_count(), std::move(factor));
  initial_step();
}

LambdaLR::LambdaLR(std::shared_ptr<Optimizer> optimizer, std::vector<Factor> factors)
    : EpochScheduler(std::move(optimizer)), factors_(std::move(factors)) {
  if (factors_.size() != group_count()) {
    throw ValueError("Expected " + std::to_string(group_count()) + " lr_lambdas, but got " + std::to_string(factors_.size()));
  }
  initial_step();
}

double LambdaLR::get_lr(std::size_t group) const {
  const double base = base_lr(*this, base_lrs_, group);
  return base * factors_[group](last_epoch_);
}

void LambdaLR::write_back(Dict& out) const { out["lr_lambdas"] = Value::list(List(factors_.size())); }

// ---- Functions -----------------------------------------------------------------------------------------------------------------

std::shared_ptr<StepLR> step_lr(std::shared_ptr<Optimizer> optimizer, StepLROptions options) {
  return std::make_shared<StepLR>(std::move(optimizer), options);
}

std::shared_ptr<MultiStepLR> multi_step_lr(std::shared_ptr<Optimizer> optimizer, MultiStepLROptions options) {
  return std::make_shared<MultiStepLR>(std::move(optimizer), options);
}

std::shared_ptr<ExponentialLR> exponential_lr(std::shared_ptr<Optimizer> optimizer, ExponentialLROptions options) {
  return std::make_shared<ExponentialLR>(std::move(optimizer), options);
}

std::shared_ptr<CosineAnnealingLR> cosine_annealing_lr(std::shared_ptr<Optimizer> optimizer, CosineAnnealingLROptions options) {
  return std::make_shared<CosineAnnealingLR>(std::move(optimizer), options);
}

std::shared_ptr<LinearLR> linear_lr(std::shared_ptr<Optimizer> optimizer, LinearLROptions options) {
  return std::make_shared<LinearLR>(std::move(optimizer), options);
}

std::shared_ptr<LambdaLR> lambda_lr(std::shared_ptr<Optimizer> optimizer, LambdaLR::Factor factor) {
  return std::make_shared<LambdaLR>(std::move(optimizer), std::move(factor));
}

}  // namespace levin::optim

// Rates are computed from the last rate where torch does so, in torch's order of operations: the same bits, and a rate that was
// changed by hand stays changed.
#include "levin/framework/optim/formula_lr.h"

#include <algorithm>
#include <cmath>

#include "levin/framework/base/errors.h"
#include "levin/framework/optim/group_reader.h"

namespace levin::optim {
namespace {

void require_positive(std::int64_t value, const char* scheduler, const char* option) {
  if (value > 0) return;
  throw ValueError(std::string(scheduler) + " needs a " + option + " of at least 1, got " + std::to_string(value));
}

double ratio(double numerator, double denominator, const char* what) {
  if (denominator == 0) throw ZeroDivisionError(what);
  return numerator / denominator;
}

std::int64_t times_in(const std::vector<std::int64_t>& milestones, std::int64_t epoch) {
  return std::count(milestones.begin(), milestones.end(), epoch);
}

constexpr auto as_double = [](std::int64_t n) { return static_cast<double>(n); };

}  // namespace

// ---- StepLR --------------------------------------------------------------------------------------------------------------------

StepLR::StepLR(std::shared_ptr<Optimizer> optimizer, const Options& options) : FormulaLR(std::move(optimizer), options) {
  require_positive(options.step_size, "StepLR", "step_size");
  initial_step();
}

double StepLR::get_lr(std::size_t group) const {
  return last_epoch_ == 0 || last_epoch_ % options_.step_size != 0 ? rate(group) : rate(group) * options_.gamma;
}

double StepLR::closed_form_lr(std::size_t group) const {
  return base_lr(group) * std::pow(options_.gamma, as_double(last_epoch_ / options_.step_size));
}

// ---- MultiStepLR ---------------------------------------------------------------------------------------------------------------

MultiStepLR::MultiStepLR(std::shared_ptr<Optimizer> optimizer, const Options& options) : FormulaLR(std::move(optimizer), options) {
  initial_step();
}

double MultiStepLR::get_lr(std::size_t group) const {
  const std::int64_t drops = times_in(options_.milestones, last_epoch_);
  return drops == 0 ? rate(group) : rate(group) * std::pow(options_.gamma, as_double(drops));
}

double MultiStepLR::closed_form_lr(std::size_t group) const {
  const auto drops = std::count_if(options_.milestones.begin(), options_.milestones.end(), [&](auto m) { return m <= last_epoch_; });
  return base_lr(group) * std::pow(options_.gamma, as_double(drops));
}

void MultiStepLR::write_front(Dict& out) const {
  Dict counter;
  counter.type = Dict::Type::counter;
  for (const std::int64_t epoch : options_.milestones) counter.set(epoch, times_in(options_.milestones, epoch));
  out["milestones"] = std::move(counter);
  out["gamma"] = options_.gamma;
}

void MultiStepLR::read(const Dict& in) {
  read_entry(in, "gamma", options_.gamma);
  const Value* milestones = in.find("milestones");
  if (!milestones) return;
  options_.milestones.clear();
  for (const auto& [epoch, times] : milestones->as_dict())
    options_.milestones.insert(options_.milestones.end(), static_cast<std::size_t>(times.as_int()), epoch.as_int());
}

// ---- ConstantLR ----------------------------------------------------------------------------------------------------------------

ConstantLR::ConstantLR(std::shared_ptr<Optimizer> optimizer, const Options& options) : FormulaLR(std::move(optimizer), options) {
  if (!(options.factor >= 0 && options.factor <= 1))
    throw ValueError("Constant multiplicative factor expected to be between 0 and 1.");
  initial_step();
}

double ConstantLR::get_lr(std::size_t group) const {
  if (last_epoch_ == 0) return rate(group) * options_.factor;
  if (last_epoch_ != options_.total_iters) return rate(group);
  return rate(group) * ratio(1.0, options_.factor, "ConstantLR can't undo a factor of 0; choose one above it, say 1e-9");
}

double ConstantLR::closed_form_lr(std::size_t group) const {
  return base_lr(group) * (options_.factor + (last_epoch_ >= options_.total_iters ? 1 - options_.factor : 0));
}

// ---- LinearLR ------------------------------------------------------------------------------------------------------------------

LinearLR::LinearLR(std::shared_ptr<Optimizer> optimizer, const Options& options) : FormulaLR(std::move(optimizer), options) {
  if (!(options.start_factor > 0 && options.start_factor <= 1))
    throw ValueError("Starting multiplicative factor expected to be greater than 0 and less or equal to 1.");
  if (!(options.end_factor >= 0 && options.end_factor <= 1))
    throw ValueError("Ending multiplicative factor expected to be between 0 and 1.");
  initial_step();
}

double LinearLR::get_lr(std::size_t group) const {
  if (last_epoch_ == 0) return rate(group) * options_.start_factor;
  if (initial() || last_epoch_ > options_.total_iters) return rate(group);
  const double rise = options_.end_factor - options_.start_factor;
  const double before = as_double(options_.total_iters) * options_.start_factor + as_double(last_epoch_ - 1) * rise;
  return rate(group) * (1.0 + rise / before);
}

double LinearLR::closed_form_lr(std::size_t group) const {
  const double rise = options_.end_factor - options_.start_factor;
  const double done = as_double(std::min(options_.total_iters, last_epoch_));
  return base_lr(group) *
         (options_.start_factor + ratio(rise * done, as_double(options_.total_iters), "LinearLR needs total_iters above 0"));
}

// ---- ExponentialLR -------------------------------------------------------------------------------------------------------------

ExponentialLR::ExponentialLR(std::shared_ptr<Optimizer> optimizer, const Options& options)
    : FormulaLR(std::move(optimizer), options) {
  if (options.gamma == 0) throw ValueError("ExponentialLR needs a gamma, say 0.95");
  initial_step();
}

double ExponentialLR::get_lr(std::size_t group) const { return initial() ? rate(group) : rate(group) * options_.gamma; }

double ExponentialLR::closed_form_lr(std::size_t group) const {
  return base_lr(group) * std::pow(options_.gamma, as_double(last_epoch_));
}

// ---- PolynomialLR --------------------------------------------------------------------------------------------------------------

PolynomialLR::PolynomialLR(std::shared_ptr<Optimizer> optimizer, const Options& options) : FormulaLR(std::move(optimizer), options) {
  initial_step();
}

double PolynomialLR::get_lr(std::size_t group) const {
  if (initial() || last_epoch_ > options_.total_iters) return rate(group);
  const double all = as_double(options_.total_iters);
  const double left = (1.0 - as_double(last_epoch_) / all) / (1.0 - as_double(last_epoch_ - 1) / all);
  return rate(group) * std::pow(left, options_.power);
}

double PolynomialLR::closed_form_lr(std::size_t group) const {
  const double done = as_double(std::min(options_.total_iters, last_epoch_));
  const double left = 1.0 - ratio(done, as_double(options_.total_iters), "PolynomialLR needs total_iters above 0");
  return base_lr(group) * std::pow(left, options_.power);
}

// ---- Functions -----------------------------------------------------------------------------------------------------------------

std::shared_ptr<StepLR> step_lr(std::shared_ptr<Optimizer> optimizer, const StepLROptions& options) {
  return std::make_shared<StepLR>(std::move(optimizer), options);
}

std::shared_ptr<MultiStepLR> multi_step_lr(std::shared_ptr<Optimizer> optimizer, const MultiStepLROptions& options) {
  return std::make_shared<MultiStepLR>(std::move(optimizer), options);
}

std::shared_ptr<ConstantLR> constant_lr(std::shared_ptr<Optimizer> optimizer, const ConstantLROptions& options) {
  return std::make_shared<ConstantLR>(std::move(optimizer), options);
}

std::shared_ptr<LinearLR> linear_lr(std::shared_ptr<Optimizer> optimizer, const LinearLROptions& options) {
  return std::make_shared<LinearLR>(std::move(optimizer), options);
}

std::shared_ptr<ExponentialLR> exponential_lr(std::shared_ptr<Optimizer> optimizer, const ExponentialLROptions& options) {
  return std::make_shared<ExponentialLR>(std::move(optimizer), options);
}

std::shared_ptr<PolynomialLR> polynomial_lr(std::shared_ptr<Optimizer> optimizer, const PolynomialLROptions& options) {
  return std::make_shared<PolynomialLR>(std::move(optimizer), options);
}

}  // namespace levin::optim

#include "levin/framework/optim/lr_scheduler.h"

#include <cmath>

#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/optim/group_reader.h"

namespace levin::optim {

LRScheduler::LRScheduler(std::shared_ptr<Optimizer> optimizer) : optimizer_(std::move(optimizer)) {
  if (!optimizer_) throw TypeError("an lr scheduler needs an optimizer, got none");
}

LRScheduler::~LRScheduler() = default;

void LRScheduler::step(double) { throw TypeError(std::string(class_name()) + ".step() takes no epoch; leave it out"); }

void LRScheduler::set_rates(const std::vector<double>& rates) {
  for (std::size_t i = 0; i < rates.size(); ++i) optimizer_->set_lr(i, rates[i]);
  last_lr_ = rates;
}

std::vector<double> LRScheduler::rates() const {
  std::vector<double> out(group_count());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = optimizer_->lr(i);
  return out;
}

std::vector<double> LRScheduler::for_groups(const Optimizer& optimizer, std::string_view name, const PerGroup& values) {
  const std::size_t count = optimizer.group_count();
  if (const auto* one = std::get_if<double>(&values)) return std::vector<double>(count, *one);
  const auto& several = std::get<std::vector<double>>(values);
  if (several.size() != count) {
    throw ValueError(std::string(name) + " must have the same length as optimizer.param_groups. " + std::string(name) + " has " +
                     std::to_string(several.size()) + " values, param_groups has " + std::to_string(count) + ".");
  }
  return several;
}

void LRScheduler::restart() {
  throw NotImplementedError(std::string(class_name()) + " can't begin again at a milestone; only the first scheduler of a " +
                            "SequentialLR may be one");
}

EpochScheduler::EpochScheduler(std::shared_ptr<Optimizer> optimizer, std::int64_t last_epoch) : LRScheduler(std::move(optimizer)) {
  Optimizer& groups = this->optimizer();
  for (std::size_t i = 0; i < group_count(); ++i) {
    if (!groups.initial_lr(i)) {
      if (last_epoch != -1) {
        throw KeyError("param 'initial_lr' is not specified in param_groups[" + std::to_string(i) +
                       "] when resuming scheduler with last_epoch >= 0; load the optimizer's state first, or leave last_epoch out");
      }
      groups.set_initial_lr(i, groups.lr(i));
    }
    base_lrs_.push_back(*groups.initial_lr(i));
  }
  last_epoch_ = last_epoch;
}

EpochScheduler::~EpochScheduler() = default;

double EpochScheduler::base_lr(std::size_t group) const {
  if (group < base_lrs_.size()) return base_lrs_[group];
  throw ValueError(std::string(class_name()) + " was made for " + std::to_string(base_lrs_.size()) +
                   " parameter groups, the optimizer has " + std::to_string(group_count()) +
                   "; only schedulers that go from rate to rate (StepLR, ExponentialLR, ...) take groups that are added later");
}

template <class Rate>
void EpochScheduler::update(Rate rate) {
  std::vector<double> rates(group_count());
  for (std::size_t i = 0; i < rates.size(); ++i) rates[i] = rate(i);
  set_rates(rates);
  after_step();
}

void EpochScheduler::update_rates() {
  update([this](std::size_t group) { return get_lr(group); });
}

void EpochScheduler::initial_step() {
  initial_ = true;
  step_count_ = 0;
  step();
  initial_ = false;
}

void EpochScheduler::go_to(std::int64_t epoch) {
  last_epoch_ = epoch;
  update([this](std::size_t group) { return closed_form_lr(group); });
}

void EpochScheduler::step() {
  ++step_count_;
  ++last_epoch_;
  update_rates();
}

void EpochScheduler::step(double epoch) {
  if (std::floor(epoch) != epoch || std::fabs(epoch) > 1e15)
    throw ValueError(std::string(class_name()) + ".step(epoch): the epoch must be a whole number, got " + Value(epoch).repr() + "; leave it out to go on by one");
  warn_once("The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where possible. Please use `scheduler.step()` to step the " +
            std::string("scheduler. During the deprecation, if epoch is different from None, the closed form is used instead of the new chainable form, ") +
            "where available.");
  ++step_count_;
  go_to(static_cast<std::int64_t>(epoch));
}

Value EpochScheduler::state_dict() const {
  Dict out;
  write_front(out);
  out["base_lrs"] = Field<std::vector<double>>::write(base_lrs_);
  out["last_epoch"] = last_epoch_;
  out["_step_count"] = step_count_;
  out["_is_initial"] = false;
  out["_get_lr_called_within_step"] = false;
  out["_last_lr"] = Field<std::vector<double>>::write(last_lr_);
  write_back(out);
  return out;
}

void EpochScheduler::load_state_dict(const Value& state) {
  const Dict& in = state.as_dict();
  read_entry(in, "base_lrs", base_lrs_);
  read_entry(in, "last_epoch", last_epoch_);
  read_entry(in, "_step_count", step_count_);
  read_entry(in, "_last_lr", last_lr_);
  read(in);
}

}  // namespace levin::optim

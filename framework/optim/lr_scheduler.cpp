#include "levin/framework/optim/lr_scheduler.h"

#include "levin/framework/base/errors.h"
#include "levin/framework/optim/group_reader.h"

namespace levin::optim {

LRScheduler::LRScheduler(std::shared_ptr<Optimizer> optimizer) : optimizer_(std::move(optimizer)) {
  if (!optimizer_) throw TypeError("an lr scheduler needs an optimizer, got none");
}

LRScheduler::~LRScheduler() = default;

void LRScheduler::step(double) { step(); }

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
    throw ValueError("expected " + std::to_string(count) + " values for " + std::string(name) + ", got " +
                     std::to_string(several.size()));
  }
  return several;
}

EpochScheduler::EpochScheduler(std::shared_ptr<Optimizer> optimizer) : LRScheduler(std::move(optimizer)) {
  for (std::size_t i = 0; i < group_count(); ++i) {
    Optimizer& groups = this->optimizer();
    if (!groups.initial_lr(i)) groups.set_initial_lr(i, groups.lr(i));
    base_lrs_.push_back(*groups.initial_lr(i));
  }
}

EpochScheduler::~EpochScheduler() = default;

void EpochScheduler::initial_step() {
  initial_ = true;
  step();
  initial_ = false;
}

void EpochScheduler::step() {
  ++step_count_;
  ++last_epoch_;
  std::vector<double> rates;
  for (std::size_t i = 0; i < group_count(); ++i) rates.push_back(get_lr(i));
  set_rates(rates);
  after_step();
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

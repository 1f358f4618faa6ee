#include "levin/framework/optim/lr_scheduler.h"

#include "levin/framework/base/errors.h"

namespace levin::optim {
namespace {

Value to_list(const std::vector<double>& numbers) { return Value::list(List(numbers.begin(), numbers.end())); }

std::vector<double> from_list(const Value& list) {
  std::vector<double> out;
  for (const Value& item : list.items()) out.push_back(item.number());
  return out;
}

}  // namespace

LRScheduler::LRScheduler(std::shared_ptr<Optimizer> optimizer) : optimizer_(std::move(optimizer)) {
  if (!optimizer_) throw TypeError("NoneType is not an Optimizer");
  for (std::size_t g = 0; g < optimizer_->group_count(); ++g) {
    if (!optimizer_->initial_lr(g)) optimizer_->set_initial_lr(g, optimizer_->lr(g));
    base_lrs_.push_back(*optimizer_->initial_lr(g));
  }
}

LRScheduler::~LRScheduler() = default;

std::vector<double> LRScheduler::current_lrs() const {
  std::vector<double> out;
  for (std::size_t g = 0; g < optimizer_->group_count(); ++g) out.push_back(optimizer_->lr(g));
  return out;
}

void LRScheduler::step() {
  ++step_count_;
  ++last_epoch_;
  last_lr_ = get_lr();
  for (std::size_t g = 0; g < last_lr_.size(); ++g) optimizer_->set_lr(g, last_lr_[g]);
}

Value LRScheduler::state_dict() const {
  Value state = own_state();
  state["base_lrs"] = to_list(base_lrs_);
  state["last_epoch"] = last_epoch_;
  state["_step_count"] = step_count_;
  state["_is_initial"] = false;
  state["_get_lr_called_within_step"] = false;
  state["_last_lr"] = to_list(last_lr_);
  return state;
}

void LRScheduler::load_state_dict(const Value& state) {
  load_own_state(state);
  base_lrs_ = from_list(state.at("base_lrs"));
  last_epoch_ = state.at("last_epoch").as_int();
  step_count_ = state.at("_step_count").as_int();
  last_lr_ = from_list(state.at("_last_lr"));
}

}  // namespace levin::optim

#include "levin/framework/optim/step_lr.h"

#include "levin/framework/base/errors.h"

namespace levin::optim {

StepLR::StepLR(std::shared_ptr<Optimizer> optimizer, const Options& options) : LRScheduler(std::move(optimizer)), options_(options) {
  if (options_.step_size < 1) throw ValueError("StepLR: step_size must be at least 1, got " + std::to_string(options_.step_size));
  initial_step();
}

std::vector<double> StepLR::get_lr() const {
  std::vector<double> lrs = current_lrs();
  if (last_epoch_ != 0 && last_epoch_ % options_.step_size == 0)
    for (double& lr : lrs) lr *= options_.gamma;
  return lrs;
}

Value StepLR::own_state() const { return Dict{{"step_size", options_.step_size}, {"gamma", options_.gamma}}; }
void StepLR::load_own_state(const Value& state) {
  options_.step_size = state.at("step_size").as_int();
  options_.gamma = state.at("gamma").number();
}

ExponentialLR::ExponentialLR(std::shared_ptr<Optimizer> optimizer, const Options& options)
    : LRScheduler(std::move(optimizer)), options_(options) {
  initial_step();
}

std::vector<double> ExponentialLR::get_lr() const {
  std::vector<double> lrs = current_lrs();
  if (last_epoch_ != 0)
    for (double& lr : lrs) lr *= options_.gamma;
  return lrs;
}

Value ExponentialLR::own_state() const {
  Value state = Value::dict();
  state["gamma"] = options_.gamma;
  return state;
}
void ExponentialLR::load_own_state(const Value& state) { options_.gamma = state.at("gamma").number(); }

}  // namespace levin::optim

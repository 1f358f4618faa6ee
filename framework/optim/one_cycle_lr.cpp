#include "levin/framework/optim/one_cycle_lr.h"

#include <cmath>
#include <numbers>

#include "levin/framework/base/errors.h"
#include "levin/framework/optim/cycled_momentum.h"

namespace levin::optim {
namespace {

std::int64_t positive(std::int64_t value, const char* name) {
  if (value > 0) return value;
  throw ValueError(std::string("Expected positive integer ") + name + ", but got " + std::to_string(value));
}

std::int64_t total_steps(const OneCycleLROptions& o) {
  if (o.total_steps) return positive(*o.total_steps, "total_steps");
  if (!o.epochs || !o.steps_per_epoch)
    throw ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)");
  const std::int64_t epochs = positive(*o.epochs, "epochs");
  return epochs * positive(*o.steps_per_epoch, "steps_per_epoch");
}

void check(const OneCycleLROptions& o) {
  total_steps(o);
  if (!(o.pct_start >= 0 && o.pct_start <= 1))
    throw ValueError("Expected float between 0 and 1 pct_start, but got " + Value(o.pct_start).repr());
  if (o.anneal_strategy != "cos" && o.anneal_strategy != "linear")
    throw ValueError("anneal_strategy must be one of 'cos' or 'linear', instead got " + o.anneal_strategy);
  const auto* one = std::get_if<double>(&o.max_lr);
  if (one && *one == 0) throw ValueError("OneCycleLR needs a max_lr, say 0.1");
}

Value phase(Value end_step, const char* start_lr, const char* end_lr, const char* start_momentum, const char* end_momentum) {
  return Dict{{"end_step", std::move(end_step)},
              {"start_lr", start_lr},
              {"end_lr", end_lr},
              {"start_momentum", start_momentum},
              {"end_momentum", end_momentum}};
}

Value make_phases(const OneCycleLROptions& o) {
  const std::int64_t steps = total_steps(o);
  const auto all = static_cast<double>(steps);
  Value out = Value::list();
  out.push_back(phase(o.pct_start * all - 1, "initial_lr", "max_lr", "max_momentum", "base_momentum"));
  if (!o.three_phase) {
    out.push_back(phase(steps - 1, "max_lr", "min_lr", "base_momentum", "max_momentum"));
  } else {
    out.push_back(phase(2 * o.pct_start * all - 2, "max_lr", "initial_lr", "base_momentum", "max_momentum"));
    out.push_back(phase(steps - 1, "initial_lr", "min_lr", "max_momentum", "max_momentum"));
  }
  return out;
}

}  // namespace

OneCycleLR::~OneCycleLR() = default;

OneCycleLR::OneCycleLR(std::shared_ptr<Optimizer> given, const Options& options)
    : EpochScheduler(std::move(given), options.last_epoch),
      total_steps_(total_steps(options)),
      phases_(make_phases(options)),
      anneal_strategy_(options.anneal_strategy),
      cycle_momentum_(options.cycle_momentum),
      use_beta1_(cycles_beta1(optimizer())) {
  check(options);
  Optimizer& groups = optimizer();
  if (cycle_momentum_) check_cycles_momentum(groups);
  const auto max_lr = for_groups(groups, "max_lr", options.max_lr);
  const auto highest = for_groups(groups, "max_momentum", options.max_momentum);
  const auto lowest = for_groups(groups, "base_momentum", options.base_momentum);
  if (options.last_epoch == -1) {
    for (std::size_t i = 0; i < group_count(); ++i) {
      base_lrs_[i] = max_lr[i] / options.div_factor;
      groups.set_initial_lr(i, base_lrs_[i]);
      Dict& entries = groups.scheduler_entries(i);
      entries["max_lr"] = max_lr[i];
      entries["min_lr"] = base_lrs_[i] / options.final_div_factor;
      if (!cycle_momentum_) continue;
      set_cycled_momentum(groups, i, highest[i], use_beta1_);
      entries["max_momentum"] = highest[i];
      entries["base_momentum"] = lowest[i];
    }
  }
  initial_step();
}

double OneCycleLR::value(std::size_t group, const char* start, const char* end) const {
  const List& phases = phases_.items();
  const auto step = static_cast<double>(last_epoch_);
  std::size_t current = 0;
  double start_step = 0;
  while (current + 1 < phases.size() && step > phases[current].at("end_step").number())
    start_step = phases[current++].at("end_step").number();
  const double length = phases[current].at("end_step").number() - start_step;
  if (length == 0) throw ZeroDivisionError("OneCycleLR has a phase without a step; choose another pct_start or more steps");
  const double part = (step - start_step) / length;

  const Dict& entries = optimizer().scheduler_entries(group);
  const auto entry = [&](const char* which) {
    const std::string& name = phases[current].at(which).as_string();
    const Value* found = entries.find(std::string_view(name));
    if (!found) throw KeyError("OneCycleLR: parameter group " + std::to_string(group) + " has no '" + name + "'");
    return found->number();
  };
  const double from = entry(start), to = entry(end);
  if (anneal_strategy_ == "linear") return (to - from) * part + from;
  return to + (from - to) / 2.0 * (std::cos(std::numbers::pi * part) + 1);
}

double OneCycleLR::get_lr(std::size_t group) const {
  if (last_epoch_ > total_steps_) {
    throw ValueError("Tried to step " + std::to_string(last_epoch_) + " times. The specified number of total steps is " +
                     std::to_string(total_steps_));
  }
  return value(group, "start_lr", "end_lr");
}

void OneCycleLR::after_step() {
  if (!cycle_momentum_) return;
  for (std::size_t i = 0; i < group_count(); ++i)
    set_cycled_momentum(optimizer(), i, value(i, "start_momentum", "end_momentum"), use_beta1_);
}

void OneCycleLR::write_front(Dict& out) const {
  out["total_steps"] = total_steps_;
  out["_schedule_phases"] = phases_.clone();
  out["_anneal_func_type"] = anneal_strategy_;
  out["cycle_momentum"] = cycle_momentum_;
  if (cycle_momentum_) out["use_beta1"] = use_beta1_;
}

void OneCycleLR::read(const Dict& in) {
  read_entry(in, "total_steps", total_steps_);
  if (const Value* phases = in.find(std::string_view("_schedule_phases"))) phases_ = phases->clone();
  read_entry(in, "_anneal_func_type", anneal_strategy_);
  read_entry(in, "cycle_momentum", cycle_momentum_);
  read_entry(in, "use_beta1", use_beta1_);
}

std::shared_ptr<OneCycleLR> one_cycle_lr(std::shared_ptr<Optimizer> optimizer, const OneCycleLROptions& options) {
  return std::make_shared<OneCycleLR>(std::move(optimizer), options);
}

}  // namespace levin::optim

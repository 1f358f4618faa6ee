#include "levin/framework/optim/swa_lr.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "levin/framework/base/errors.h"
#include "levin/framework/optim/group_reader.h"

namespace levin::optim {

SWALR::SWALR(std::shared_ptr<Optimizer> optimizer, Options options)
    : EpochScheduler(std::move(optimizer)), options_(std::move(options)) {
  if (options_.anneal_strategy != "cos" && options_.anneal_strategy != "linear")
    throw ValueError("anneal_strategy must by one of 'cos' or 'linear', instead got " + options_.anneal_strategy);
  if (options_.anneal_epochs < 0)
    throw ValueError("anneal_epochs must be equal or greater than 0, got " + std::to_string(options_.anneal_epochs));
  const auto rates = for_groups(this->optimizer(), "swa_lr", options_.swa_lr);
  for (std::size_t i = 0; i < rates.size(); ++i) this->optimizer().scheduler_entries(i)["swa_lr"] = rates[i];
  last_epoch_ = before_first_ = options_.last_epoch;
  initial_step();
}

double SWALR::anneal(double t) const {
  return options_.anneal_strategy == "cos" ? (1 - std::cos(std::numbers::pi * t)) / 2 : t;
}

// From the rate at hand back to where the annealing began, and from there to its new place: a rate changed by hand counts.
double SWALR::get_lr(std::size_t group) const {
  const Value* entry = optimizer().scheduler_entries(group).find("swa_lr");
  if (!entry) throw KeyError("'swa_lr'");
  const double target = entry->number();
  std::int64_t step = last_epoch_ - before_first_ - 1;
  if (options_.anneal_epochs == 0) step = std::max<std::int64_t>(1, step);
  const auto epochs = static_cast<double>(std::max<std::int64_t>(1, options_.anneal_epochs));
  const auto at = [&](std::int64_t n) { return anneal(std::max(0.0, std::min(1.0, static_cast<double>(n) / epochs))); };
  const double before = at(step - 1), alpha = at(step);
  const double start = before == 1 ? target : (rate(group) - before * target) / (1 - before);
  return target * alpha + start * (1 - alpha);
}

void SWALR::write_front(Dict& out) const {
  out["_anneal_strategy"] = options_.anneal_strategy;
  out["anneal_epochs"] = options_.anneal_epochs;
}

void SWALR::read(const Dict& in) {
  read_entry(in, "_anneal_strategy", options_.anneal_strategy);
  read_entry(in, "anneal_epochs", options_.anneal_epochs);
  std::int64_t count = last_epoch_ - before_first_;
  read_entry(in, "_step_count", count);
  before_first_ = last_epoch_ - count;
}

std::shared_ptr<SWALR> swa_lr(std::shared_ptr<Optimizer> optimizer, SWALROptions options) {
  return std::make_shared<SWALR>(std::move(optimizer), std::move(options));
}

}  // namespace levin::optim

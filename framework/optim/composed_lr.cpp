#include "levin/framework/optim/composed_lr.h"

#include <algorithm>

#include "levin/framework/base/errors.h"

namespace levin::optim {

// ---- What the two share --------------------------------------------------------------------------------------------------------

ComposedScheduler::ComposedScheduler(std::shared_ptr<Optimizer> optimizer, std::vector<std::shared_ptr<LRScheduler>> schedulers)
    : LRScheduler(std::move(optimizer)), schedulers_(std::move(schedulers)) {}

ComposedScheduler::~ComposedScheduler() = default;

void ComposedScheduler::check(const char* none) const {
  const std::string name = class_name();
  if (schedulers_.empty()) throw ValueError(name + none);
  for (std::size_t i = 0; i < schedulers_.size(); ++i) {
    const LRScheduler* one = schedulers_[i].get();
    const std::string index = std::to_string(i);
    if (!one) throw TypeError(name + " got no scheduler at index " + index);
    if (one->wants_metric()) {
      throw ValueError(name + " does not support `ReduceLROnPlateau` scheduler as it requires additional kwargs to be specified when " +
                       "calling `step`, but got one at index " + index + " in the given schedulers sequence.");
    }
    if (&one->optimizer() != &optimizer()) {
      throw ValueError(name + " expects all schedulers to belong to the same optimizer, but got scheduler " + one->class_name() +
                       " at index " + index + " has another one");
    }
  }
}

void ComposedScheduler::initial_step() {
  nested_ = true;
  step();
}

void ComposedScheduler::undo_step() {
  for (const auto& scheduler : schedulers_) scheduler->undo_step();
}

Value ComposedScheduler::state_dict() const {
  Dict out;
  write_front(out);
  out["_last_lr"] = Field<std::vector<double>>::write(last_lr_);
  if (nested_) {
    out["_step_count"] = 0;  // as in torch, nobody counts it up
    out["_is_initial"] = false;
  }
  Value states = Value::list();
  for (const auto& scheduler : schedulers_) states.push_back(scheduler->state_dict());
  out["_schedulers"] = std::move(states);
  return out;
}

void ComposedScheduler::load_state_dict(const Value& state) {
  const Dict& in = state.as_dict();
  if (const Value* states = in.find("_schedulers")) {
    if (states->size() != schedulers_.size()) {
      throw ValueError("loaded state dict has " + std::to_string(states->size()) + " schedulers, " + class_name() + " has " +
                       std::to_string(schedulers_.size()));
    }
    for (std::size_t i = 0; i < schedulers_.size(); ++i) schedulers_[i]->load_state_dict(states->items()[i]);
  }
  read_entry(in, "_last_lr", last_lr_);
  read(in);
}

// ---- SequentialLR --------------------------------------------------------------------------------------------------------------

SequentialLR::SequentialLR(std::shared_ptr<Optimizer> given, Options options)
    : ComposedScheduler(std::move(given), std::move(options.schedulers)), milestones_(std::move(options.milestones)) {
  check(" expects at least one scheduler, but got no scheduler.");
  if (milestones_.size() + 1 != schedulers_.size()) {
    throw ValueError("Sequential Schedulers expects number of schedulers provided to be one more than the number of milestone points, "
                     "but got number of schedulers " + std::to_string(schedulers_.size()) +
                     " and the number of milestones to be equal to " + std::to_string(milestones_.size()));
  }
  last_epoch_ = options.last_epoch + 1;
  for (std::size_t i = 0; i < group_count(); ++i) optimizer().set_lr(i, optimizer().initial_lr(i).value_or(rate(i)));
  undo_step();
  first_step_of(*schedulers_.front());
  last_lr_ = schedulers_.front()->get_last_lr();
}

SequentialLR::~SequentialLR() = default;

void SequentialLR::step() {
  ++last_epoch_;
  const auto turn = std::upper_bound(milestones_.begin(), milestones_.end(), last_epoch_) - milestones_.begin();
  LRScheduler& scheduler = *schedulers_[static_cast<std::size_t>(turn)];
  if (turn > 0 && milestones_[static_cast<std::size_t>(turn) - 1] == last_epoch_) restart_of(scheduler);
  else scheduler.step();
  last_lr_ = scheduler.get_last_lr();
}

void SequentialLR::write_front(Dict& out) const {
  out["_milestones"] = Field<std::vector<std::int64_t>>::write(milestones_);
  out["last_epoch"] = last_epoch_;
}

void SequentialLR::read(const Dict& in) {
  std::vector<std::int64_t> milestones = milestones_;
  read_entry(in, "_milestones", milestones);
  if (milestones.size() != milestones_.size())
    throw ValueError("loaded state dict has another number of milestones than SequentialLR");
  milestones_ = std::move(milestones);
  read_entry(in, "last_epoch", last_epoch_);
}

// ---- ChainedScheduler ----------------------------------------------------------------------------------------------------------

ChainedScheduler::~ChainedScheduler() = default;

namespace {

std::shared_ptr<Optimizer> common(std::shared_ptr<Optimizer> given, const std::vector<std::shared_ptr<LRScheduler>>& schedulers) {
  if (given) return given;
  if (schedulers.empty()) throw ValueError("ChainedScheduler expects at least one scheduler to be chained, but got no scheduler.");
  if (!schedulers.front()) throw TypeError("ChainedScheduler got no scheduler at index 0");
  return schedulers.front()->shared_optimizer();
}

}  // namespace

ChainedScheduler::ChainedScheduler(std::vector<std::shared_ptr<LRScheduler>> schedulers, std::shared_ptr<Optimizer> given)
    : ComposedScheduler(common(std::move(given), schedulers), schedulers) {
  check(" expects at least one scheduler to be chained, but got no scheduler.");
  last_lr_ = rates();
}

void ChainedScheduler::step() {
  for (const auto& scheduler : schedulers_) scheduler->step();
  last_lr_ = rates();
}

// ---- Functions -----------------------------------------------------------------------------------------------------------------

std::shared_ptr<SequentialLR> sequential_lr(std::shared_ptr<Optimizer> optimizer, SequentialLROptions options) {
  return std::make_shared<SequentialLR>(std::move(optimizer), std::move(options));
}

std::shared_ptr<ChainedScheduler> chained_scheduler(std::vector<std::shared_ptr<LRScheduler>> schedulers,
                                                    std::shared_ptr<Optimizer> optimizer) {
  return std::make_shared<ChainedScheduler>(std::move(schedulers), std::move(optimizer));
}

}  // namespace levin::optim

#include "levin/framework/base/decisions/triggers.h"

#include <utility>

namespace levin {

using Event = Moment::Event;

Trigger::~Trigger() = default;

bool EverySteps::due(const Moment& moment) {
  return n_ >= 1 && moment.event == Event::train_batch_end && moment.global_step % n_ == 0;
}
Value EverySteps::state_dict() const { return Value::dict(); }
void EverySteps::load_state_dict(const Value&) {}

bool EveryEpochs::due(const Moment& moment) {
  const Event when =
      moment.saves_on_train_epoch_end ? Event::train_epoch_end : Event::validation_end;
  return n_ >= 1 && moment.event == when && (moment.epoch + 1) % n_ == 0;
}
Value EveryEpochs::state_dict() const { return Value::dict(); }
void EveryEpochs::load_state_dict(const Value&) {}

EverySeconds::EverySeconds(Seconds interval, Agree agree)
    : interval_(interval.count()), agree_(std::move(agree)) {}

bool EverySeconds::due(const Moment& moment) {
  seen_ = moment.seconds;
  if (moment.event == Event::train_start) {
    since_ = moment.seconds - std::exchange(carried_, 0);
    return false;
  }
  if (moment.event != Event::train_batch_end || !moment.automatic_optimization) return false;
  bool due = since_ && moment.seconds - *since_ >= interval_;
  if (agree_) due = agree_(due);
  // The clock starts again although the save itself may be put off or left out: as in Lightning.
  if (due) since_ = moment.seconds;
  return due;
}

Value EverySeconds::state_dict() const {
  Value state = Value::dict();
  state["elapsed"] = since_ ? seen_ - *since_ : carried_;
  return state;
}

void EverySeconds::load_state_dict(const Value& state) {
  carried_ = state.at("elapsed").as_double();
  if (since_) since_ = seen_ - std::exchange(carried_, 0);
}

AwaitMetric::AwaitMetric(std::unique_ptr<Trigger> inner, std::string metric)
    : inner_(std::move(inner)), metric_(std::move(metric)) {}

bool AwaitMetric::must_wait(const Moment& moment) const {
  if (!moment.has(metric_)) return true;
  return moment.automatic_optimization && !moment.saves_on_train_epoch_end &&
         moment.is_last_batch && moment.validation_follows;
}

bool AwaitMetric::due(const Moment& moment) {
  const bool wanted = inner_->due(moment);
  if (moment.event == Event::validation_end) {
    if (!moment.may_save() || moment.saves_on_train_epoch_end) return false;
    return std::exchange(deferred_, false) || wanted;
  }
  if (!wanted) return false;
  // As in Lightning: with manual optimization a moment that may not save defers nothing, with
  // automatic optimization it does.
  if (!moment.automatic_optimization && !moment.may_save()) return false;
  if (!must_wait(moment)) return true;
  deferred_ = true;
  return false;
}

Value AwaitMetric::state_dict() const {
  Value state = Value::dict();
  state["deferred"] = deferred_;
  state["inner"] = inner_->state_dict();
  return state;
}

void AwaitMetric::load_state_dict(const Value& state) {
  deferred_ = state.at("deferred").as_bool();
  inner_->load_state_dict(state.at("inner"));
}

}  // namespace levin

#include "levin/framework/loops/progress.h"

namespace levin {
namespace {

// Some dozen trackers are written at every save, so the names are made once.
Value to_value(const Tracker& tracker, TrackerKeys keys) {
  static const Value ready = "ready", completed = "completed", started = "started", processed = "processed";
  switch (keys) {
    case TrackerKeys::ready_completed: return Dict{{ready, tracker.ready}, {completed, tracker.completed}};
    case TrackerKeys::with_started: return Dict{{ready, tracker.ready}, {completed, tracker.completed}, {started, tracker.started}};
    case TrackerKeys::with_processed: break;
  }
  return Dict{{ready, tracker.ready}, {completed, tracker.completed}, {started, tracker.started}, {processed, tracker.processed}};
}

Tracker from_value(const Value& value) {
  const auto read = [&](const char* key) {
    const Value* found = value.find(key);
    return found ? found->as_int() : 0;
  };
  return {read("ready"), read("completed"), read("started"), read("processed")};
}

}  // namespace

Value Progress::state_dict() const {
  static const Value of_run = "total", of_epoch = "current";
  return Dict{{of_run, to_value(total, keys)}, {of_epoch, to_value(current, keys)}};
}

void Progress::load_state_dict(const Value& state) {
  total = from_value(state.at("total"));
  current = from_value(state.at("current"));
}

Value BatchProgress::state_dict() const {
  Value out = Progress::state_dict();
  out["is_last_batch"] = is_last_batch;
  return out;
}

void BatchProgress::load_state_dict(const Value& state) {
  Progress::load_state_dict(state);
  is_last_batch = state.at("is_last_batch").as_bool();
}

Value OptimizerProgress::state_dict() const {
  return Dict{{"optimizer", Dict{{"step", step.state_dict()}, {"zero_grad", zero_grad.state_dict()}}}};
}

void OptimizerProgress::load_state_dict(const Value& state) {
  const Value& optimizer = state.at("optimizer");
  step.load_state_dict(optimizer.at("step"));
  zero_grad.load_state_dict(optimizer.at("zero_grad"));
}

}  // namespace levin

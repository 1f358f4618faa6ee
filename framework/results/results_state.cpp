// What an exact resume needs of the results: every running reduction and what readers have been shown.
#include "levin/framework/base/errors.h"
#include "levin/framework/results/metric_log.h"

namespace levin {
namespace {

Hook hook_named(const std::string& name) {
  for (int i = 0; i <= static_cast<int>(Hook::load_state_dict); ++i)
    if (name == hook_name(static_cast<Hook>(i))) return static_cast<Hook>(i);
  throw CheckpointError("levin: the hook '" + name + "' is unknown; the file was made by a newer levin");
}

}  // namespace

// As plain numbers: a tensor would be a record of its own in the file.
Value MetricValue::to_value() const { return is_double_ ? Value::tuple({item()}) : Value(item()); }

MetricValue MetricValue::from_value(const Value& value) {
  return value.is_tuple() ? MetricValue(value.items().at(0).as_double(), /*is_double=*/true) : MetricValue(value.as_double());
}

Value MetricMap::state_dict() const {
  Value out = Value::dict();
  for (const auto& [name, value] : entries_) out[name] = value.to_value();
  return out;
}

void MetricMap::load_state_dict(const Value& state) {
  clear();
  for (const auto& [name, value] : state.as_dict()) set(name.as_string(), MetricValue::from_value(value));
}

Value ResultCollection::state_dict() const {
  Value slots = Value::list();
  for (const ResultMetric& m : metrics_) {
    slots.push_back(Dict{{"hook", hook_name(m.hook)}, {"name", m.name}, {"key_dataloader_idx", m.key_dataloader_idx},
                         {"prog_bar", m.meta.prog_bar}, {"logger", m.meta.logger}, {"on_step", m.meta.on_step},
                         {"on_epoch", m.meta.on_epoch}, {"reduction", static_cast<int>(m.meta.reduction)},
                         {"enable_graph", m.meta.enable_graph}, {"sync_dist", m.meta.sync_dist},
                         {"add_dataloader_idx", m.meta.add_dataloader_idx}, {"rank_zero_only", m.meta.rank_zero_only},
                         {"dataloader_idx", m.meta.dataloader_idx}, {"value", m.value.to_value()}, {"last", m.last.to_value()},
                         {"weight", m.weight}, {"before", m.before.to_value()}, {"batch", m.batch}, {"has_last", m.has_last},
                         {"had_before", m.had_before}, {"is_reset", m.is_reset}, {"is_metric", m.is_metric},
                         {"metric_attribute", m.metric_attribute}});
  }
  return Dict{{"slots", slots}, {"batch", batch_}, {"dataloader_idx", dataloader_idx}};
}

void ResultCollection::load_state_dict(const Value& state) {
  metrics_.clear();
  next_ = 0;
  batch_ = state.at("batch").as_int();
  dataloader_idx = state.at("dataloader_idx").as_int();
  for (const Value& s : state.at("slots").items()) {
    ResultMetric m{hook_named(s.at("hook").as_string()), s.at("name").as_string(), s.at("key_dataloader_idx").as_int(),
                   LogMeta{s.at("prog_bar").as_bool(), s.at("logger").as_bool(), s.at("on_step").as_bool(), s.at("on_epoch").as_bool(),
                           static_cast<Reduction>(s.at("reduction").as_int()), s.at("enable_graph").as_bool(), s.at("sync_dist").as_bool(),
                           s.at("add_dataloader_idx").as_bool(), s.at("rank_zero_only").as_bool(), s.at("dataloader_idx").as_int()}};
    m.value = MetricValue::from_value(s.at("value"));
    m.last = MetricValue::from_value(s.at("last"));
    m.weight = s.at("weight").as_int();
    m.before = MetricValue::from_value(s.at("before"));
    m.batch = s.at("batch").as_int();
    m.has_last = s.at("has_last").as_bool();
    m.had_before = s.at("had_before").as_bool();
    m.is_reset = s.at("is_reset").as_bool();
    m.is_metric = s.at("is_metric").as_bool();
    m.metric_attribute = s.at("metric_attribute").as_string();
    m.value_before = m.value;
    m.weight_before = m.weight;
    m.was_reset = m.is_reset;
    metrics_.push_back(std::move(m));
  }
}

Value MetricLog::state_dict() const {
  return Dict{{"callback_metrics", callback_metrics_.state_dict()},
              {"logged_metrics", logged_metrics_.state_dict()},
              {"progress_bar_metrics", progress_bar_metrics_.state_dict()},
              {"position", static_cast<int>(position_)},
              {"last_logged_in", hook_name(last_logged_in_)},
              {"step_update_due", step_update_due_}};
}

void MetricLog::load_state_dict(const Value& state) {
  callback_metrics_.load_state_dict(state.at("callback_metrics"));
  logged_metrics_.load_state_dict(state.at("logged_metrics"));
  progress_bar_metrics_.load_state_dict(state.at("progress_bar_metrics"));
  position_ = static_cast<Position>(state.at("position").as_int());
  last_logged_in_ = hook_named(state.at("last_logged_in").as_string());
  step_update_due_ = state.at("step_update_due").as_bool();
}

}  // namespace levin

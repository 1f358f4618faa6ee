#include "conformance/replay_model.h"

#include <algorithm>
#include <cmath>

#include "levin/framework/optim/adam.h"
#include "levin/framework/optim/reduce_lr_on_plateau.h"
#include "levin/framework/optim/schedulers.h"
#include "levin/framework/optim/sgd.h"
#include "levin/framework/trainer/trainer.h"

namespace replay {

double number(const Value& v) {
  if (!v.is_string()) return v.as_double();
  const std::string& text = v.as_string();
  return text == "nan" ? std::nan("") : text == "inf" ? INFINITY : text == "-inf" ? -INFINITY : std::stod(text);
}

Value plain(double v) {
  if (std::isnan(v)) return "nan";
  if (std::isinf(v)) return v > 0 ? "inf" : "-inf";
  return v;
}

bool ResumableLoader::next(levin::Batch& out) {
  if (next_ >= batches_) return false;
  at::Tensor x = at::empty({batch_size_, 2});
  auto* row = x.mutable_data_ptr<float>();
  for (std::int64_t k = 0; k < batch_size_; ++k) {
    const std::int64_t i = next_ * batch_size_ + k;
    *row++ = static_cast<float>(i % 5 + 1) / 8;
    *row++ = static_cast<float>(i % 3 + 1) / 4;
  }
  out = x;
  position_ = ++next_;
  return true;
}

void RecLogger::log_metrics(std::span<const levin::Metric> metrics, std::int64_t step) {
  std::map<std::string, double> sorted;
  for (const auto& metric : metrics) sorted[std::string(metric.name)] = metric.value;
  Value row = Value::dict();
  for (const auto& [name, value] : sorted) row[name] = plain(value);
  record_.logged.push_back(levin::Dict{{"step", step}, {"metrics", row}});
}

namespace {

class Recorder final : public levin::Callback {
 public:
  explicit Recorder(Record& record) : record_(record) {}
  // clang-format off
  using T = levin::Trainer; using M = levin::LightningModule; using B = levin::Batch; using S = levin::StepOutput; using O = levin::optim::Optimizer;
#define REPLAY_HOOK(name, ...) void name(T& trainer, M& __VA_OPT__(,) __VA_ARGS__) override { trace(trainer, #name); }
  REPLAY_HOOK(setup, std::string_view) REPLAY_HOOK(teardown, std::string_view) REPLAY_HOOK(on_fit_start) REPLAY_HOOK(on_fit_end)
  REPLAY_HOOK(on_sanity_check_start) REPLAY_HOOK(on_sanity_check_end) REPLAY_HOOK(on_train_start) REPLAY_HOOK(on_train_end)
  REPLAY_HOOK(on_train_epoch_start) REPLAY_HOOK(on_train_epoch_end) REPLAY_HOOK(on_validation_start) REPLAY_HOOK(on_validation_end)
  REPLAY_HOOK(on_validation_epoch_start) REPLAY_HOOK(on_validation_epoch_end) REPLAY_HOOK(on_test_start) REPLAY_HOOK(on_test_end)
  REPLAY_HOOK(on_test_epoch_start) REPLAY_HOOK(on_test_epoch_end) REPLAY_HOOK(on_predict_start) REPLAY_HOOK(on_predict_end)
  REPLAY_HOOK(on_predict_epoch_start) REPLAY_HOOK(on_predict_epoch_end)
  REPLAY_HOOK(on_train_batch_start, const B&, std::int64_t) REPLAY_HOOK(on_train_batch_end, const S&, const B&, std::int64_t)
  REPLAY_HOOK(on_validation_batch_start, const B&, std::int64_t) REPLAY_HOOK(on_validation_batch_end, const S&, const B&, std::int64_t)
  REPLAY_HOOK(on_test_batch_start, const B&, std::int64_t) REPLAY_HOOK(on_test_batch_end, const S&, const B&, std::int64_t)
  REPLAY_HOOK(on_predict_batch_start, const B&, std::int64_t) REPLAY_HOOK(on_predict_batch_end, const S&, const B&, std::int64_t)
  REPLAY_HOOK(on_before_backward, const at::Tensor&) REPLAY_HOOK(on_after_backward) REPLAY_HOOK(on_before_optimizer_step, O&)
  REPLAY_HOOK(on_before_zero_grad, O&) REPLAY_HOOK(on_exception, const std::exception&) REPLAY_HOOK(on_save_checkpoint, Value&)
  REPLAY_HOOK(on_load_checkpoint, const Value&)
#undef REPLAY_HOOK
  // clang-format on

 private:
  void trace(T& trainer, const char* hook) {
    record_.hooks.push_back(std::string("callback.") + hook + " e" + std::to_string(trainer.current_epoch()) + " s" +
                            std::to_string(trainer.global_step()));
  }
  Record& record_;
};

std::int64_t int_or(const Value& dict, const char* key, std::int64_t otherwise) {
  const Value* found = dict.find(key);
  return found ? found->as_int() : otherwise;
}

levin::LogOptions log_options(const Value& kwargs) {
  levin::LogOptions out;
  for (const auto& [key, value] : kwargs.as_dict()) {
    const std::string& name = key.as_string();
    const auto optional = [&] { return value.is_none() ? std::nullopt : std::optional(value.as_bool()); };
    if (name == "prog_bar") out.prog_bar = value.as_bool();
    else if (name == "logger") out.logger = optional();
    else if (name == "on_step") out.on_step = optional();
    else if (name == "on_epoch") out.on_epoch = optional();
    else if (name == "reduce_fx") out.reduce_fx = value.as_string();
    else if (name == "sync_dist") out.sync_dist = value.as_bool();
    else if (name == "add_dataloader_idx") out.add_dataloader_idx = value.as_bool();
    else if (name == "batch_size") out.batch_size = value.as_int();
    else throw levin::KeyError("replay: log() argument '" + name + "'");
  }
  return out;
}

}  // namespace

std::shared_ptr<levin::Callback> make_recorder(Record& record) { return std::make_shared<Recorder>(record); }

Model::Model(const Value& spec) : w(register_parameter("w", at::tensor({0.5f, -0.25f}))) {
  if (const Value* automatic = spec.find("automatic_optimization")) automatic_optimization = automatic->as_bool();
}

void Model::begin(const Value& spec, Record& record) {
  spec_ = spec;
  record_ = &record;
}

void Model::trace(const char* hook) {
  std::string line = std::string("module.") + hook;
  line += is_attached() ? " e" + std::to_string(current_epoch()) + " s" + std::to_string(global_step()) : std::string(" -");
  record_->hooks.push_back(line);
}

at::Tensor Model::loss(const levin::Batch& batch) { return ((batch.tensor() * w).sum(-1) - 1.0).square().mean(); }

void Model::log_all(const char* stage, const at::Tensor& loss, std::int64_t index, std::int64_t batch_idx) {
  const Value* items = spec_.find(std::string(stage) + "_log");
  if (!items) return;
  for (const Value& item : items->items()) {
    const Value* kwargs = item.find("kwargs");
    const levin::LogOptions options = log_options(kwargs ? *kwargs : Value::dict());
    const std::string& name = item.at("name").as_string();
    const Value* values = item.find("values");
    if (!values || values->is_none()) {
      log(name, loss.detach(), options);
      continue;
    }
    const auto n = static_cast<std::int64_t>(values->size());
    const auto at_index = static_cast<std::size_t>(((index % n) + n) % n);
    const Value* per_batch = item.find("per_batch");
    const float value = static_cast<float>(number(values->items()[at_index])) +
                        static_cast<float>((per_batch ? per_batch->as_double() : 0.0) * static_cast<double>(batch_idx));
    log(name, at::scalar_tensor(value), options);
  }
}

void Model::maybe_raise(const char* where, std::int64_t index) {
  const Value* raise = spec_.find("raise");
  if (!raise || raise->is_none() || raise->at("in").as_string() != where || raise->at("at").as_int() != index) return;
  const Value* type = raise->find("type");
  if (type && type->as_string() == "KeyboardInterrupt") throw levin::KeyboardInterrupt();
  throw Boom();
}

bool Model::listed(const char* key, std::int64_t index) const {
  const Value* list = spec_.find(key);
  return list && std::any_of(list->items().begin(), list->items().end(), [&](const Value& v) { return v.as_int() == index; });
}

int Model::on_train_batch_start(const levin::Batch&, std::int64_t) {
  trace("on_train_batch_start");
  return listed("skip_epoch_at", training_steps_) ? -1 : 0;
}

levin::StepOutput Model::training_step(const levin::Batch& batch, std::int64_t batch_idx) {
  trace("training_step");
  const std::int64_t index = training_steps_++;
  maybe_raise("training_step", index);
  if (listed("skip_steps", index)) return {};
  at::Tensor value = loss(batch);
  log_all("train", value, index, batch_idx);
  if (listed("stop_at_steps", index)) trainer().set_should_stop();
  if (automatic_optimization) return value;
  for (std::int64_t i = 0; i < int_or(spec_, "manual_steps", 1); ++i) {
    for (levin::LightningOptimizer& optimizer : optimizers()) {
      optimizer.zero_grad();
      manual_backward(loss(batch));
      optimizer.step();
    }
  }
  return {};
}

levin::StepOutput Model::validation_step(const levin::Batch& batch, std::int64_t batch_idx) {
  trace("validation_step");
  if (batch_idx == 0 && batch.dataloader_idx() == 0) ++validation_runs_;
  maybe_raise("validation_step", validation_runs_);
  log_all("val", loss(batch), validation_runs_, batch_idx);
  return {};
}

levin::StepOutput Model::test_step(const levin::Batch& batch, std::int64_t batch_idx) {
  trace("test_step");
  if (batch_idx == 0 && batch.dataloader_idx() == 0) ++test_runs_;
  log_all("test", loss(batch), test_runs_, batch_idx);
  return {};
}

levin::StepOutput Model::predict_step(const levin::Batch& batch, std::int64_t) {
  trace("predict_step");
  return (batch.tensor() * w).sum(-1);
}

levin::OptimizerConfig Model::configure_optimizers() {
  trace("configure_optimizers");
  const Value* spec = spec_.find("optimizer");
  Value args = spec && !spec->is_none() ? spec->clone() : Value(levin::Dict{{"class", "SGD"}, {"lr", 0.125}});
  const std::string name = args.at("class").as_string();
  args.as_dict().erase("class");
  const auto options = [&]<class O>(O o) {
    levin::read_fields(args, o, name);
    return o;
  };
  const auto make = [&]() -> std::shared_ptr<levin::optim::Optimizer> {
    if (name == "SGD") return levin::optim::sgd(parameters(), options(levin::optim::SGDOptions{}));
    if (name == "Adam") return levin::optim::adam(parameters(), options(levin::optim::AdamOptions{}));
    if (name == "AdamW") return levin::optim::adamw(parameters(), options(levin::optim::AdamWOptions{}));
    throw levin::ValueError("replay: optimizer " + name);
  };
  if (const std::int64_t several = int_or(spec_, "optimizers", 1); several > 1) {
    std::vector<std::shared_ptr<levin::optim::Optimizer>> optimizers;
    for (std::int64_t i = 0; i < several; ++i) optimizers.push_back(make());
    return optimizers;
  }
  const auto optimizer = make();

  const Value* schedule = spec_.find("lr_scheduler");
  if (!schedule || schedule->is_none()) return optimizer;
  args = schedule->find("init_args") ? schedule->at("init_args") : Value::dict();
  const std::string kind = schedule->at("class").as_string();
  levin::LRSchedulerConfig config;
  if (kind == "StepLR") config.scheduler = levin::optim::step_lr(optimizer, options(levin::optim::StepLROptions{}));
  else if (kind == "ExponentialLR") config.scheduler = levin::optim::exponential_lr(optimizer, options(levin::optim::ExponentialLROptions{}));
  else if (kind == "ReduceLROnPlateau") config.scheduler = levin::optim::reduce_lr_on_plateau(optimizer, options(levin::optim::ReduceLROnPlateauOptions{}));
  else throw levin::ValueError("replay: scheduler " + kind);
  if (const Value* settings = schedule->find("config")) {
    for (const auto& [key, value] : settings->as_dict()) {
      const std::string& field = key.as_string();
      if (field == "interval") config.interval = value.as_string();
      else if (field == "frequency") config.frequency = value.as_int();
      else if (field == "monitor") config.monitor = value.as_string();
      else if (field == "strict") config.strict = value.as_bool();
      else throw levin::KeyError("replay: scheduler config '" + field + "'");
    }
  }
  return levin::OptimizerWithScheduler{.optimizer = optimizer, .lr_scheduler = config};
}

}  // namespace replay

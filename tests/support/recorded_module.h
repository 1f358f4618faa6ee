#pragma once
// The model, data and recorder of tests/conformance/record.py: every hook writes "who.hook eE sS" into one list, then does its work.
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "levin/framework/base/errors.h"
#include "levin/framework/module/data_module.h"
#include "levin/framework/optim/lbfgs.h"
#include "levin/framework/optim/schedulers.h"
#include "levin/framework/optim/sgd.h"
#include "support/tiny_module.h"

namespace recorded {

using Trace = std::vector<std::string>;

/// The class of errors that a scenario's module throws.
class Boom : public levin::Error {
 public:
  Boom() : Error("boom") {}
  const char* name() const noexcept override { return "Boom"; }
};

/// The loaders of a scenario's `data`: a list of counts is a list of loaders.
inline levin::Loaders loaders_of(const levin::Value& data, const char* stage) {
  const levin::Value& batches = data.at(stage);
  if (batches.is_int()) return tiny_data(batches.as_int());
  std::vector<std::shared_ptr<levin::Loader>> out;
  for (const levin::Value& n : batches.items()) out.push_back(std::make_shared<levin::DataLoader>(tiny_data(n.as_int())));
  return out;
}

class Module : public TinyModule {
 public:
  Module(Trace& trace, levin::Value data, levin::Value options) : trace_(trace), data_(std::move(data)), options_(std::move(options)) {
    if (const levin::Value* automatic = options_.find("automatic_optimization")) automatic_optimization = automatic->as_bool();
  }

  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t) override {
    note("training_step");
    const std::int64_t step = steps_++;
    fail("training_step", step);
    if (is(options_.find("stop_at"), step)) trainer().set_should_stop();
    if (is(options_.find("skip_step"), step)) return {};
    if (!automatic_optimization)
      for (levin::LightningOptimizer& optimizer : optimizers()) manual_step(optimizer, batch);
    return loss(batch);
  }
  levin::StepOutput validation_step(const levin::Batch& batch, std::int64_t idx) override {
    note("validation_step");
    if (!trainer().sanity_checking()) fail("validation_step", idx);
    return loss(batch);
  }
  levin::StepOutput test_step(const levin::Batch& batch, std::int64_t) override { return note("test_step"), loss(batch); }
  levin::StepOutput predict_step(const levin::Batch& batch, std::int64_t) override {
    note("predict_step");
    return batch[0].tensor().sum();
  }
  int on_train_batch_start(const levin::Batch&, std::int64_t idx) override {
    note("on_train_batch_start");
    return is(options_.find("skip_epoch_at"), idx) ? -1 : 0;
  }
  levin::OptimizerConfig configure_optimizers() override {
    note("configure_optimizers");
    const levin::Value* interval = options_.find("scheduler");
    auto config = TinyModule::configure_optimizers();
    if (const levin::Value* kind = options_.find("optimizer")) {
      if (*kind == levin::Value("none")) return {};
      if (*kind == levin::Value("two")) return {config.optimizers.at(0), levin::optim::sgd(parameters(), {.lr = 0.25})};
      const bool wolfe = *kind == levin::Value("wolfe");
      return levin::optim::lbfgs(parameters(), {.lr = 0.125, .max_iter = 3, .line_search_fn = wolfe ? std::optional<std::string>("strong_wolfe") : std::nullopt});
    }
    if (!interval) return config;
    config.lr_schedulers.push_back({.scheduler = levin::optim::step_lr(config.optimizers.at(0), {.step_size = 1}),
                                    .interval = interval->as_string()});
    return config;
  }
  levin::Loaders train_dataloader() override { return note("train_dataloader"), loaders_of(data_, "train"); }
  levin::Loaders val_dataloader() override { return note("val_dataloader"), loaders_of(data_, "val"); }
  levin::Loaders test_dataloader() override { return note("test_dataloader"), loaders_of(data_, "test"); }
  levin::Loaders predict_dataloader() override { return note("predict_dataloader"), loaders_of(data_, "predict"); }

  void setup(std::string_view stage) override { note("setup", stage); }
  void teardown(std::string_view stage) override { note("teardown", stage); }
  std::vector<std::shared_ptr<levin::Callback>> configure_callbacks() override { return note("configure_callbacks"), std::vector<std::shared_ptr<levin::Callback>>(); }

#define PLAIN(name) void name() override { note(#name); TinyModule::name(); }
  PLAIN(prepare_data) PLAIN(configure_model) PLAIN(on_fit_start) PLAIN(on_fit_end) PLAIN(on_train_start) PLAIN(on_train_end)
  PLAIN(on_train_epoch_start) PLAIN(on_train_epoch_end) PLAIN(on_validation_start) PLAIN(on_validation_end)
  PLAIN(on_validation_epoch_start) PLAIN(on_validation_epoch_end) PLAIN(on_validation_model_eval) PLAIN(on_validation_model_train)
  PLAIN(on_validation_model_zero_grad) PLAIN(on_test_start) PLAIN(on_test_end) PLAIN(on_test_epoch_start) PLAIN(on_test_epoch_end)
  PLAIN(on_test_model_eval) PLAIN(on_test_model_train) PLAIN(on_predict_start) PLAIN(on_predict_end) PLAIN(on_predict_epoch_start)
  PLAIN(on_predict_epoch_end) PLAIN(on_predict_model_eval) PLAIN(on_after_backward)
#undef PLAIN
#define BATCH_START(name) void name(const levin::Batch&, std::int64_t) override { note(#name); }
#define BATCH_END(name) void name(const levin::StepOutput&, const levin::Batch&, std::int64_t) override { note(#name); }
  BATCH_END(on_train_batch_end) BATCH_START(on_validation_batch_start) BATCH_END(on_validation_batch_end)
  BATCH_START(on_test_batch_start) BATCH_END(on_test_batch_end) BATCH_START(on_predict_batch_start) BATCH_END(on_predict_batch_end)
#undef BATCH_START
#undef BATCH_END
  void on_before_backward(const at::Tensor&) override { note("on_before_backward"); }
  void on_before_zero_grad(levin::optim::Optimizer&) override { note("on_before_zero_grad"); }
  void on_before_optimizer_step(levin::optim::Optimizer&) override { note("on_before_optimizer_step"); }
  void on_save_checkpoint(levin::Value&) override { note("on_save_checkpoint"); }
  void on_load_checkpoint(levin::Value&) override { note("on_load_checkpoint"); }
  levin::Batch on_before_batch_transfer(levin::Batch batch, std::int64_t) override { return note("on_before_batch_transfer"), batch; }
  levin::Batch on_after_batch_transfer(levin::Batch batch, std::int64_t) override { return note("on_after_batch_transfer"), batch; }
  levin::Batch transfer_batch_to_device(levin::Batch batch, at::Device device, std::int64_t idx) override {
    note("transfer_batch_to_device");
    return TinyModule::transfer_batch_to_device(std::move(batch), device, idx);
  }
  void backward(const at::Tensor& value) override {
    note("backward");
    TinyModule::backward(value);
  }
  void optimizer_step(std::int64_t epoch, std::int64_t idx, levin::LightningOptimizer& optimizer, const levin::Closure& closure) override {
    note("optimizer_step");
    TinyModule::optimizer_step(epoch, idx, optimizer, closure);
  }
  void optimizer_zero_grad(std::int64_t epoch, std::int64_t idx, levin::optim::Optimizer& optimizer) override {
    note("optimizer_zero_grad");
    TinyModule::optimizer_zero_grad(epoch, idx, optimizer);
  }
  void configure_gradient_clipping(levin::optim::Optimizer& optimizer, std::optional<double> value,
                                   const std::optional<std::string>& algorithm) override {
    note("configure_gradient_clipping");
    TinyModule::configure_gradient_clipping(optimizer, value, algorithm);
  }
  void lr_scheduler_step(levin::optim::LRScheduler& scheduler, std::optional<double> metric) override {
    note("lr_scheduler_step");
    TinyModule::lr_scheduler_step(scheduler, metric);
  }

 private:
  void manual_step(levin::LightningOptimizer& optimizer, const levin::Batch& batch) {
    const auto backward = [&] {
      optimizer.zero_grad();
      manual_backward(loss(batch));
      return at::Tensor();
    };
    if (options_.find("closure")) {
      const auto toggled = optimizer.toggle_model();
      optimizer.step(backward);
    } else {
      backward();
      optimizer.step();
    }
  }
  static bool is(const levin::Value* at, std::int64_t n) { return at && at->as_int() == n; }
  void fail(const char* hook, std::int64_t n) {
    const levin::Value* wanted = options_.find("raise");
    if (!wanted || wanted->at("in").as_string() != hook || wanted->at("at").as_int() != n) return;
    if (wanted->at("type").as_string() == "Boom") throw Boom();
    throw levin::KeyboardInterrupt();
  }
  void note(std::string_view hook, std::string_view stage = "") {
    trace_.push_back("module." + std::string(hook) + (stage.empty() ? "" : " " + std::string(stage)) +
                     (is_attached() ? " e" + std::to_string(current_epoch()) + " s" + std::to_string(global_step()) : " -"));
  }

  Trace& trace_;
  levin::Value data_, options_;
  std::int64_t steps_ = 0;
};

inline std::string place(const levin::Trainer& trainer) {
  return " e" + std::to_string(trainer.current_epoch()) + " s" + std::to_string(trainer.global_step());
}

class Recorder : public levin::Callback {
 public:
  explicit Recorder(Trace& trace) : trace_(trace) {}
  using T = levin::Trainer;
  using M = levin::LightningModule;
  void setup(T& t, M&, std::string_view stage) override { note("setup " + std::string(stage), t); }
  void teardown(T& t, M&, std::string_view stage) override { note("teardown " + std::string(stage), t); }
#define PLAIN(name) void name(T& t, M&) override { note(#name, t); }
#define BATCH_START(name) void name(T& t, M&, const levin::Batch&, std::int64_t) override { note(#name, t); }
#define BATCH_END(name) void name(T& t, M&, const levin::StepOutput&, const levin::Batch&, std::int64_t) override { note(#name, t); }
  PLAIN(on_fit_start) PLAIN(on_fit_end) PLAIN(on_sanity_check_start) PLAIN(on_sanity_check_end) PLAIN(on_train_start)
  PLAIN(on_train_end) PLAIN(on_train_epoch_start) PLAIN(on_train_epoch_end) PLAIN(on_after_backward)
  BATCH_START(on_train_batch_start) BATCH_END(on_train_batch_end)
#define STAGE(stage)                                                                                                          \
  PLAIN(on_##stage##_start) PLAIN(on_##stage##_end) PLAIN(on_##stage##_epoch_start) PLAIN(on_##stage##_epoch_end)             \
  BATCH_START(on_##stage##_batch_start) BATCH_END(on_##stage##_batch_end)
  STAGE(validation) STAGE(test) STAGE(predict)
#undef STAGE
#undef PLAIN
#undef BATCH_START
#undef BATCH_END
  void on_before_backward(T& t, M&, const at::Tensor&) override { note("on_before_backward", t); }
  void on_before_optimizer_step(T& t, M&, levin::optim::Optimizer&) override { note("on_before_optimizer_step", t); }
  void on_before_zero_grad(T& t, M&, levin::optim::Optimizer&) override { note("on_before_zero_grad", t); }
  void on_exception(T& t, M&, const std::exception&) override { note("on_exception", t); }
  void on_save_checkpoint(T& t, M&, levin::Value&) override { note("on_save_checkpoint", t); }
  void on_load_checkpoint(T& t, M&, const levin::Value&) override { note("on_load_checkpoint", t); }
  levin::Value state_dict() const override {
    trace_.push_back("callback.state_dict -");
    return levin::Dict{{"recorded", 1}};
  }
  void load_state_dict(const levin::Value&) override { trace_.push_back("callback.load_state_dict -"); }

 private:
  void note(const std::string& hook, const T& trainer) { trace_.push_back("callback." + hook + place(trainer)); }
  Trace& trace_;
};

class Data : public levin::LightningDataModule {
 public:
  Data(Trace& trace, levin::Value data, const levin::Trainer& trainer) : trace_(trace), data_(std::move(data)), trainer_(trainer) {}
  void prepare_data() override { note("prepare_data"); }
  void setup(std::string_view stage) override { note("setup " + std::string(stage)); }
  void teardown(std::string_view stage) override { note("teardown " + std::string(stage)); }
  levin::Loaders train_dataloader() override { return note("train_dataloader"), loaders_of(data_, "train"); }
  levin::Loaders val_dataloader() override { return note("val_dataloader"), loaders_of(data_, "val"); }
  levin::Loaders test_dataloader() override { return note("test_dataloader"), loaders_of(data_, "test"); }
  levin::Loaders predict_dataloader() override { return note("predict_dataloader"), loaders_of(data_, "predict"); }
  levin::Batch on_before_batch_transfer(levin::Batch batch, std::int64_t) override { return note("on_before_batch_transfer"), batch; }
  levin::Batch on_after_batch_transfer(levin::Batch batch, std::int64_t) override { return note("on_after_batch_transfer"), batch; }
  void on_exception(const std::exception&) override { note("on_exception"); }
  levin::Value state_dict() const override {
    note("state_dict");
    return levin::Dict{{"recorded", 1}};
  }
  void load_state_dict(const levin::Value&) override { note("load_state_dict"); }

 private:
  void note(const std::string& hook) const { trace_.push_back("datamodule." + hook + place(trainer_)); }
  Trace& trace_;
  levin::Value data_;
  const levin::Trainer& trainer_;
};

}  // namespace recorded

#pragma once
// The model, callback, logger and loader of the recorded scenarios (see README.md), on levin.
#include <ATen/ATen.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "levin/framework/base/errors.h"
#include "levin/framework/callback.h"
#include "levin/framework/data/loader.h"
#include "levin/framework/logger.h"
#include "levin/framework/module/lightning_module.h"

namespace replay {

using levin::Value;

/// The exception that scenarios raise on purpose.
class Boom : public levin::RuntimeError {
 public:
  Boom() : levin::RuntimeError("boom") {}
  const char* name() const noexcept override { return "Boom"; }
};

/// What a run leaves behind: lines of hooks, logged rows, checkpoint events.
struct Record {
  Value hooks = Value::list(), logged = Value::list(), events = Value::list();
};

/// A number, or one of the strings "nan", "inf", "-inf".
double number(const Value& v);
/// Numbers for JSON: NaN and infinities as strings.
Value plain(double v);

/// Rows [(i % 5 + 1) / 8, (i % 3 + 1) / 4] in batches; goes on where a checkpoint left it, as Lightning's stateful loaders do.
class ResumableLoader : public levin::Loader {
 public:
  ResumableLoader(std::int64_t batches, std::int64_t batch_size) : batches_(batches), batch_size_(batch_size) {}
  std::optional<std::int64_t> size() const override { return batches_; }
  void set_epoch(std::int64_t) override {}
  void start(std::int64_t) override { next_ = std::exchange(start_, 0); }
  bool next(levin::Batch& out) override;
  std::int64_t position() const override { return position_; }
  Value state_dict() const override { return levin::Dict{{"position", position_}}; }
  void load_state_dict(const Value& state) override { start_ = state.at("position").as_int() % batches_; }
  bool stateful() const override { return true; }

 private:
  std::int64_t batches_, batch_size_, start_ = 0, next_ = 0, position_ = 0;
};

/// Writes a line per hook.
std::shared_ptr<levin::Callback> make_recorder(Record& record);

/// Keeps what is logged.
class RecLogger : public levin::Logger {
 public:
  RecLogger(std::string root, Record& record) : root_(std::move(root)), record_(record) {}
  std::string name() const override { return "rec"; }
  std::string version() const override { return "version_0"; }
  std::optional<std::string> save_dir() const override { return root_; }
  void log_metrics(std::span<const levin::Metric> metrics, std::int64_t step) override;

 private:
  std::string root_;
  Record& record_;
};

/// w in R^2; loss = mean((x . w - 1)^2). What it logs, skips, raises and optimizes with is the scenario's.
class Model : public levin::LightningModule {
 public:
  explicit Model(const Value& spec);
  void begin(const Value& spec, Record& record);

  at::Tensor w;

  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t batch_idx) override;
  levin::StepOutput validation_step(const levin::Batch& batch, std::int64_t batch_idx) override;
  levin::StepOutput test_step(const levin::Batch& batch, std::int64_t batch_idx) override;
  levin::StepOutput predict_step(const levin::Batch& batch, std::int64_t batch_idx) override;
  levin::OptimizerConfig configure_optimizers() override;

  // clang-format off
#define REPLAY_HOOK(name) void name() override { trace(#name); }
  REPLAY_HOOK(prepare_data) REPLAY_HOOK(configure_model) REPLAY_HOOK(on_fit_start) REPLAY_HOOK(on_fit_end) REPLAY_HOOK(on_train_start)
  REPLAY_HOOK(on_train_end) REPLAY_HOOK(on_train_epoch_start) REPLAY_HOOK(on_train_epoch_end) REPLAY_HOOK(on_validation_start)
  REPLAY_HOOK(on_validation_end) REPLAY_HOOK(on_validation_epoch_start) REPLAY_HOOK(on_validation_epoch_end) REPLAY_HOOK(on_test_start)
  REPLAY_HOOK(on_test_end) REPLAY_HOOK(on_test_epoch_start) REPLAY_HOOK(on_test_epoch_end) REPLAY_HOOK(on_predict_start)
  REPLAY_HOOK(on_predict_end) REPLAY_HOOK(on_predict_epoch_start) REPLAY_HOOK(on_predict_epoch_end) REPLAY_HOOK(on_after_backward)
#undef REPLAY_HOOK
  void on_validation_model_eval() override { trace("on_validation_model_eval"); eval(); }
  void on_validation_model_train() override { trace("on_validation_model_train"); train(); }
  void on_test_model_eval() override { trace("on_test_model_eval"); eval(); }
  void on_test_model_train() override { trace("on_test_model_train"); train(); }
  void on_predict_model_eval() override { trace("on_predict_model_eval"); eval(); }
  void setup(std::string_view) override { trace("setup"); }
  void teardown(std::string_view) override { trace("teardown"); }
  int on_train_batch_start(const levin::Batch&, std::int64_t) override;
  void on_train_batch_end(const levin::StepOutput&, const levin::Batch&, std::int64_t) override { trace("on_train_batch_end"); }
  void on_validation_batch_start(const levin::Batch&, std::int64_t) override { trace("on_validation_batch_start"); }
  void on_validation_batch_end(const levin::StepOutput&, const levin::Batch&, std::int64_t) override { trace("on_validation_batch_end"); }
  void on_test_batch_start(const levin::Batch&, std::int64_t) override { trace("on_test_batch_start"); }
  void on_test_batch_end(const levin::StepOutput&, const levin::Batch&, std::int64_t) override { trace("on_test_batch_end"); }
  void on_predict_batch_start(const levin::Batch&, std::int64_t) override { trace("on_predict_batch_start"); }
  void on_predict_batch_end(const levin::StepOutput&, const levin::Batch&, std::int64_t) override { trace("on_predict_batch_end"); }
  void on_before_zero_grad(levin::optim::Optimizer&) override { trace("on_before_zero_grad"); }
  void on_before_backward(const at::Tensor&) override { trace("on_before_backward"); }
  void on_before_optimizer_step(levin::optim::Optimizer&) override { trace("on_before_optimizer_step"); }
  void on_save_checkpoint(Value&) override { trace("on_save_checkpoint"); }
  void on_load_checkpoint(Value&) override { trace("on_load_checkpoint"); }
  // clang-format on

 private:
  void trace(const char* hook);
  at::Tensor loss(const levin::Batch& batch);
  void log_all(const char* stage, const at::Tensor& loss, std::int64_t index, std::int64_t batch_idx);
  void maybe_raise(const char* where, std::int64_t index);
  bool listed(const char* key, std::int64_t index) const;

  Value spec_;
  Record* record_ = nullptr;
  std::int64_t training_steps_ = 0, validation_runs_ = -1, test_runs_ = -1;
};

}  // namespace replay

// What callbacks refuse and warn of, and what configurations can give them.
#include <algorithm>

#include "levin/callbacks/backbone_finetuning.h"
#include "levin/callbacks/device_stats_monitor.h"
#include "levin/callbacks/ema_weight_averaging.h"
#include "levin/callbacks/lambda_callback.h"
#include "levin/callbacks/learning_rate_monitor.h"
#include "levin/callbacks/stochastic_weight_averaging.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/json.h"
#include "levin/framework/cli/registry.h"
#include "support/callback_net.h"
#include "support/catch.h"
#include "support/tiny_module.h"

using levin::Value;

TEST_CASE("a LambdaCallback calls its functions where the hooks are, with their arguments") {
  TinyModule module;
  std::string calls;
  double loss = 0;
  levin::Trainer trainer(quiet({.callbacks = {levin::make<levin::LambdaCallback>(
                                    {.setup = [&](levin::Trainer&, levin::LightningModule&, std::string_view stage) { calls += std::string(stage) + " "; },
                                     .on_train_batch_end = [&](levin::Trainer&, levin::LightningModule& m, const levin::StepOutput& out, const levin::Batch&,
                                                               std::int64_t idx) { calls += std::to_string(idx) + " ", loss = out.loss().item<double>(), (void)m; },
                                     .on_before_optimizer_step = [&](levin::Trainer&, levin::LightningModule&, levin::optim::Optimizer& o) { calls += o.class_name(); }})},
                                .max_epochs = 1, .enable_checkpointing = false}));
  trainer.fit(module, {.train = tiny_data(2)});
  CHECK(calls == "fit SGD0 SGD1 ");
  CHECK(loss > 0);
}

TEST_CASE("configurations name all callbacks, and can't give functions") {
  levin::register_builtins();
  const auto& registry = levin::callback_registry();
  for (const char* name : {"EarlyStopping", "LearningRateMonitor", "Timer", "WeightAveraging", "EMAWeightAveraging", "BackboneFinetuning", "ModelSummary",
                           "DeviceStatsMonitor", "ThroughputMonitor", "LambdaCallback"}) {
    INFO(name);
    Value config = levin::Dict{{"class_path", name}};
    if (std::string(name) == "EarlyStopping") config["init_args"] = levin::Dict{{"monitor", "v"}};
    CHECK(registry.make(config) != nullptr);
  }
  CHECK(registry.make(levin::parse_json(R"({"class_path": "StochasticWeightAveraging", "init_args": {"swa_lrs": [0.1, 0.2], "swa_epoch_start": 2}})", "c")));
  CHECK(registry.make(levin::parse_json(R"({"class_path": "PredictionWriter", "init_args": {"output_dir": "out", "formats": ["csv"]}})", "c")));
  CHECK_THROWS_WITH(registry.make(levin::parse_json(R"({"class_path": "WeightAveraging", "init_args": {"avg_fn": "mean"}})", "c")),
                    Catch::Contains("avg_fn: a function can only be given in C++"));
}

TEST_CASE("options of callbacks that make no sense are errors in Lightning's words") {
  using namespace levin;
  CHECK_THROWS_WITH(LearningRateMonitor({.logging_interval = "batch"}), "logging_interval should be `step` or `epoch` or `None`.");
  CHECK_THROWS_WITH(StochasticWeightAveraging({.swa_lrs = -1.0}), "The `swa_lrs` should a positive float, or a list of positive floats");
  CHECK_THROWS_WITH(StochasticWeightAveraging({.swa_lrs = std::vector<double>{0.1, 0}}), "The `swa_lrs` should a positive float, or a list of positive floats");
  CHECK_THROWS_WITH(StochasticWeightAveraging({.swa_lrs = 0.1, .swa_epoch_start = 1.5}), "swa_epoch_start should be a >0 integer or a float between 0 and 1.");
  CHECK_THROWS_WITH(StochasticWeightAveraging({.swa_lrs = 0.1, .swa_epoch_start = std::int64_t{0}}), "swa_epoch_start should be a >0 integer or a float between 0 and 1.");
  CHECK_THROWS_WITH(EMAWeightAveraging({.decay = 1.5}), "Invalid decay value 1.5 provided. Please provide a value in [0,1] range.");
  CHECK_THROWS_AS(WeightAveraging({.avg_fn = swa_avg_fn, .multi_avg_fn = [](const auto&, const auto&, std::int64_t) {}}), ValueError);
  const auto fit = [](std::shared_ptr<Callback> callback, TrainerOptions options) {
    CapturedMessages messages;
    TinyModule module;
    options.callbacks = {std::move(callback)};
    options.enable_checkpointing = false;
    Trainer trainer(quiet(options));
    trainer.fit(module, {.train = tiny_data(1)});
  };
  CHECK_THROWS_WITH(fit(levin::make<LearningRateMonitor>(), {.max_epochs = 1}), "Cannot use `LearningRateMonitor` callback with `Trainer` that has no logger.");
  CHECK_THROWS_WITH(fit(levin::make<DeviceStatsMonitor>(), {.max_epochs = 1}), "Cannot use `DeviceStatsMonitor` callback with `Trainer(logger=False)`.");
  CHECK_THROWS_WITH(fit(levin::make<BackboneFinetuning>(), {.max_epochs = 1}), "The LightningModule should have a nn.Module `backbone` attribute");
  CHECK_THROWS_WITH(fit(levin::make<StochasticWeightAveraging>({.swa_lrs = 0.1}), {.max_epochs = -1, .max_steps = 3}),
                    Catch::Contains("is not supported when `max_epochs=-1`"));
}

TEST_CASE("LearningRateMonitor looks for a momentum at the schedulers' optimizers, and at all where there is no scheduler") {
  const auto warns = [](const std::string& schedulers) {
    levin::CapturedMessages messages;
    const std::string model = R"({"optimizers": [{"class": "SGD", "lr": 0.1}, {"class": "Adam", "lr": 0.01}])" + schedulers + "}";
    callback_net::Net net(levin::parse_json(model, "model"));
    levin::Trainer trainer(quiet({.logger = std::make_shared<callback_net::Rows>(),
                                  .callbacks = {levin::make<levin::LearningRateMonitor>({.log_momentum = true})},
                                  .max_epochs = 1,
                                  .enable_checkpointing = false}));
    trainer.fit(net);
    const auto warnings = messages.warnings();
    return std::any_of(warnings.begin(), warnings.end(), [](const std::string& w) { return w.starts_with("You have set log_momentum=True"); });
  };
  CHECK(warns(""));
  CHECK_FALSE(warns(R"(, "schedulers": [{"class": "StepLR", "step_size": 1, "gamma": 0.5}, null])"));
}

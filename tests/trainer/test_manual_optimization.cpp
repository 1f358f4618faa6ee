// Manual optimization with several optimizers, LBFGS, replaced hooks, and what configure_optimizers may return.
#include <ATen/ops/ones.h>

#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/optim/lbfgs.h"
#include "levin/framework/optim/one_cycle_lr.h"
#include "levin/framework/optim/reduce_lr_on_plateau.h"
#include "levin/framework/optim/schedulers.h"
#include "levin/framework/results/metric_map.h"
#include "support/catch.h"
#include "support/tiny_module.h"

using levin::optim::sgd;
using levin::optim::step_lr;

namespace {

/// Two parts whose losses run through each other, as in a GAN.
class TwoParts : public levin::LightningModule {
 public:
  TwoParts() : a(register_parameter("a", at::ones({2}))), b(register_parameter("b", at::ones({2}))), frozen(register_parameter("frozen", at::ones({2}))) {
    automatic_optimization = false;
    frozen.set_requires_grad(false);
  }
  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t batch_idx) override { return step(*this, batch, batch_idx); }
  levin::OptimizerConfig configure_optimizers() override { return {sgd({a, frozen}, {.lr = 0.5}), sgd({b}, {.lr = 0.25})}; }
  at::Tensor both(const levin::Batch& batch) { return (batch[0].tensor() * a * b).sum(); }

  std::function<levin::StepOutput(TwoParts&, const levin::Batch&, std::int64_t)> step;
  at::Tensor a, b, frozen;
};

void fit(levin::Trainer& trainer, levin::LightningModule& module, std::int64_t batches = 2) { trainer.fit(module, {.train = tiny_data(batches)}); }

levin::Trainer one_epoch() { return levin::Trainer(quiet({.max_epochs = 1, .enable_checkpointing = false})); }

template <class E = levin::Error>
std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const E& error) {
    return error.what();
  }
  return "nothing was thrown";
}

bool warned(const levin::CapturedMessages& messages, const std::string& text) {
  for (const std::string& warning : messages.warnings())
    if (warning.find(text) != std::string::npos) return true;
  return false;
}

/// A TinyModule with the optimizers of a test.
class Configured : public TinyModule {
 public:
  explicit Configured(std::function<levin::OptimizerConfig(Configured&)> make) : make_(std::move(make)) {}
  levin::OptimizerConfig configure_optimizers() override { return make_(*this); }

 private:
  std::function<levin::OptimizerConfig(Configured&)> make_;
};

}  // namespace

TEST_CASE("a toggled optimizer's parameters alone get gradients; frozen ones stay frozen") {
  TwoParts module;
  int steps = 0;
  module.step = [&](TwoParts& m, const levin::Batch& batch, std::int64_t) -> levin::StepOutput {
    auto& first = m.optimizers()[0];
    auto& second = m.optimizers()[1];
    m.toggle_optimizer(first);
    CHECK((m.a.requires_grad() && !m.b.requires_grad() && !m.frozen.requires_grad()));
    first.zero_grad();
    second.zero_grad();
    m.manual_backward(m.both(batch));
    CHECK((m.a.grad().defined() && !m.b.grad().defined()));
    first.step();
    m.untoggle_optimizer(first);
    CHECK((m.a.requires_grad() && m.b.requires_grad() && !m.frozen.requires_grad()));
    {
      const auto toggled = second.toggle_model();
      CHECK((!m.a.requires_grad() && m.b.requires_grad()));
      second.zero_grad();
      m.manual_backward(m.both(batch));
      second.step();
    }
    CHECK((m.a.requires_grad() && m.b.requires_grad() && !m.frozen.requires_grad()));
    ++steps;
    return {};
  };
  levin::Trainer trainer = one_epoch();
  fit(trainer, module);
  CHECK(steps == 2);
  CHECK(trainer.global_step() == 4);  // of both
  CHECK(module.frozen.equal(at::ones({2})));
}

TEST_CASE("what a toggle leaves behind after an exception is what was before") {
  TwoParts module;
  module.step = [](TwoParts& m, const levin::Batch&, std::int64_t) -> levin::StepOutput {
    const auto toggled = m.toggled_optimizer(m.optimizers()[1]);
    throw levin::ValueError("stop");
  };
  levin::Trainer trainer = one_epoch();
  CHECK_THROWS_AS(fit(trainer, module), levin::ValueError);
  CHECK((module.a.requires_grad() && module.b.requires_grad() && !module.frozen.requires_grad()));
}

TEST_CASE("optimizers by number, and the only one without") {
  TwoParts module;
  module.step = [](TwoParts& m, const levin::Batch&, std::int64_t) -> levin::StepOutput {
    CHECK(m.optimizers().size() == 2);
    CHECK_THROWS_WITH(m.optimizers()[2], "optimizers()[2]: `configure_optimizers` returned 2 of them, counted from 0");
    CHECK_THROWS_AS(static_cast<levin::LightningOptimizer&>(m.optimizers()), levin::RuntimeError);
    CHECK(&m.optimizers()[1].optimizer() == m.trainer().optimizers()[1].get());
    CHECK(m.optimizers()[1].optimizer().lr() == 0.25);
    return {};
  };
  levin::Trainer trainer = one_epoch();
  fit(trainer, module);
  CHECK_THROWS_AS(TwoParts().optimizers(), levin::RuntimeError);
}

TEST_CASE("schedulers are stepped by hand, and steps outside of the training step are not counted") {
  class Manual : public TwoParts {
   public:
    levin::OptimizerConfig configure_optimizers() override {
      const auto one = sgd({a}, {.lr = 0.5});
      return {{one}, {step_lr(one, {.step_size = 1, .gamma = 0.5})}};
    }
    void on_train_batch_end(const levin::StepOutput&, const levin::Batch&, std::int64_t) override { optimizers()[0].step(); }
  } module;
  module.step = [](TwoParts& m, const levin::Batch& batch, std::int64_t) -> levin::StepOutput {
    levin::LightningOptimizer& optimizer = m.optimizers();
    m.manual_backward(m.both(batch));
    optimizer.step();
    m.lr_schedulers()[0]->step();
    return {};
  };
  levin::Trainer trainer = one_epoch();
  fit(trainer, module, 3);
  CHECK(trainer.global_step() == 3);
  CHECK(trainer.optimizers()[0]->lr() == 0.0625);
}

// The batch's two rows are multiples of each other: outputs p and 2p for 1 and 1, least at p = 0.6.
TEST_CASE("LBFGS calls the training step several times a batch and ends where the loss is least") {
  class Counting : public Configured {
   public:
    using Configured::Configured;
    levin::StepOutput training_step(const levin::Batch& batch, std::int64_t batch_idx) override {
      ++calls;
      return Configured::training_step(batch, batch_idx);
    }
    int calls = 0;
  } module([](Configured& m) { return levin::optim::lbfgs(m.parameters(), {.max_iter = 20, .line_search_fn = "strong_wolfe"}); });
  levin::Trainer trainer = one_epoch();
  fit(trainer, module, 1);
  CHECK(trainer.global_step() == 1);
  CHECK(module.calls > 2);
  at::Tensor first;
  for (const auto& batch : tiny_data(1)) first = module.loss(batch);
  CHECK(first.item<double>() == Approx(0.1).epsilon(1e-5));
}

TEST_CASE("a module's own optimizer_step decides whether and how to step") {
  class Own : public TinyModule {
   public:
    void optimizer_step(std::int64_t epoch, std::int64_t batch_idx, levin::LightningOptimizer& optimizer, const levin::Closure& closure) override {
      seen.push_back({epoch, batch_idx});
      if (batch_idx % 2 == 0) optimizer.step(closure);
      else closure();  // the gradients are computed and nothing is updated
      if (batch_idx == 3) optimizer.optimizer().set_lr(0, 0.5);
    }
    void optimizer_zero_grad(std::int64_t, std::int64_t, levin::optim::Optimizer& optimizer) override {
      ++zeroed;
      optimizer.zero_grad(/*set_to_none=*/false);
    }
    std::vector<std::pair<std::int64_t, std::int64_t>> seen;
    int zeroed = 0;
  } module;
  std::vector<at::Tensor> weights;
  class Weights : public levin::Callback {
   public:
    explicit Weights(std::vector<at::Tensor>& out) : out_(out) {}
    void on_train_batch_end(levin::Trainer&, levin::LightningModule& m, const levin::StepOutput&, const levin::Batch&, std::int64_t) override {
      out_.push_back(m.parameters().front().detach().clone());
    }
    std::vector<at::Tensor>& out_;
  };
  levin::Trainer trainer(quiet({.callbacks = {std::make_shared<Weights>(weights)}, .max_epochs = 1, .enable_checkpointing = false}));
  fit(trainer, module, 4);
  CHECK(module.seen == std::vector<std::pair<std::int64_t, std::int64_t>>{{0, 0}, {0, 1}, {0, 2}, {0, 3}});
  CHECK(module.zeroed == 4);
  CHECK(weights[0].equal(weights[1]));
  CHECK_FALSE(weights[1].equal(weights[2]));
  CHECK(trainer.global_step() == 4);
  CHECK(trainer.optimizers()[0]->lr() == 0.5);
}

TEST_CASE("an optimizer_step that forgets the closure is an error in Lightning's words") {
  class Forgetful : public TinyModule {
   public:
    void optimizer_step(std::int64_t, std::int64_t, levin::LightningOptimizer& optimizer, const levin::Closure&) override { optimizer.step(); }
  } module;
  levin::Trainer trainer = one_epoch();
  CHECK_THAT(error_of<levin::MisconfigurationException>([&] { fit(trainer, module); }),
             Catch::Matchers::StartsWith("The closure hasn't been executed. HINT: did you call `optimizer_closure()` in your `optimizer_step` hook?"));
}

TEST_CASE("a module's own lr_scheduler_step and gradient clipping get what is configured") {
  class Own : public Configured {
   public:
    using Configured::Configured;
    void lr_scheduler_step(levin::optim::LRScheduler& scheduler, std::optional<double> metric) override {
      metrics.push_back(metric);
      Configured::lr_scheduler_step(scheduler, metric);
    }
    void configure_gradient_clipping(levin::optim::Optimizer& optimizer, std::optional<double> value, const std::optional<std::string>& algorithm) override {
      CHECK((value == 0.5 && algorithm == "norm"));
      clip_gradients(optimizer, 0.25, algorithm);
      norms.push_back(w.grad().norm().item<double>());
    }
    std::vector<std::optional<double>> metrics;
    std::vector<double> norms;
  } module([](Configured& m) {
    const auto optimizer = sgd(m.parameters(), {.lr = 0.125});
    return levin::OptimizerConfig{{optimizer},
                                  {step_lr(optimizer, {.step_size = 1}),
                                   levin::LRSchedulerConfig{.scheduler = levin::optim::reduce_lr_on_plateau(optimizer), .monitor = "train_loss"}}};
  });
  levin::Trainer trainer(quiet({.max_epochs = 2, .enable_checkpointing = false, .gradient_clip_val = 0.5, .gradient_clip_algorithm = "norm"}));
  fit(trainer, module);
  REQUIRE(module.metrics.size() == 4);
  CHECK((!module.metrics[0] && module.metrics[1] && !module.metrics[2] && module.metrics[3]));
  CHECK(module.norms.size() == 4);
  for (const double norm : module.norms) CHECK(norm <= 0.2501);
}

TEST_CASE("configure_optimizers returns Lightning's forms") {
  const auto configured = [](const std::function<levin::OptimizerConfig(Configured&)>& make) {
    Configured module(make);
    levin::Trainer trainer(quiet({.max_epochs = 1, .limit_train_batches = std::int64_t{1}, .enable_checkpointing = false}));
    const levin::CapturedMessages messages;
    fit(trainer, module);
    return std::pair(trainer.optimizers(), trainer.lr_scheduler_configs());
  };
  using levin::OptimizerConfig;
  const auto one = [](Configured& m) { return sgd(m.parameters(), {.lr = 0.5}); };
  {
    const auto [optimizers, schedulers] = configured([&](Configured& m) -> OptimizerConfig { return one(m); });
    CHECK((optimizers.size() == 1 && schedulers.empty()));
  }
  {
    const auto [optimizers, schedulers] = configured([&](Configured& m) -> OptimizerConfig { return {one(m)}; });
    CHECK((optimizers.size() == 1 && schedulers.empty()));
  }
  {
    const auto [optimizers, schedulers] = configured([&](Configured& m) -> OptimizerConfig {
      const auto o = one(m);
      return {{o}, {step_lr(o, {.step_size = 1}), levin::LRSchedulerConfig{.scheduler = step_lr(o, {.step_size = 2}), .interval = "step"}}};
    });
    REQUIRE((optimizers.size() == 1 && schedulers.size() == 2));
    CHECK((schedulers[0].interval == "epoch" && schedulers[1].interval == "step"));
  }
  {
    const auto [optimizers, schedulers] = configured([&](Configured& m) -> OptimizerConfig {
      const auto o = one(m);
      return levin::OptimizerWithScheduler{.optimizer = o, .lr_scheduler = levin::optim::reduce_lr_on_plateau(o), .monitor = "train_loss"};
    });
    REQUIRE(schedulers.size() == 1);
    CHECK((schedulers[0].reduce_on_plateau == true && schedulers[0].monitor == "train_loss"));
  }
  {
    const auto [optimizers, schedulers] = configured([&](Configured& m) -> OptimizerConfig {
      return std::vector<levin::OptimizerWithScheduler>{{.optimizer = one(m)}};
    });
    CHECK((optimizers.size() == 1 && schedulers.empty()));
  }
  {
    const auto [optimizers, schedulers] = configured([](Configured&) -> OptimizerConfig { return {}; });
    REQUIRE(optimizers.size() == 1);  // Lightning's stand-in
    CHECK(optimizers[0]->class_name() == std::string("_MockOptimizer"));
  }
}

TEST_CASE("optimizers and schedulers that do not fit are refused in Lightning's words") {
  const auto error = [](std::function<levin::OptimizerConfig(Configured&)> make, bool automatic = true) {
    Configured module(std::move(make));
    module.automatic_optimization = automatic;
    levin::Trainer trainer = one_epoch();
    return error_of([&] { fit(trainer, module); });
  };
  using levin::OptimizerConfig;
  const auto one = [](Configured& m) { return sgd(m.parameters()); };
  CHECK(error([&](Configured& m) -> OptimizerConfig { return {one(m), one(m)}; }) ==
        "Training with multiple optimizers is only supported with manual optimization. Set `self.automatic_optimization = False`, then access "
        "your optimizers in `training_step` with `opt1, opt2, ... = self.optimizers()`.");
  CHECK(error([&](Configured& m) -> OptimizerConfig { return {{one(m)}, {step_lr(one(m), {.step_size = 1})}}; }) ==
        "Some schedulers are attached with an optimizer that wasn't returned from `configure_optimizers`.");
  const auto with = [&](levin::LRSchedulerConfig config, bool plateau) {
    return [=](Configured& m) -> OptimizerConfig {
      const auto o = one(m);
      levin::LRSchedulerConfig own = config;
      if (plateau) own.scheduler = levin::optim::reduce_lr_on_plateau(o);
      else if (own.name != "none") own.scheduler = step_lr(o, {.step_size = 1});
      return levin::OptimizerWithScheduler{.optimizer = o, .lr_scheduler = own};
    };
  };
  CHECK(error(with({.name = "none"}, false)) == "The lr scheduler dict must have the key \"scheduler\" with its item being an lr scheduler");
  CHECK(error(with({.interval = "foo"}, false)) == "The \"interval\" key in lr scheduler dict must be \"step\" or \"epoch\" but is \"foo\"");
  CHECK(error(with({.frequency = 0}, false)) == "The \"frequency\" key in lr scheduler dict must be at least 1 but is 0");
  CHECK(error(with({}, true)) ==
        "The lr scheduler dict must include a monitor when a `ReduceLROnPlateau` scheduler is used. For example: {\"optimizer\": optimizer, "
        "\"lr_scheduler\": {\"scheduler\": scheduler, \"monitor\": \"your_loss\"}}");
  CHECK(error([&](Configured& m) -> OptimizerConfig {
          const auto o = one(m);
          return levin::OptimizerWithScheduler{.optimizer = o, .lr_scheduler = levin::optim::reduce_lr_on_plateau(o)};
        }) == "`configure_optimizers` must include a monitor when a `ReduceLROnPlateau` scheduler is used. For example: "
              "{\"optimizer\": optimizer, \"lr_scheduler\": scheduler, \"monitor\": \"metric_to_track\"}");
  const levin::CapturedMessages messages;
  CHECK(error(with({.monitor = "x"}, true), /*automatic=*/false) == "nothing was thrown");
  CHECK(warned(messages, "The lr scheduler dict contains the key(s) ['monitor'], but the keys will be ignored."));
}

TEST_CASE("a OneCycleLR that steps by epochs is warned of") {
  Configured module([](Configured& m) -> levin::OptimizerConfig {
    const auto o = sgd(m.parameters());
    return {{o}, {levin::optim::one_cycle_lr(o, {.max_lr = 0.1, .total_steps = 10})}};
  });
  const levin::CapturedMessages messages;
  levin::Trainer trainer = one_epoch();
  fit(trainer, module);
  CHECK(warned(messages, "A `OneCycleLR` scheduler is using 'interval': 'epoch'."));
}

// Whole steps recorded and replayed, with operators of the CPU in a CUDA graph's place: same numbers as steps that are run, and every reason
// against it is found and said.
#include <ATen/ATen.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/linear.h>

#include <algorithm>

#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/optim/lambda_lr.h"
#include "levin/framework/optim/nadam.h"
#include "levin/framework/optim/one_cycle_lr.h"
#include "levin/framework/precision/mixed_precision.h"
#include "levin/framework/profilers/simple_profiler.h"
#include "support/accelerators.h"
#include "support/catch.h"
#include "support/op_recorder.h"
#include "support/tiny_module.h"

namespace {

/// The CPU, with recorders.
class RecordingCpu final : public levin::CPUAccelerator {
 public:
  explicit RecordingCpu(std::shared_ptr<RecorderCounts> counts) : counts_(std::move(counts)) {}
  std::unique_ptr<levin::GraphRecorder> make_graph_recorder(at::Device) override { return make_op_recorder(counts_); }

 private:
  std::shared_ptr<RecorderCounts> counts_;
};

class Mlp : public levin::LightningModule {
 public:
  Mlp() {
    at::manual_seed(3);
    first = register_module("first", torch::nn::Linear(2, 8));
    second = register_module("second", torch::nn::Linear(8, 1));
  }
  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t batch_idx) override {
    ++steps;
    const at::Tensor loss = (second->forward(at::tanh(first->forward(batch[0]))).squeeze(-1) - batch[0].tensor().sum(-1)).square().mean();
    log("loss", loss, {.on_step = true, .on_epoch = true});
    log("worst", loss * 2, {.on_step = false, .on_epoch = true, .reduce_fx = "max"});
    within_step(batch_idx);
    return loss;
  }
  levin::StepOutput validation_step(const levin::Batch& batch, std::int64_t) override {
    log("val", first->forward(batch[0]).sum());
    return {};
  }
  levin::OptimizerConfig configure_optimizers() override {
    auto optimizer = levin::optim::sgd(parameters(), {.lr = 0.05, .momentum = 0.9});
    auto scheduler = std::make_shared<levin::optim::LambdaLR>(optimizer, [](std::int64_t step) { return 1.0 / (1.0 + static_cast<double>(step)); });
    return levin::OptimizerWithScheduler{.optimizer = optimizer, .lr_scheduler = levin::LRSchedulerConfig{.scheduler = scheduler, .interval = "step"}};
  }
  virtual void within_step(std::int64_t) {}

  torch::nn::Linear first{nullptr}, second{nullptr};
  int steps = 0;
};

/// What a run has shown at each step, and what it ended with.
struct Seen : levin::Callback {
  void on_train_batch_end(levin::Trainer& trainer, levin::LightningModule& module, const levin::StepOutput& output, const levin::Batch&,
                          std::int64_t) override {
    losses.push_back(output.loss().item<double>());
    logged.push_back(trainer.callback_metrics().find("loss_step")->item());
    bool gradients = true;
    for (const at::Tensor& parameter : module.parameters()) gradients = gradients && parameter.grad().defined();
    had_gradients = had_gradients && gradients;
  }
  void on_train_epoch_end(levin::Trainer& trainer, levin::LightningModule&) override {
    for (const char* name : {"loss_epoch", "worst"}) epochs.push_back(trainer.callback_metrics().find(name)->item());
  }
  std::vector<double> losses, logged, epochs;
  bool had_gradients = true;
};

struct Outcome {
  std::shared_ptr<Seen> seen = std::make_shared<Seen>();
  std::shared_ptr<RecorderCounts> counts = std::make_shared<RecorderCounts>();
  std::vector<at::Tensor> weights;
  std::int64_t global_step = 0;
  long recorders = 0;  // that were left after the run
  std::vector<std::string> said;
  int steps = 0;

  void same_as(const Outcome& other) const {
    CHECK(seen->losses == other.seen->losses);
    CHECK(seen->logged == other.seen->logged);
    CHECK(seen->epochs == other.seen->epochs);
    CHECK(global_step == other.global_step);
    REQUIRE(weights.size() == other.weights.size());
    for (std::size_t i = 0; i < weights.size(); ++i) CHECK(at::equal(weights[i], other.weights[i]));
  }
  std::string reason() const {
    for (const std::string& line : said)
      if (const auto at = line.find("run as always: "); at != line.npos) return line.substr(at + 15);
    return "";
  }
};

template <class M = Mlp>
Outcome fit(levin::CudaGraphOption mode, levin::TrainerOptions options = {}, levin::DataLoader data = tiny_data(8), RecorderCounts failing = {}) {
  Outcome out;
  *out.counts = std::move(failing);
  const WithAccelerator cpu("cpu", std::make_shared<RecordingCpu>(out.counts));
  const levin::CapturedMessages messages;
  M module;
  options.accelerator = "cpu";
  options.enable_checkpointing = false;
  options.cuda_graph = std::move(mode);
  if (!options.max_epochs) options.max_epochs = 2;
  options.callbacks.push_back(out.seen);
  levin::Trainer trainer(quiet(std::move(options)));
  trainer.fit(module, {.train = std::move(data), .val = tiny_data(1)});
  out.recorders = out.counts.use_count() - 2;
  for (const at::Tensor& parameter : module.parameters()) out.weights.push_back(parameter.detach().clone());
  out.global_step = trainer.global_step();
  out.said = messages.infos();
  out.steps = module.steps;
  return out;
}

}  // namespace

TEST_CASE("replayed steps give the numbers of steps that are run: weights, losses, logs, rates, counters") {
  const levin::TrainerOptions clipped{.val_check_interval = 0.5, .gradient_clip_val = 0.5};
  const Outcome eager = fit(false, clipped), graph = fit("auto", clipped);
  graph.same_as(eager);
  CHECK(eager.steps == 16);
  CHECK(graph.steps == 4);  // three to warm up, one recorded
  CHECK(graph.counts->warm_ups == 3);
  CHECK(graph.counts->recordings == 1);
  CHECK(graph.counts->replays == 13);
  CHECK(graph.seen->had_gradients);
  CHECK(eager.counts->warm_ups == 0);
  CHECK(graph.recorders == 0);  // nor their memory
}

TEST_CASE("a batch of another shape is run as always, among replays, and that is said once") {
  // Three full batches an epoch and one of a single row.
  const auto data = [] {
    at::Tensor x = at::arange(14, at::kFloat).reshape({7, 2}) / 16;
    return levin::DataLoader(levin::TensorDataset({x}), {.batch_size = 2});
  };
  const Outcome eager = fit(false, {.max_epochs = 4}, data()), graph = fit("auto", {.max_epochs = 4}, data());
  graph.same_as(eager);
  CHECK(graph.steps < eager.steps);
  CHECK(graph.counts->recordings == 1);
  CHECK(std::count_if(graph.said.begin(), graph.said.end(), [](const std::string& s) { return s.find("another shape") != s.npos; }) == 1);
}

TEST_CASE("what needs the host keeps steps from being recorded, and says so once") {
  struct WithHook : Mlp {
    void on_after_backward() override { ++hooks; }
    int hooks = 0;
  };
  struct OwnStep : Mlp {
    void optimizer_step(std::int64_t, std::int64_t, levin::LightningOptimizer& o, const levin::Closure& closure) override { o.step(closure); }
  };
  struct HostRandom : Mlp {
    void within_step(std::int64_t) override { (void)at::rand({1}); }
  };
  struct HostNumber : Mlp {
    void within_step(std::int64_t batch_idx) override { log("idx", static_cast<double>(batch_idx)); }
  };
  struct HostKernel : Mlp {
    levin::OptimizerConfig configure_optimizers() override { return levin::optim::nadam(parameters(), {.lr = 0.01}); }
  };
  struct Cycling : Mlp {
    levin::OptimizerConfig configure_optimizers() override {
      auto optimizer = levin::optim::sgd(parameters(), {.lr = 0.05, .momentum = 0.9});
      auto scheduler = levin::optim::one_cycle_lr(optimizer, {.max_lr = 0.1, .total_steps = 100});
      return levin::OptimizerWithScheduler{.optimizer = optimizer, .lr_scheduler = levin::LRSchedulerConfig{.scheduler = scheduler, .interval = "step"}};
    }
  };
  struct ByHand : Mlp {
    ByHand() { automatic_optimization = false; }
    levin::StepOutput training_step(const levin::Batch& batch, std::int64_t idx) override {
      const levin::StepOutput output = Mlp::training_step(batch, idx);
      levin::LightningOptimizer& optimizer = optimizers();
      optimizer.zero_grad();
      manual_backward(output.loss());
      optimizer.step();
      return output;
    }
  };
  struct Hooked : levin::Callback {
    void on_before_optimizer_step(levin::Trainer&, levin::LightningModule&, levin::optim::Optimizer&) override { ++calls; }
    int calls = 0;
  };
  const auto check = [](const Outcome& eager, const Outcome& graph, const std::string& reason) {
    INFO(reason);
    graph.same_as(eager);
    CHECK(graph.counts->recordings == 0);
    CHECK(graph.steps - eager.steps <= 1);  // one was tried
    INFO(graph.reason());
    CHECK(graph.reason().find(reason) != std::string::npos);
    CHECK(std::count_if(graph.said.begin(), graph.said.end(), [](const std::string& s) { return s.starts_with("cuda_graph"); }) == 1);
  };
  check(fit<WithHook>(false), fit<WithHook>("auto"), "`WithHook.on_after_backward` is overridden");
  check(fit<OwnStep>(false), fit<OwnStep>("auto"), "`OwnStep.optimizer_step` is overridden");
  check(fit<ByHand>(false), fit<ByHand>("auto"), "optimization is manual");
  check(fit<HostKernel>(false), fit<HostKernel>("auto"), "the optimizer NAdam computes on the host");
  check(fit<HostRandom>(false), fit<HostRandom>("auto"), "random numbers of the host are drawn within a step");
  check(fit<HostNumber>(false), fit<HostNumber>("auto"), "`idx` is logged with a value of the host");
  check(fit<Cycling>(false), fit<Cycling>("auto"), "the model or its optimizer's options change again and again");
  check(fit(false, {.accumulate_grad_batches = 2}), fit("auto", {.accumulate_grad_batches = 2}), "`accumulate_grad_batches` is 2");
  check(fit(false), fit("auto", {.profiler = std::make_shared<levin::SimpleProfiler>()}), "a profiler looks at each of a step's actions");
  const auto hooked = std::make_shared<Hooked>();
  check(fit(false), fit("auto", {.callbacks = {hooked}}), "`Hooked.on_before_optimizer_step` does something within a step");
  CHECK(hooked->calls == 16);
}

TEST_CASE("a recording that fails costs nothing but the sentence") {
  const Outcome eager = fit(false), graph = fit("auto", {}, tiny_data(8), {.failure = "operation not permitted when stream is capturing\nwith a second line"});
  graph.same_as(eager);
  CHECK(graph.reason() == "operation not permitted when stream is capturing.");
}

TEST_CASE("a recording that fails between the scaler's unscale_ and its update costs nothing either") {
  const auto run = [](levin::CudaGraphOption mode) {
    return fit(mode, {.plugins = {std::make_shared<levin::MixedPrecision>("16-mixed", "cpu")}}, tiny_data(8), {.forbidden = "aten::_fused_sgd_"});
  };
  const Outcome eager = run(false), graph = run("auto");
  graph.same_as(eager);
  CHECK(graph.reason() == "aten::_fused_sgd_ can't be recorded.");
}

TEST_CASE("an error of the module's own, while a step is recorded, is that error") {
  struct Failing : Mlp {
    void within_step(std::int64_t batch_idx) override {
      if (batch_idx == 3) throw levin::ValueError("boom");
    }
  };
  CHECK_THROWS_WITH(fit<Failing>("auto"), "boom");
}

TEST_CASE("cuda_graph=true insists") {
  struct WithHook : Mlp {
    void on_after_backward() override {}
  };
  CHECK(fit(true).counts->recordings == 1);
  CHECK_THROWS_WITH(fit<WithHook>(true), Catch::Matchers::Contains("training steps can't be recorded: `WithHook.on_after_backward` is overridden"));
  TinyModule module;
  levin::Trainer trainer(quiet({.accelerator = "cpu", .max_epochs = 1, .enable_checkpointing = false, .cuda_graph = true}));
  CHECK_THROWS_WITH(trainer.fit(module, {.train = tiny_data(2)}), Catch::Matchers::Contains("needs a CUDA device, and this run is on cpu"));
  CHECK_THROWS_WITH(levin::Trainer({.logger = false, .cuda_graph = "yes"}), "`cuda_graph` must be true, false or \"auto\", got 'yes'");
}

TEST_CASE("on the CPU \"auto\" runs steps as always and says nothing") {
  TinyModule module;
  const levin::CapturedMessages messages;
  levin::Trainer trainer(quiet({.accelerator = "cpu", .max_epochs = 1, .enable_checkpointing = false, .cuda_graph = "auto"}));
  trainer.fit(module, {.train = tiny_data(2)});
  for (const std::string& line : messages.infos()) CHECK_FALSE(line.starts_with("cuda_graph"));
}

TEST_CASE("an optimizer's state that is loaded between steps is the one that goes on, in a step that is recorded anew") {
  struct Loading : levin::Callback {
    void on_train_batch_start(levin::Trainer& trainer, levin::LightningModule&, const levin::Batch&, std::int64_t) override {
      levin::optim::Optimizer& optimizer = *trainer.optimizers().front();
      if (trainer.global_step() == 2) kept = optimizer.state_dict();
      if (trainer.global_step() == 9) optimizer.load_state_dict(kept);
    }
    levin::Value kept;
  };
  const auto run = [](levin::CudaGraphOption mode) { return fit(mode, {.callbacks = {std::make_shared<Loading>()}}); };
  const Outcome graph = run("auto");
  graph.same_as(run(false));
  CHECK(graph.counts->recordings == 2);
}

TEST_CASE("a part of the module that changes its mode is recorded anew") {
  struct Doubling : torch::nn::Module {
    at::Tensor forward(const at::Tensor& x) { return is_training() ? x * 2 : x; }
  };
  struct WithPart : Mlp {
    WithPart() { part = register_module("part", std::make_shared<Doubling>()); }
    levin::StepOutput training_step(const levin::Batch& batch, std::int64_t batch_idx) override {
      return Mlp::training_step(levin::Batch{part->forward(batch[0])}, batch_idx);
    }
    std::shared_ptr<Doubling> part;
  };
  struct Freezing : levin::Callback {
    void on_train_batch_start(levin::Trainer& trainer, levin::LightningModule& module, const levin::Batch&, std::int64_t) override {
      if (trainer.global_step() == 9) dynamic_cast<WithPart&>(module).part->eval();
    }
  };
  const auto run = [](levin::CudaGraphOption mode) { return fit<WithPart>(mode, {.callbacks = {std::make_shared<Freezing>()}}); };
  const Outcome graph = run("auto");
  graph.same_as(run(false));
  CHECK(graph.counts->recordings == 2);
}

TEST_CASE("a model that changes is recorded anew, but not for ever") {
  struct Freezing : levin::Callback {
    std::int64_t every;
    explicit Freezing(std::int64_t n) : every(n) {}
    void on_train_batch_start(levin::Trainer& trainer, levin::LightningModule& module, const levin::Batch&, std::int64_t) override {
      if (trainer.global_step() % every == every - 1) {
        auto& w = dynamic_cast<Mlp&>(module).first->bias;
        w.set_requires_grad(!w.requires_grad());
        if (!w.requires_grad()) w.mutable_grad().reset();
      }
    }
  };
  const auto run = [](levin::CudaGraphOption mode, std::int64_t every) {
    auto out = fit(mode, {.callbacks = {std::make_shared<Freezing>(every)}, .max_epochs = 5});
    return out;
  };
  const Outcome eager = run(false, 20), graph = run("auto", 20);
  CHECK(graph.seen->losses == eager.seen->losses);
  CHECK(graph.counts->recordings == 2);
  const Outcome often = run("auto", 7);
  CHECK(often.counts->recordings == 3);
  CHECK(often.reason().find("change again and again") != std::string::npos);
  CHECK(often.seen->losses == run(false, 7).seen->losses);
}

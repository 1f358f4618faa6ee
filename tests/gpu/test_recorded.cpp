// Steps recorded as CUDA graphs against steps that are run: the same bits.
#include "levin/framework/optim/adagrad.h"
#include "levin/framework/optim/sgd.h"
#include "levin/framework/precision/mixed_precision.h"
#include "training.h"

TEST_CASE("recorded steps give the bits of steps that are run") {
  for (const bool deterministic : {true, false}) {
    const levin::TrainerOptions options{.max_epochs = 3, .enable_checkpointing = false, .gradient_clip_val = 0.5, .deterministic = deterministic};
    levin::TrainerOptions recorded = options;
    recorded.cuda_graph = true;
    const Outcome eager = fit(options, {.train = digits(10), .val = digits(2)}), graph = fit(recorded, {.train = digits(10), .val = digits(2)});
    CHECK(eager.losses == graph.losses);
    CHECK(equal(eager.weights, graph.weights));
    CHECK(eager.steps == 30);
    CHECK(graph.steps == 4);
  }
}

TEST_CASE("recorded steps give the bits of steps that are run, in bf16-mixed and with other optimizers") {
  struct WithSgd : Net {
    levin::OptimizerConfig configure_optimizers() override { return levin::optim::sgd(parameters(), {.lr = 0.05, .momentum = 0.9, .nesterov = true}); }
  };
  struct WithAdagrad : Net {
    levin::OptimizerConfig configure_optimizers() override { return levin::optim::adagrad(parameters(), {.lr = 0.01, .lr_decay = 0.1}); }
  };
  const auto check = [](auto fit_one, levin::TrainerOptions options) {
    options.max_epochs = 2;
    options.enable_checkpointing = false;
    const Outcome eager = fit_one(options);
    options.cuda_graph = true;
    const Outcome graph = fit_one(options);
    CHECK(eager.losses == graph.losses);
    CHECK(equal(eager.weights, graph.weights));
    CHECK(graph.steps == 4);
  };
  const auto fit_net = [](const levin::TrainerOptions& options) { return fit(options, {.train = digits(8)}); };
  const auto fit_sgd = [](const levin::TrainerOptions& options) { return fit<WithSgd>(options, {.train = digits(8)}); };
  const auto fit_adagrad = [](const levin::TrainerOptions& options) { return fit<WithAdagrad>(options, {.train = digits(8)}); };
  check(fit_net, {.precision = "bf16-mixed"});
  check(fit_sgd, {});
  check(fit_adagrad, {});
}

TEST_CASE("16-mixed: recorded steps overflow, are left out and change the scale as steps that are run") {
  const auto run = [](bool recorded) {
    std::vector<double> scales;
    // It grows fast, so that every few steps overflow.
    const auto scaler = std::make_shared<levin::GradScaler>(levin::GradScalerOptions{.growth_factor = 64, .growth_interval = 3});
    levin::LambdaCallbackOptions seen;
    seen.on_train_batch_end = [&](levin::Trainer&, levin::LightningModule&, const levin::StepOutput&, const levin::Batch&, std::int64_t) {
      scales.push_back(scaler->get_scale());
    };
    Outcome out = fit({.callbacks = {std::make_shared<levin::LambdaCallback>(seen)}, .max_epochs = 4, .enable_checkpointing = false,
                       .gradient_clip_val = 0.5, .plugins = {std::make_shared<levin::MixedPrecision>("16-mixed", "cuda", scaler)}, .cuda_graph = recorded},
                      {.train = digits(10)});
    return std::pair(std::move(out), std::move(scales));
  };
  const auto [eager, eager_scales] = run(false);
  const auto [graph, graph_scales] = run(true);
  CHECK(graph.losses == eager.losses);
  CHECK(equal(graph.weights, eager.weights));
  CHECK(graph_scales == eager_scales);
  CHECK(graph.steps == 4);
  int overflows = 0;
  for (std::size_t i = 5; i < graph_scales.size(); ++i) overflows += graph_scales[i] < graph_scales[i - 1];
  CHECK(overflows > 0);
}

TEST_CASE("a step that waits for the device is run as always, and random numbers go on") {
  struct Waiting : Net {
    void within_step(const at::Tensor& loss) override { (void)loss.item<double>(); }
  };
  const levin::TrainerOptions options{.max_epochs = 2, .enable_checkpointing = false};
  levin::TrainerOptions recorded = options;
  recorded.cuda_graph = "auto";
  const Outcome eager = fit<Waiting>(options, {.train = digits(6)}), graph = fit<Waiting>(recorded, {.train = digits(6)});
  CHECK(eager.losses == graph.losses);
  CHECK(equal(eager.weights, graph.weights));
  CHECK(std::any_of(graph.said.begin(), graph.said.end(), [](const std::string& s) { return s.find("run as always") != s.npos; }));
  // What a failed recording leaves behind is nothing to the next one, nor to pinned memory.
  levin::TrainerOptions again = options;
  again.cuda_graph = true;
  const Outcome next_eager = fit(options, {.train = digits(6)}), next = fit(again, {.train = digits(6)});
  CHECK(next.losses == next_eager.losses);
  CHECK(at::rand({1000, 1000}).pin_memory().is_pinned());
}

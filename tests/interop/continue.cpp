// continue: runs the trainings that standard input describes, a line each:
//   OPTIMIZER SCHEDULER EPOCHS FROM TO SAVER
// FROM is a checkpoint or "-", TO where to save or "-". SAVER is "trainer" (after the run), "callback" (a
// ModelCheckpoint, at the epochs' ends; TO has the last) or "step" (every 4 steps). Prints a line of JSON for each.
// test_continue.py has the same model, data, optimizers and schedulers.
#include <torch/nn/functional/loss.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim/adam.h>

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <sstream>

#include "levin/framework/optim/torch_optimizer.h"
#include "levin/levin.h"

namespace {

constexpr std::int64_t rows = 12, batch_size = 4;

/// A tensor of numbers that are exact in both languages.
at::Tensor pattern(std::vector<std::int64_t> sizes, std::int64_t step, std::int64_t modulus) {
  at::Tensor out = at::empty(sizes);
  float* data = out.data_ptr<float>();
  for (std::int64_t i = 0; i < out.numel(); ++i)
    data[i] = static_cast<float>((step * i * i + 3 * i) % modulus - modulus / 2) / 8;
  return out;
}

using OptimizerPtr = std::shared_ptr<levin::optim::Optimizer>;

OptimizerPtr make_optimizer(const std::string& name, std::vector<at::Tensor> parameters) {
  using namespace levin::optim;
  if (name == "sgd") return sgd(parameters, {.lr = 0.1});
  if (name == "momentum") return sgd(parameters, {.lr = 0.05, .momentum = 0.9, .weight_decay = 0.01});
  if (name == "nesterov") return sgd(parameters, {.lr = 0.05, .momentum = 0.8, .nesterov = true});
  if (name == "adam") return adam(parameters, {.lr = 0.05});
  if (name == "amsgrad") return adam(parameters, {.lr = 0.05, .weight_decay = 0.01, .amsgrad = true});
  if (name == "adamw") return adamw(parameters, {.lr = 0.05, .betas = {0.8, 0.95}});
  if (name == "rmsprop") return rmsprop(parameters, {.lr = 0.02, .alpha = 0.9, .momentum = 0.5});
  if (name == "centered") return rmsprop(parameters, {.lr = 0.02, .eps = 0.05, .weight_decay = 0.01, .centered = true});
  if (name == "adagrad") return adagrad(parameters, {.lr = 0.1, .lr_decay = 0.05, .initial_accumulator_value = 0.1});
  if (name == "adadelta") return adadelta(parameters, {.rho = 0.8, .eps = 1e-3});
  if (name == "nadam") return nadam(parameters, {.lr = 0.02, .momentum_decay = 0.01});
  if (name == "radam") return radam(parameters, {.lr = 0.02, .betas = {0.8, 0.9}, .weight_decay = 0.01, .decoupled_weight_decay = true});
  if (name == "lion") return lion(parameters, {.lr = 0.01, .weight_decay = 0.1});
  if (name == "muon") {
    std::erase_if(parameters, [](const at::Tensor& parameter) { return parameter.dim() != 2; });
    return muon(parameters, {.lr = 0.02});
  }
  if (name == "groups") {
    return adamw({{.params = {parameters[0], parameters[1]}},
                  {.params = {parameters[2], parameters[3]}, .lr = 0.02, .options = {{"amsgrad", true}, {"eps", 1e-6}}}},
                 {.lr = 0.05});
  }
  if (name == "torch_adam") return adapt(std::make_shared<torch::optim::Adam>(parameters, torch::optim::AdamOptions(0.05)));
  throw levin::ValueError("no optimizer " + name);
}

levin::LRSchedulerOption make_scheduler(const std::string& name, const OptimizerPtr& o) {
  using namespace levin::optim;
  using Config = levin::LRSchedulerConfig;
  const bool cycles = o->momentum(0).value_or(0) > 0 || o->betas(0);
  if (name == "none") return {};
  if (name == "step") return Config{step_lr(o, {.step_size = 1, .gamma = 0.5})};
  if (name == "multistep") return Config{multi_step_lr(o, {.milestones = {1, 3, 3}, .gamma = 0.5})};
  if (name == "constant") return Config{constant_lr(o, {.factor = 0.5, .total_iters = 2})};
  if (name == "polynomial") return Config{polynomial_lr(o, {.total_iters = 5, .power = 2})};
  if (name == "restarts") {
    return Config{.scheduler = cosine_annealing_warm_restarts(o, {.T_0 = 2, .T_mult = 2, .eta_min = 1e-3}), .interval = "step"};
  }
  if (name == "cyclic") {
    const auto cycle = cyclic_lr(o, {.base_lr = 0.01, .max_lr = 0.1, .step_size_up = 2, .step_size_down = 3, .cycle_momentum = cycles});
    return Config{.scheduler = cycle, .interval = "step"};
  }
  if (name == "multiplicative") {
    return Config{multiplicative_lr(o, [](std::int64_t epoch) { return 1.0 - 0.25 / static_cast<double>(epoch); })};
  }
  if (name == "sequential") {
    return Config{.scheduler = sequential_lr(o, {.schedulers = {linear_lr(o, {.start_factor = 0.25, .total_iters = 3}),
                                                                exponential_lr(o, {.gamma = 0.8}), cosine_annealing_lr(o, {.T_max = 6})},
                                                 .milestones = {3, 7}}),
                  .interval = "step"};
  }
  if (name == "chained") {
    return Config{chained_scheduler({constant_lr(o, {.factor = 0.5, .total_iters = 2}), exponential_lr(o, {.gamma = 0.9})})};
  }
  if (name == "exponential") return Config{exponential_lr(o, {.gamma = 0.8})};
  if (name == "cosine") return Config{cosine_annealing_lr(o, {.T_max = 3, .eta_min = 1e-3})};
  if (name == "linear") return Config{linear_lr(o, {.start_factor = 0.25, .total_iters = 3})};
  if (name == "lambda") {
    return Config{lambda_lr(o, [](std::int64_t epoch) { return 1.0 / static_cast<double>(epoch + 1); })};
  }
  if (name == "onecycle") {
    const auto cycle = one_cycle_lr(o, {.max_lr = 0.1, .total_steps = 12, .cycle_momentum = cycles});
    return Config{.scheduler = cycle, .interval = "step"};
  }
  if (name == "plateau") {
    const auto plateau = reduce_lr_on_plateau(o, {.factor = 0.5, .patience = 0, .threshold = 0.5});
    return Config{.scheduler = plateau, .monitor = "train_loss"};
  }
  throw levin::ValueError("no scheduler " + name);
}

class Net : public levin::LightningModule {
 public:
  Net(std::string optimizer, std::string scheduler)
      : optimizer_name_(std::move(optimizer)), scheduler_name_(std::move(scheduler)),
        first_(register_module("first", torch::nn::Linear(3, 5))),
        second_(register_module("second", torch::nn::Linear(5, 1))) {
    const at::NoGradGuard no_grad;
    first_->weight.copy_(pattern({5, 3}, 5, 13));
    first_->bias.copy_(pattern({5}, 7, 11));
    second_->weight.copy_(pattern({1, 5}, 2, 7));
    second_->bias.copy_(pattern({1}, 1, 5));
  }
  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t) override {
    const auto loss = torch::nn::functional::mse_loss(second_(first_(batch[0]).tanh()), batch[1]);
    log("train_loss", loss, {.on_step = false, .on_epoch = true});
    losses.push_back(loss.item<double>());
    rates.push_back(optimizer_->lr());
    return loss;
  }
  levin::OptimizerConfig configure_optimizers() override {
    optimizer_ = make_optimizer(optimizer_name_, parameters());
    return levin::OptimizerWithScheduler{.optimizer = optimizer_,
                                         .lr_scheduler = make_scheduler(scheduler_name_, optimizer_)};
  }
  std::vector<double> losses, rates;

 private:
  std::string optimizer_name_, scheduler_name_;
  torch::nn::Linear first_, second_;
  std::shared_ptr<levin::optim::Optimizer> optimizer_;
};

void print(const std::vector<double>& numbers) {
  for (std::size_t i = 0; i < numbers.size(); ++i) std::printf("%s%.17g", i > 0 ? ", " : "", numbers[i]);
}

struct Run {
  std::string optimizer, scheduler;
  std::int64_t epochs = 0;
  std::string from, to, saver;
};

levin::Callbacks model_checkpoint(const Run& run) {
  const std::filesystem::path path = run.to;
  const auto every = run.saver == "step" ? std::optional<std::int64_t>(4) : std::nullopt;
  return {levin::make<levin::ModelCheckpoint>({.dirpath = path.parent_path().string(),
                                               .filename = path.stem().string(),
                                               .save_top_k = 1,
                                               .every_n_train_steps = every,
                                               .enable_version_counter = false})};
}

void train(const Run& run) {
  Net net(run.optimizer, run.scheduler);
  const levin::TensorDataset data({pattern({rows, 3}, 4, 17), pattern({rows, 1}, 6, 11)});
  const bool callback = run.to != "-" && run.saver != "trainer";
  levin::Trainer trainer({.logger = false,
                          .callbacks = callback ? model_checkpoint(run) : levin::Callbacks(),
                          .max_epochs = run.epochs,
                          .enable_checkpointing = callback,
                          .enable_progress_bar = false,
                          .enable_model_summary = false});
  const auto ckpt_path = run.from == "-" ? std::nullopt : std::optional<std::string>(run.from);
  trainer.fit(net, {.train = levin::DataLoader(data, {.batch_size = batch_size}), .ckpt_path = ckpt_path});
  if (run.to != "-" && !callback) trainer.save_checkpoint(run.to);
  std::printf("{\"epoch\": %lld, \"step\": %lld, \"losses\": [", static_cast<long long>(trainer.current_epoch()),
              static_cast<long long>(trainer.global_step()));
  print(net.losses);
  std::printf("], \"rates\": [");
  print(net.rates);
  std::printf("]}\n");
}

}  // namespace

int main() try {
  std::string line;
  while (std::getline(std::cin, line)) {
    Run run;
    std::istringstream words(line);
    if (!(words >> run.optimizer >> run.scheduler >> run.epochs >> run.from >> run.to >> run.saver))
      throw levin::ValueError("not a run: " + line);
    train(run);
  }
} catch (const std::exception& error) {
  std::cerr << error.what() << "\n";
  return 1;
}

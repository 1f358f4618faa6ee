// One run of a model, by levin or by a loop written by hand: what scripts/bench compares with Python's.
//   bench_run levin|loop tiny|digits|resnet18|gpt [folder=FOLDER] [epochs=N] [threads=N] [precision=P] [first_step_only=1] [logs=0] [saves=0] [batches=N]
// Prints one line of JSON: seconds of the run (`fit`, or the loop), of a step, and from LEVIN_BENCH_START (seconds of CLOCK_MONOTONIC,
// set by whoever starts this) to the end of the first step.
#include <ATen/Parallel.h>
#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/randperm.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "levin/callbacks/model_checkpoint.h"
#include "levin/framework/cli/cli.h"
#include "levin/framework/data/data_loader.h"
#include "levin/framework/data/tensor_dataset.h"
#include "levin/framework/optim/adam.h"
#include "levin/framework/trainer/trainer.h"
#include "levin/loggers/csv_logger.h"
#include "workload.h"

namespace {

using bench::Workload;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

struct Outcome {
  double seconds = 0, first_step = 0, val_loss = 0;
};

// ---- levin -----------------------------------------------------------------------------------------------------------------------

class Lit final : public levin::LightningModule {
 public:
  Lit(const Workload& workload, double& first_step) : workload_(workload), net_(register_module("net", workload.net)), first_step_(first_step) {}

  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t) override {
    const at::Tensor loss = net_->loss(batch[0], batch[1]);
    log("train_loss", loss);
    return loss;
  }
  levin::StepOutput validation_step(const levin::Batch& batch, std::int64_t) override {
    log("val_loss", net_->loss(batch[0], batch[1]));
    return {};
  }
  void on_train_batch_end(const levin::StepOutput&, const levin::Batch&, std::int64_t) override {
    if (first_step_ == 0) first_step_ = now();
  }
  levin::OptimizerConfig configure_optimizers() override {
    if (workload_.weight_decay > 0) return levin::optim::adamw(parameters(), {.lr = workload_.lr, .weight_decay = workload_.weight_decay});
    return levin::optim::adam(parameters(), {.lr = workload_.lr});
  }

 private:
  const Workload& workload_;
  std::shared_ptr<bench::Net> net_;
  double& first_step_;
};

Outcome by_levin(const Workload& workload, std::map<std::string, std::string>& options) {
  Outcome out;
  Lit module(workload, out.first_step);
  const std::string folder = options.count("folder") ? options["folder"] : "/dev/shm/levin-bench";
  levin::TrainerOptions trainer_options;
  if (options.count("precision")) trainer_options.precision = options["precision"];
  if (options["logs"] == "0") trainer_options.logger = false;
  else trainer_options.logger = levin::make<levin::CSVLogger>({.save_dir = folder});
  if (options["saves"] == "0") trainer_options.enable_checkpointing = false;
  else trainer_options.callbacks = {levin::make<levin::ModelCheckpoint>({.monitor = "val_loss", .save_last = true, .save_top_k = 3})};
  trainer_options.max_epochs = workload.epochs;
  if (options.count("first_step_only")) trainer_options.max_steps = 1;
  if (options.count("batches")) trainer_options.limit_train_batches = std::stoll(options["batches"]);
  trainer_options.num_sanity_val_steps = 0;
  trainer_options.log_every_n_steps = workload.log_every_n_steps;
  trainer_options.enable_progress_bar = false;
  trainer_options.enable_model_summary = false;
  trainer_options.default_root_dir = folder;
  const double begin = now();
  levin::Trainer trainer(trainer_options);
  const auto rows = [](const Workload::Rows& r) { return levin::TensorDataset({r.x, r.y}); };
  trainer.fit(module, {.train = levin::DataLoader(rows(workload.train), {.batch_size = workload.batch_size, .shuffle = true}),
                       .val = levin::DataLoader(rows(workload.val), {.batch_size = workload.batch_size})});
  out.seconds = now() - begin;
  if (trainer.callback_metrics().contains("val_loss")) out.val_loss = trainer.callback_metrics().at("val_loss");
  return out;
}

// ---- By hand: gather, step, validation; nothing is saved or logged -------------------------------------------------------------------

class FusedAdam {
 public:
  FusedAdam(std::vector<at::Tensor> parameters, const Workload& workload) : parameters_(std::move(parameters)), workload_(workload) {
    for (const at::Tensor& p : parameters_) {
      first_.push_back(at::zeros_like(p, p.options().requires_grad(false)));
      second_.push_back(at::zeros_like(p, p.options().requires_grad(false)));
      steps_.push_back(at::zeros({}));
    }
  }
  void zero_grad() {
    for (at::Tensor& p : parameters_) p.mutable_grad().reset();
  }
  void step() {
    const c10::AutoGradMode no_grad(false);
    gradients_.clear();
    for (const at::Tensor& p : parameters_) gradients_.push_back(p.grad());
    for (at::Tensor& step : steps_) *step.mutable_data_ptr<float>() += 1;
    const auto kernel = [&](auto update) {
      update(parameters_, gradients_, first_, second_, {}, steps_, workload_.lr, 0.9, 0.999, workload_.weight_decay, 1e-8, false, false,
             std::nullopt, std::nullopt);
    };
    using Update = void (*)(at::TensorList, at::TensorList, at::TensorList, at::TensorList, at::TensorList, at::TensorList, double, double,
                            double, double, double, bool, bool, const std::optional<at::Tensor>&, const std::optional<at::Tensor>&);
    kernel(workload_.weight_decay > 0 ? static_cast<Update>(at::_fused_adamw_) : static_cast<Update>(at::_fused_adam_));
  }

 private:
  std::vector<at::Tensor> parameters_, gradients_, first_, second_, steps_;
  const Workload& workload_;
};

double validate(const Workload& workload) {
  const c10::AutoGradMode no_grad(false);
  workload.net->eval();
  double sum = 0;
  const std::int64_t rows = workload.val.x.size(0);
  for (std::int64_t from = 0; from < rows; from += workload.batch_size) {
    const std::int64_t to = std::min(rows, from + workload.batch_size);
    sum += workload.net->loss(workload.val.x.slice(0, from, to), workload.val.y.slice(0, from, to)).item<double>() * static_cast<double>(to - from);
  }
  workload.net->train();
  return sum / static_cast<double>(rows);
}

Outcome by_hand(const Workload& workload, const std::map<std::string, std::string>& options) {
  Outcome out;
  const double begin = now();
  FusedAdam optimizer(workload.net->parameters(), workload);
  const std::int64_t rows = workload.train.x.size(0);
  const bool once = options.count("first_step_only") > 0;
  for (std::int64_t epoch = 0; epoch < workload.epochs; ++epoch) {
    const at::Tensor order = at::randperm(rows, at::kLong);
    for (std::int64_t from = 0; from < rows; from += workload.batch_size) {
      const at::Tensor indices = order.slice(0, from, std::min(rows, from + workload.batch_size));
      const at::Tensor loss = workload.net->loss(workload.train.x.index_select(0, indices), workload.train.y.index_select(0, indices));
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
      if (out.first_step == 0) out.first_step = now();
      if (once) return out.seconds = now() - begin, out;
    }
    out.val_loss = validate(workload);
  }
  out.seconds = now() - begin;
  return out;
}

std::map<std::string, std::string> read_options(int argc, char** argv) {
  std::map<std::string, std::string> options;
  for (int i = 3; i < argc; ++i) {
    const std::string option = argv[i];
    const auto equals = option.find('=');
    options[option.substr(0, equals)] = equals == option.npos ? "1" : option.substr(equals + 1);
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  return levin::run([&] {
    if (argc < 3) throw levin::ValueError("bench_run levin|loop MODEL [OPTION=VALUE...]");
    auto options = read_options(argc, argv);
    if (options.count("threads")) at::set_num_threads(std::stoi(options["threads"]));
    const Workload workload = bench::make_workload(argv[2], options.count("epochs") ? std::stoll(options["epochs"]) : 0);
    const Outcome out = std::string(argv[1]) == "levin" ? by_levin(workload, options) : by_hand(workload, options);
    const char* started = std::getenv("LEVIN_BENCH_START");
    std::printf("{\"seconds\": %.6f, \"us_per_step\": %.3f, \"to_first_step\": %.4f, \"val_loss\": %.6g}\n", out.seconds,
                out.seconds / static_cast<double>(workload.steps()) * 1e6, started ? out.first_step - std::atof(started) : 0.0, out.val_loss);
  });
}

// "A resume is the same run", from every file that a run saves: weights, optimizer, generators, learning rate, samples, logged values.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/cat.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim/adam.h>

#include <filesystem>
#include <functional>
#include <map>
#include <span>

#include "levin/callbacks/early_stopping.h"
#include "levin/callbacks/gradient_accumulation_scheduler.h"
#include "levin/callbacks/model_checkpoint.h"
#include "levin/framework/base/codec/archive.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/snapshot.h"
#include "levin/framework/data/combined_loader.h"
#include "levin/framework/data/seed.h"
#include "levin/framework/metrics/aggregation.h"
#include "levin/framework/metrics/auroc.h"
#include "levin/framework/metrics/mean_absolute_error.h"
#include "levin/framework/optim/lbfgs.h"
#include "levin/framework/optim/optimizers.h"
#include "levin/framework/optim/schedulers.h"
#include "levin/framework/optim/torch_optimizer.h"
#include "support/catch.h"
#include "support/tiny_module.h"

namespace {

using levin::OptimizerConfig;
using MakeOptimizers = std::function<OptimizerConfig(levin::LightningModule&)>;

// What a run did, in order.
struct History {
  std::vector<std::vector<float>> samples;
  std::vector<double> learning_rates, losses;
  std::vector<std::string> rows;
  std::size_t sizes() const { return samples.size(); }
};

class Network : public levin::LightningModule {
 public:
  explicit Network(MakeOptimizers make)
      : make_(std::move(make)), layer_(register_module("layer", torch::nn::Linear(2, 6))), drop_(register_module("drop", torch::nn::Dropout(0.3))),
        head_(register_module("head", torch::nn::Linear(6, 1))),
        error_(register_metric("error", std::make_shared<levin::metrics::MeanAbsoluteError>())),
        area_(register_metric("area", std::make_shared<levin::metrics::AUROC>(levin::metrics::AUROCOptions{.task = "binary"}))),
        largest_(register_metric("largest", std::make_shared<levin::metrics::MaxMetric>())),
        val_error_(register_metric("val_error", std::make_shared<levin::metrics::MeanAbsoluteError>())) {}

  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t) override {
    const bool combined = batch[0].is_list();
    const at::Tensor x = combined ? at::cat({batch[0].tensor(), batch[1].tensor()}) : batch[0].tensor();
    history.samples.emplace_back(x.const_data_ptr<float>(), x.const_data_ptr<float>() + x.numel());
    history.learning_rates.push_back(trainer().optimizers().front()->param_groups().front().options().get_lr());
    const at::Tensor y = head_(drop_(layer_(x).relu())), target = x.sum(1, true);
    const auto loss = (y - target).square().mean();
    error_->forward(y, target);
    log("train_error", error_, {.on_step = true, .on_epoch = true});
    area_->update(y, (target > 1).to(at::kLong));
    log("train_area", area_, {.on_step = false, .on_epoch = true});
    history.losses.push_back(loss.item<double>());
    log("train_loss", loss, {.on_step = true, .on_epoch = true});
    return loss;
  }
  void on_train_batch_end(const levin::StepOutput& output, const levin::Batch& batch, std::int64_t batch_idx) override {
    log("end_loss", output.loss(), {.on_step = false, .on_epoch = true});
    log("end_sum", batch[0].tensor().sum(), {.on_epoch = true});
    largest_->forward(output.loss());
    log("largest", largest_, {.on_epoch = true});
    ends.push_back(batch_idx);
  }
  levin::StepOutput validation_step(const levin::Batch& batch, std::int64_t) override {
    const at::Tensor y = head_(layer_(batch[0]).relu()), target = batch[0].tensor().sum(1, true);
    log("val_loss", (y - target).square().mean());
    val_error_->update(y, target);
    log("val_error", val_error_);
    return {};
  }
  OptimizerConfig configure_optimizers() override { return make_(*this); }

  History history;
  std::vector<std::int64_t> ends;

 private:
  MakeOptimizers make_;
  torch::nn::Linear layer_;
  torch::nn::Dropout drop_;
  torch::nn::Linear head_;
  std::shared_ptr<levin::metrics::MeanAbsoluteError> error_;
  std::shared_ptr<levin::metrics::AUROC> area_;
  std::shared_ptr<levin::metrics::MaxMetric> largest_;
  std::shared_ptr<levin::metrics::MeanAbsoluteError> val_error_;
};

// Rows as text, so that two runs can be compared to the bit.
class RowLogger final : public levin::Logger {
 public:
  explicit RowLogger(std::vector<std::string>& rows) : rows_(rows) {}
  std::string name() const override { return "rows"; }
  std::string version() const override { return "0"; }
  std::optional<std::string> save_dir() const override { return std::nullopt; }
  void log_metrics(std::span<const levin::Metric> metrics, std::int64_t step) override {
    std::string row = std::to_string(step);
    for (const auto& metric : metrics) {
      char text[64];
      std::snprintf(text, sizeof text, " %a", metric.value);
      row += " " + std::string(metric.name) + text;
    }
    rows_.push_back(row);
  }

 private:
  std::vector<std::string>& rows_;
};

// How far the run was at each save, by the number that is in the file.
class Marks final : public levin::Callback {
 public:
  explicit Marks(Network& module) : module_(module) {}
  void on_save_checkpoint(levin::Trainer&, levin::LightningModule&, levin::Value& checkpoint) override {
    at[checkpoint.at("levin").at("sequence").as_int()] = {module_.history.samples.size(), module_.history.rows.size(), module_.ends.size()};
  }
  struct Mark {
    std::size_t batches, rows, ends;
  };
  std::map<std::int64_t, Mark> at;

 private:
  Network& module_;
};

// A resumed run decides all its saves, but writes none: 500 runs are tried.
class NoFiles final : public levin::CheckpointIO {
  void save_checkpoint(const levin::Value&, const std::string&) override {}
  void remove_checkpoint(const std::string&) override {}
};

struct Case {
  std::string name;
  MakeOptimizers optimizers;
  std::int64_t workers = 0, accumulate = 1;
  std::optional<levin::ValCheckOption> val_check_interval = std::nullopt;
  bool scheduled_accumulation = false;
  const char* combined = nullptr;  ///< the mode in which a second, shorter loader comes in
};

struct Ran {
  History history;
  std::vector<std::int64_t> ends;
  std::map<std::int64_t, Marks::Mark> marks;
  levin::Value weights, optimizer;
  at::Tensor generator;
  std::int64_t epoch, step;
};

Ran train(const Case& c, const std::string& folder, std::optional<std::string> ckpt_path = {}) {
  levin::CapturedMessages messages;
  levin::seed_everything(ckpt_path ? 77 : 11);  // whatever the new process is seeded with
  Network module(c.optimizers);
  const auto marks = std::make_shared<Marks>(module);
  levin::Callbacks callbacks{
      marks,
      levin::make<levin::ModelCheckpoint>({.dirpath = folder, .filename = "step-{step}", .save_top_k = -1, .every_n_train_steps = 1}),
      levin::make<levin::ModelCheckpoint>({.dirpath = folder, .filename = "val-{epoch}-{step}", .monitor = "val_loss", .save_top_k = -1,
                                           .every_n_epochs = 1, .save_on_train_epoch_end = false}),
      levin::make<levin::ModelCheckpoint>({.dirpath = folder, .filename = "epoch-{epoch}-{step}", .monitor = "train_loss", .save_top_k = -1,
                                           .every_n_epochs = 1, .save_on_train_epoch_end = true})};
  if (c.scheduled_accumulation) callbacks.push_back(levin::make<levin::GradientAccumulationScheduler>({.scheduling = {{1, 2}, {2, 3}}}));
  levin::Trainer trainer(quiet({.logger = std::make_shared<RowLogger>(module.history.rows),
                                .callbacks = callbacks,
                                .max_epochs = 4,
                                .val_check_interval = c.val_check_interval,
                                .log_every_n_steps = 1,
                                .accumulate_grad_batches = c.accumulate,
                                .plugins = ckpt_path ? levin::Plugins{std::make_shared<NoFiles>()} : levin::Plugins{}}));
  at::Tensor x = at::empty({20, 2});
  for (int i = 0; i < 20; ++i) x[i][0] = 0.1 * i, x[i][1] = 0.05 * (i % 7);
  const levin::DataLoader loader(levin::TensorDataset({x}), {.batch_size = 2, .shuffle = true, .num_workers = c.workers,
                                                            .seed = ckpt_path ? std::optional<std::uint64_t>() : std::optional<std::uint64_t>(5)});
  const levin::DataLoader shorter(levin::TensorDataset({x.slice(0, 3, 10).contiguous()}), {.batch_size = 2, .shuffle = true, .seed = 6});
  levin::Loaders training = loader;
  if (c.combined) training = levin::CombinedLoader({std::make_shared<levin::DataLoader>(loader), std::make_shared<levin::DataLoader>(shorter)}, c.combined);
  trainer.fit(module, {.train = training, .val = tiny_data(3), .ckpt_path = ckpt_path});
  return {module.history, module.ends, marks->at, levin::snapshot(module.state_dict()), levin::snapshot(trainer.optimizers().front()->state_dict()),
          at::detail::getDefaultCPUGenerator().get_state(), trainer.current_epoch(), trainer.global_step()};
}

template <class T>
bool is_tail(const std::vector<T>& tail, const std::vector<T>& whole, std::size_t from) {
  return tail.size() + from == whole.size() && std::equal(tail.begin(), tail.end(), whole.begin() + static_cast<std::ptrdiff_t>(from));
}

void check_all_resumes(const Case& c) {
  INFO(c.name << ", workers " << c.workers << ", accumulate " << c.accumulate);
  const TemporaryFolder folder;
  const Ran whole = train(c, folder.path());
  REQUIRE(whole.history.samples.size() == (c.combined && c.combined == std::string_view("min_size") ? 16 : 40));
  int resumed_files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    const std::string path = entry.path();
    INFO("resumed from " << entry.path().filename());
    const auto mark = whole.marks.at(levin::read_archive(path).at("levin").at("sequence").as_int());
    const TemporaryFolder other;
    const Ran resumed = train(c, other.path(), path);
    ++resumed_files;
    CHECK(is_tail(resumed.history.samples, whole.history.samples, mark.batches));
    CHECK(is_tail(resumed.history.learning_rates, whole.history.learning_rates, mark.batches));
    CHECK(is_tail(resumed.history.losses, whole.history.losses, mark.batches));
    CHECK(is_tail(resumed.history.rows, whole.history.rows, mark.rows));
    CHECK(is_tail(resumed.ends, whole.ends, mark.ends));
    CHECK(resumed.weights == whole.weights);
    CHECK(resumed.optimizer == whole.optimizer);
    CHECK(at::equal(resumed.generator, whole.generator));
    CHECK(resumed.epoch == whole.epoch);
    CHECK(resumed.step == whole.step);
  }
  CHECK(resumed_files >= static_cast<int>(whole.history.samples.size()) / c.accumulate / 3 + 8);
}

template <class Scheduler, class Options>
MakeOptimizers with(Options options, const char* interval, std::optional<std::string> monitor = {}) {
  return [=](levin::LightningModule& module) -> OptimizerConfig {
    const auto optimizer = levin::optim::adamw(module.parameters(), {.lr = 1e-2});
    return levin::OptimizerWithScheduler{
        .optimizer = optimizer,
        .lr_scheduler = levin::LRSchedulerConfig{.scheduler = std::make_shared<Scheduler>(optimizer, options), .interval = interval, .monitor = monitor}};
  };
}

std::vector<at::Tensor> matrices(levin::LightningModule& module) {
  std::vector<at::Tensor> out;
  for (const at::Tensor& parameter : module.parameters())
    if (parameter.dim() == 2) out.push_back(parameter);
  return out;
}

// Schedulers of one optimizer, made from it.
MakeOptimizers made_by(std::function<std::shared_ptr<levin::optim::LRScheduler>(std::shared_ptr<levin::optim::Optimizer>)> make) {
  return [=](levin::LightningModule& module) -> OptimizerConfig {
    const auto optimizer = levin::optim::sgd(module.parameters(), {.lr = 1e-2, .momentum = 0.5});
    return levin::OptimizerWithScheduler{.optimizer = optimizer,
                                         .lr_scheduler = levin::LRSchedulerConfig{.scheduler = make(optimizer), .interval = "step"}};
  };
}

const MakeOptimizers cosine = with<levin::optim::CosineAnnealingLR>(levin::optim::CosineAnnealingLROptions{.T_max = 40}, "step");

}  // namespace

TEST_CASE("a resume from any step is the same run to the bit: workers and accumulation") {
  for (const std::int64_t workers : {0, 1, 4})
    for (const std::int64_t accumulate : {1, 3})
      check_all_resumes({"AdamW, cosine per step, validation every 5 batches", cosine, workers, accumulate, std::int64_t{5}});
}

TEST_CASE("a resume from any step is the same run to the bit: every optimizer") {
  using namespace levin::optim;
  const std::pair<const char*, MakeOptimizers> optimizers[] = {
      {"SGD", [](auto& m) { return sgd(m.parameters(), {.lr = 0.05}); }},
      {"SGD with momentum", [](auto& m) { return sgd(m.parameters(), {.lr = 0.05, .momentum = 0.9, .weight_decay = 0.01}); }},
      {"SGD nesterov", [](auto& m) { return sgd(m.parameters(), {.lr = 0.05, .momentum = 0.9, .nesterov = true}); }},
      {"Adam", [](auto& m) { return adam(m.parameters(), {.lr = 0.01}); }},
      {"Adam amsgrad", [](auto& m) { return adam(m.parameters(), {.lr = 0.01, .amsgrad = true}); }},
      {"AdamW", [](auto& m) { return adamw(m.parameters(), {.lr = 0.01}); }},
      {"RMSprop", [](auto& m) { return rmsprop(m.parameters(), {.lr = 0.01, .momentum = 0.5, .centered = true}); }},
      {"Adagrad", [](auto& m) { return adagrad(m.parameters(), {.lr = 0.05, .lr_decay = 0.1, .initial_accumulator_value = 0.1}); }},
      {"Adadelta", [](auto& m) { return adadelta(m.parameters()); }},
      {"NAdam", [](auto& m) { return nadam(m.parameters(), {.lr = 0.01}); }},
      {"RAdam", [](auto& m) { return radam(m.parameters(), {.lr = 0.01, .betas = {0.9, 0.8}}); }},
      {"RAdam by foreach", [](auto& m) { return radam(m.parameters(), {.lr = 0.01, .betas = {0.9, 0.8}, .foreach = true}); }},
      {"Lion", [](auto& m) { return lion(m.parameters(), {.lr = 0.01, .weight_decay = 0.1}); }},
      {"Muon", [](auto& m) { return muon(matrices(m), {.lr = 0.02}); }},
      {"torch's Adam", [](auto& m) { return adapt(std::make_shared<torch::optim::Adam>(m.parameters(), torch::optim::AdamOptions(0.01))); }},
  };
  for (const auto& [name, make] : optimizers) check_all_resumes({name, make, 0, 2});
}

TEST_CASE("a resume from any step is the same run to the bit: every scheduler") {
  using namespace levin::optim;
  const std::pair<const char*, MakeOptimizers> schedulers[] = {
      {"StepLR", with<StepLR>(StepLROptions{.step_size = 3, .gamma = 0.5}, "step")},
      {"MultiStepLR", with<MultiStepLR>(MultiStepLROptions{.milestones = {1, 3}, .gamma = 0.5}, "epoch")},
      {"ConstantLR", with<ConstantLR>(ConstantLROptions{.total_iters = 15}, "step")},
      {"LinearLR", with<LinearLR>(LinearLROptions{.total_iters = 25}, "step")},
      {"ExponentialLR", with<ExponentialLR>(ExponentialLROptions{.gamma = 0.9}, "epoch")},
      {"PolynomialLR", with<PolynomialLR>(PolynomialLROptions{.total_iters = 30, .power = 2}, "step")},
      {"CosineAnnealingWarmRestarts", with<CosineAnnealingWarmRestarts>(CosineAnnealingWarmRestartsOptions{.T_0 = 5, .T_mult = 2}, "step")},
      {"OneCycleLR", with<OneCycleLR>(OneCycleLROptions{.max_lr = 0.05, .total_steps = 41}, "step")},
      {"CyclicLR", with<CyclicLR>(CyclicLROptions{.base_lr = 0.001, .max_lr = 0.05, .step_size_up = 7, .mode = "triangular2"}, "step")},
      {"LambdaLR", made_by([](auto o) { return lambda_lr(o, [](std::int64_t step) { return 1.0 / static_cast<double>(step + 1); }); })},
      {"MultiplicativeLR", made_by([](auto o) { return multiplicative_lr(o, [](std::int64_t step) { return step % 3 == 0 ? 0.9 : 1.01; }); })},
      {"SequentialLR", made_by([](auto o) {
         return sequential_lr(o, {.schedulers = {linear_lr(o), cyclic_lr(o, {.base_lr = 0.001, .max_lr = 0.05, .step_size_up = 4}),
                                                 cosine_annealing_lr(o, {.T_max = 20})},
                                  .milestones = {7, 20}});
       })},
      {"ChainedScheduler", made_by([](auto o) { return chained_scheduler({constant_lr(o, {.total_iters = 9}), exponential_lr(o, {.gamma = 0.95})}); })},
  };
  for (const auto& [name, make] : schedulers) check_all_resumes({name, make, 0, 1});
  check_all_resumes({"ReduceLROnPlateau per epoch", with<ReduceLROnPlateau>(ReduceLROnPlateauOptions{.factor = 0.5, .patience = 0}, "epoch", "val_loss"), 0, 1});
  check_all_resumes({"ReduceLROnPlateau on the training loss", with<ReduceLROnPlateau>(ReduceLROnPlateauOptions{.factor = 0.5, .patience = 1}, "step", "train_loss"), 0, 1});
}

TEST_CASE("a resume from any step is the same run to the bit: accumulation that changes between epochs") {
  check_all_resumes({"GradientAccumulationScheduler", cosine, 0, 1, std::nullopt, /*scheduled_accumulation=*/true});
}

TEST_CASE("a resume from any step is the same run to the bit: several training loaders") {
  for (const char* mode : {"min_size", "max_size_cycle"})
    check_all_resumes({.name = mode, .optimizers = cosine, .accumulate = 3, .val_check_interval = std::int64_t{2}, .combined = mode});
}

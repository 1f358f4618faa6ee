// One rank of a run, or all of them: what the tests of several processes start. `ddp_program CASE key=value...`

#include <cstdio>
#include <filesystem>
#include <random>

#include "levin/callbacks/early_stopping.h"
#include "levin/callbacks/learning_rate_monitor.h"
#include "levin/callbacks/model_checkpoint.h"
#include "levin/framework/base/console.h"
#include "levin/framework/cli/cli.h"
#include "levin/framework/data/distributed_sampler.h"
#include "levin/framework/data/seed.h"
#include "levin/framework/precision/mixed_precision.h"
#include "levin/framework/strategies/ddp_strategy.h"
#include "levin/framework/trainer/trainer.h"
#include "rank_module.h"

namespace {

levin::StrategyOption strategy_of(const Arguments& a) {
  levin::DDPStrategyOptions options;
  bool given = false;
  const auto flag = [&](const char* key, bool& member) {
    if (a.has(key)) member = given = true;
  };
  flag("find_unused_parameters", options.find_unused_parameters);
  flag("static_graph", options.static_graph);
  flag("gradient_as_bucket_view", options.gradient_as_bucket_view);
  if (a.has("hook")) options.ddp_comm_hook = a.text("hook"), given = true;
  if (a.has("small_buckets")) options.bucket_cap_mb = 0.0001, given = true;
  if (a.has("timeout")) options.timeout = std::chrono::seconds(a.number("timeout")), given = true;
  if (a.has("environment")) options.cluster_environment = a.text("environment"), given = true;
  if (given) return std::make_shared<levin::DDPStrategy>(options);
  return a.text("strategy", a.number("devices", 1) > 1 ? "ddp" : "auto");
}

levin::DataLoader loader_of(const Arguments& a, bool shuffle) {
  const auto [x, y] = rank_data();
  return levin::DataLoader(levin::TensorDataset({x, y}), {.batch_size = a.number("batch", 8), .shuffle = shuffle, .seed = 7});
}

levin::TrainerOptions options_of(const Arguments& a, levin::Callbacks callbacks) {
  levin::TrainerOptions o;
  o.strategy = strategy_of(a);
  if (a.has("devices")) o.devices = a.number("devices");
  o.num_nodes = a.number("num_nodes", 1);
  o.logger = a.has("logger");
  o.callbacks = std::move(callbacks);
  o.max_epochs = a.number("epochs", 2);
  o.max_steps = a.number("max_steps", -1);
  o.num_sanity_val_steps = 0;
  o.enable_progress_bar = o.enable_model_summary = false;
  o.enable_checkpointing = !o.callbacks.empty();
  o.accumulate_grad_batches = a.number("accumulate", 1);
  o.sync_batchnorm = a.has("sync_batchnorm");
  o.default_root_dir = a.text("folder", ".");
  if (a.has("clip")) o.gradient_clip_val = 0.5;
  if (a.text("precision") == "16-mixed") o.plugins = {std::make_shared<levin::MixedPrecision>("16-mixed", "cpu")};
  else if (a.has("precision")) o.precision = a.text("precision");
  return o;
}

std::ofstream report(const Arguments& a, const char* what, int rank) {
  std::filesystem::create_directories(a.text("folder", "."));
  return std::ofstream(a.text("folder", ".") + "/" + what + "." + std::to_string(rank));
}

void note_pid(const Arguments& a, int rank) {
  if (!a.has("pids")) return;
  report(a, "pid_", rank) << ::getpid() << "\n";
  const std::string base = a.text("folder", ".") + "/pid";
  std::filesystem::rename(base + "_." + std::to_string(rank), base + "." + std::to_string(rank));
}

void write_weights(const Arguments& a, RankModule& module, levin::Trainer& trainer) {
  auto out = report(a, "weights", trainer.global_rank());
  out.precision(9);
  for (const auto& item : module.named_parameters()) {
    const at::Tensor flat = item.value().detach().reshape(-1);
    for (std::int64_t i = 0; i < flat.numel(); ++i) out << flat[i].item<float>() << "\n";
  }
  for (const auto& item : module.named_buffers()) {
    const at::Tensor flat = item.value().reshape(-1).to(at::kDouble);
    for (std::int64_t i = 0; i < flat.numel(); ++i) out << flat[i].item<double>() << "\n";
  }
  auto losses = report(a, "losses", trainer.global_rank());
  losses.precision(9);
  for (const double loss : module.losses) losses << loss << "\n";
  auto logged = report(a, "logged", trainer.global_rank());
  logged.precision(9);
  for (const auto& [name, value] : trainer.callback_metrics()) logged << name << " " << value.item() << "\n";
}

levin::Callbacks checkpoint_of(const Arguments& a) {
  if (!a.has("save")) return {};
  levin::ModelCheckpointOptions o;
  o.dirpath = a.text("folder", ".") + "/checkpoints";
  o.save_last = true;
  if (a.has("every")) o.every_n_train_steps = a.number("every");
  return {levin::make<levin::ModelCheckpoint>(o)};
}

// Trains, and leaves weights, losses and the step where it stopped in the folder.
void train(const Arguments& a) {
  levin::Trainer trainer(options_of(a, checkpoint_of(a)));
  note_pid(a, trainer.global_rank());
  RankModule module(a);
  levin::FitArguments data;
  data.train = loader_of(a, !a.has("sequential"));
  if (a.has("sequential")) {
    // Shared out by hand, in the order of the data.
    const auto sampler = std::make_shared<levin::DistributedSampler>(
        64, levin::DistributedSamplerOptions{.num_replicas = trainer.world_size(), .rank = trainer.global_rank(), .shuffle = false});
    data.train = levin::Loaders(data.train[0]->with_sampler(sampler));
  }
  if (a.has("validate")) data.val = loader_of(a, false);
  if (a.has("resume")) data.ckpt_path = a.text("resume");
  try {
    trainer.fit(module, data);
  } catch (const levin::SIGTERMException&) {
    report(a, "stopped", trainer.global_rank()) << trainer.global_step() << "\n";
    throw;
  }
  write_weights(a, module, trainer);
}

// Every rank logs numbers of its own and must come to the decisions of rank 0.
class RandomMetrics final : public RankModule {
 public:
  RandomMetrics(const Arguments& a, int rank) : RankModule(a), random_(static_cast<unsigned>(a.number("seed") * 100 + rank)) {}
  levin::StepOutput validation_step(const levin::Batch&, std::int64_t) override {
    log("own", std::uniform_real_distribution<double>(0, 1)(random_));
    return {};
  }

 private:
  std::mt19937 random_;
};

void metrics(const Arguments& a) {
  levin::ModelCheckpointOptions o;
  o.dirpath = a.text("folder") + "/checkpoints";
  o.monitor = "own";
  o.save_top_k = 1 + a.number("seed") % 3;
  o.mode = a.number("seed") % 2 ? "max" : "min";
  if (a.number("seed") % 5 > 2) o.save_last = true;
  o.filename = "{epoch}-{own:.3f}";
  const auto checkpoint = levin::make<levin::ModelCheckpoint>(o);
  levin::Trainer trainer(options_of(a, {checkpoint}));
  RandomMetrics module(a, trainer.global_rank());
  trainer.fit(module, {.train = loader_of(a, true), .val = loader_of(a, false)});
  auto out = report(a, "decisions", trainer.global_rank());
  out << checkpoint->best_model_path() << "\n" << checkpoint->last_model_path() << "\n";
  for (const auto& [path, score] : checkpoint->best_k_models()) {
    out << path << " " << score << "\n";
    if (!std::filesystem::exists(path)) throw levin::RuntimeError(path + " is not there");
  }
}

// What ranks do together, each answer told.
void collectives(const Arguments& a) {
  levin::Trainer trainer(options_of(a, {}));
  struct Asks final : RankModule {
    using RankModule::RankModule;
    void on_train_start() override {
      levin::Strategy& s = trainer().strategy();
      const int rank = s.global_rank();
      lines += "broadcast " + s.broadcast("from " + std::to_string(rank), s.world_size() - 1) + "\n";
      lines += "any " + std::to_string(s.reduce_boolean_decision(rank == 0, false)) + " all " + std::to_string(s.reduce_boolean_decision(rank == 0)) + "\n";
      const at::Tensor own = at::full({2}, rank + 1.0);
      for (const char* op : {"mean", "sum", "min", "max"}) lines += std::string(op) + " " + std::to_string(s.reduce(own, op)[1].item<double>()) + "\n";
      const at::Tensor all = all_gather(own.clone().requires_grad_(), false);
      lines += "all_gather " + std::to_string(all.size(0)) + " " + std::to_string(all.sum().item<double>()) + "\n";
      at::Tensor leaf = own.clone().requires_grad_();
      all_gather(leaf, true).sum().backward();
      lines += "sync_grads " + std::to_string(leaf.grad()[0].item<double>()) + "\n";
      try {
        s.on_rank_zero([]() -> levin::Value { throw levin::OSError("the disk is full"); });
      } catch (const levin::OSError& error) {
        lines += std::string("error ") + error.what() + "\n";
      }
      levin::Value long_value = levin::Value::list();
      for (int i = 0; i < 1000; ++i) long_value.push_back(i);
      lines += "long " + std::to_string(s.broadcast(rank == 0 ? long_value : levin::Value(), 0).size()) + "\n";
    }
    std::string lines;
  } module(a);
  trainer.fit(module, {.train = loader_of(a, true)});
  report(a, "answers", trainer.global_rank()) << module.lines;
}

// How many rows callbacks log on each rank, while they say what they find.
void callbacks(const Arguments& a) {
  struct Counts final : levin::Logger {
    std::string name() const override { return "counts"; }
    std::string version() const override { return "0"; }
    void log_metrics(std::span<const levin::Metric>, std::int64_t) override { ++rows; }
    int rows = 0;
  };
  const auto logger = std::make_shared<Counts>();
  levin::TrainerOptions options = options_of(a, {levin::make<levin::LearningRateMonitor>(),
      levin::make<levin::EarlyStopping>({.monitor = "val_loss", .verbose = true, .log_rank_zero_only = a.has("zero_only")})});
  options.logger = logger;
  options.enable_checkpointing = false;
  levin::Trainer trainer(options);
  RankModule module(a);
  trainer.fit(module, {.train = loader_of(a, true), .val = loader_of(a, false)});
  report(a, "rows", trainer.global_rank()) << logger->rows << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  const Arguments arguments(argc - 2, argv + 2);
  return levin::run([&] {
    levin::seed_everything(arguments.number("seed", 5));
    if (what == "train") return train(arguments);
    if (what == "metrics") return metrics(arguments);
    if (what == "collectives") return collectives(arguments);
    if (what == "callbacks") return callbacks(arguments);
    throw levin::ValueError("ddp_program: no case '" + what + "'");
  });
}

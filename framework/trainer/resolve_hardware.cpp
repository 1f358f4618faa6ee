// Where and how a run computes: accelerator, strategy, devices, precision, plugins. Checked in Lightning's order and words.
#include <ATen/Context.h>

#include <cctype>
#include <cstdlib>

#include "levin/framework/base/console.h"
#include "levin/framework/base/distributed/rank_zero.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/python_format.h"
#include "levin/framework/strategies/ddp_strategy.h"
#include "levin/framework/trainer/trainer_impl.h"

namespace levin {
namespace {

std::string text(std::int64_t n) { return std::to_string(n); }

std::string lower(std::string name) {
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

// Null: "auto" or "single_device".
std::shared_ptr<Strategy> given_strategy(const StrategyOption& option) {
  if (const auto* name = std::get_if<std::string>(&option)) return strategy_named(*name);
  const auto& strategy = std::get<std::shared_ptr<Strategy>>(option);
  if (!strategy) throw ValueError("`Trainer(strategy=...)` is null. It must be either a string or an instance of `Strategy`.");
  return strategy;
}

bool is_auto(const StrategyOption& option) {
  const auto* name = std::get_if<std::string>(&option);
  return name && lower(*name) == "auto";
}

// Where this process stands, for a run of several.
void connect_strategy(const TrainerOptions& o, const std::vector<at::Device>& devices, Run& run) {
  const auto count = static_cast<std::int64_t>(devices.size());
  // On the CPU "auto" is whatever a launcher has started.
  const bool counted = o.devices != Devices("auto") || !devices.front().is_cpu();
  ClusterRequest request{.devices = counted ? std::optional(count) : std::nullopt, .num_nodes = o.num_nodes};
  if (!run.strategy && is_auto(o.strategy)) {
    const bool several = count > 1 || o.num_nodes > 1 || (!counted && detect_cluster_environment(request).world_size > 1);
    if (several) run.strategy = strategy_named("ddp");
  }
  if (!run.strategy && (count > 1 || o.num_nodes > 1)) {
    throw ValueError("`Trainer(strategy='single_device', devices=" + text(count) + ", num_nodes=" + text(o.num_nodes) +
                     ")`: one process on one device it is, or `strategy='ddp'`");
  }
  if (!run.strategy) run.strategy = std::make_shared<Strategy>();
  // A strategy that was made for a device of its own keeps it.
  if (!devices.front().is_cpu() && run.strategy->parallel_devices() == std::vector<at::Device>{at::kCPU})
    run.strategy->set_parallel_devices(devices);
  if (!run.strategy->is_distributed()) return;
  if (const auto* ddp = dynamic_cast<const DDPStrategy*>(run.strategy.get())) request.name = ddp->options().cluster_environment;
  run.strategy->connect(detect_cluster_environment(request));
  set_console_rank(run.strategy->global_rank(), run.strategy->world_size());
}

void check_plugins(const TrainerOptions& o, Run& run, std::shared_ptr<CheckpointIO>& checkpoint_io) {
  int precision_plugins = 0, io_plugins = 0;
  for (const auto& plugin : o.plugins) {
    const bool null = std::visit([](const auto& p) { return p == nullptr; }, plugin);
    if (null)
      throw MisconfigurationException("Found invalid type for plugin None. Expected one of: Precision, CheckpointIO, ClusterEnvironment, or LayerSync.");
    if (const auto* precision = std::get_if<std::shared_ptr<Precision>>(&plugin)) run.precision = *precision, ++precision_plugins;
    else checkpoint_io = std::get<std::shared_ptr<CheckpointIO>>(plugin), ++io_plugins;
  }
  std::string several;
  if (precision_plugins > 1) several = "Precision";
  if (io_plugins > 1) several += several.empty() ? "CheckpointIO" : ", CheckpointIO";
  if (!several.empty())
    throw MisconfigurationException("Received multiple values for " + several + " flags in `plugins`. Expected one value for each type at most.");
}

void set_torch_flags(const TrainerOptions& o) {
  const auto* flag = std::get_if<bool>(&o.deterministic);
  const auto* warn = std::get_if<std::string>(&o.deterministic);
  if (warn && *warn != "warn") throw ValueError("`deterministic` must be true, false or \"warn\", got " + python_repr(std::string_view(*warn)));
  const bool deterministic = warn || (flag && *flag);
  if (deterministic && o.benchmark.value_or(false)) {
    rank_zero_warn("You passed `deterministic=True` and `benchmark=True`. Note that PyTorch ignores torch.backends.cudnn.deterministic=True "
                   "when torch.backends.cudnn.benchmark=True.");
  }
  at::Context& context = at::globalContext();
  if (o.benchmark) context.setBenchmarkCuDNN(*o.benchmark);
  else if (deterministic) context.setBenchmarkCuDNN(false);
  if (flag || warn) context.setDeterministicAlgorithms(deterministic, /*warn_only=*/warn != nullptr);
  // cuBLAS repeats itself only with a fixed workspace.
  if (deterministic) ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 1);
}

}  // namespace

void resolve_hardware(const TrainerOptions& o, Run& run) {
  set_torch_flags(o);
  run.strategy = given_strategy(o.strategy);
  check_accelerator_name(o.accelerator);
  if (o.precision) checked_precision(*o.precision);
  std::shared_ptr<CheckpointIO> checkpoint_io;
  check_plugins(o, run, checkpoint_io);
  check_precision(o, run);
  run.accelerator = choose_accelerator(o.accelerator);
  if (o.num_nodes < 1) throw ValueError("`num_nodes` must be a positive integer, but got " + text(o.num_nodes) + ".");
  const std::vector<at::Device> devices = choose_devices(o, run);
  connect_strategy(o, devices, run);
  if (checkpoint_io) run.strategy->set_checkpoint_io(std::move(checkpoint_io));
  if (!run.precision) run.precision = make_precision(o, run.strategy->root_device());
}

}  // namespace levin

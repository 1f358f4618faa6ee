// Where and how a run computes: accelerator, strategy, devices, precision, plugins. Checked in Lightning's order and words.
#include <ATen/Context.h>

#include <algorithm>
#include <array>
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

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

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
void connect_strategy(const TrainerOptions& o, std::int64_t count, Run& run) {
  const bool counted = !std::holds_alternative<std::string>(o.devices) || std::get<std::string>(o.devices) != "auto";
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

void check_accelerator_available(const std::string& accelerator) {
  if (accelerator == "auto" || accelerator == "cpu") return;
  if (accelerator == "gpu") throw MisconfigurationException("No supported gpu backend found!");
  const char* name = accelerator == "cuda" ? "CUDAAccelerator" : accelerator == "mps" ? "MPSAccelerator" : "XLAAccelerator";
  throw MisconfigurationException(std::string("`") + name +
                                  "` can not run on your system since the accelerator is not available. The following accelerator(s) is "
                                  "available and can be passed into `accelerator` argument of `Trainer`: ['cpu'].");
}

// Python's repr of the option.
std::string repr(const Devices& devices) {
  if (const auto* n = std::get_if<std::int64_t>(&devices)) return text(*n);
  if (const auto* name = std::get_if<std::string>(&devices)) return python_repr(std::string_view(*name));
  return "[]";
}

std::int64_t parse_devices(const Devices& devices) {
  const auto cpu_count = [] { return TypeError("`devices` selected with `CPUAccelerator` should be an int > 0."); };
  if (const auto* n = std::get_if<std::int64_t>(&devices)) {
    if (*n < 0) throw cpu_count();
    return *n;
  }
  const auto* name = std::get_if<std::string>(&devices);
  if (!name) throw cpu_count();
  if (*name == "auto") return 1;
  const bool digits = !name->empty() && name->size() < 6 && name->find_first_not_of("0123456789") == name->npos;
  if (!digits || std::stoll(*name) == 0) throw cpu_count();
  return std::stoll(*name);
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
  constexpr std::array<std::string_view, 6> accelerators{"auto", "gpu", "cpu", "cuda", "mps", "tpu"};
  if (!contains(accelerators, o.accelerator)) {
    throw ValueError("You selected an invalid accelerator name: `accelerator=" + python_repr(std::string_view(o.accelerator)) +
                     "`. Available names are: auto, cpu.");
  }
  if (o.precision) checked_precision(*o.precision);
  std::shared_ptr<CheckpointIO> checkpoint_io;
  check_plugins(o, run, checkpoint_io);
  check_precision(o, run);
  if (o.num_nodes < 1) throw ValueError("`num_nodes` must be a positive integer, but got " + text(o.num_nodes) + ".");
  const auto* list = std::get_if<std::vector<std::int64_t>>(&o.devices);
  if (o.devices == Devices(0) || o.devices == Devices("0") || (list && list->empty())) {
    throw MisconfigurationException("`Trainer(devices=" + repr(o.devices) + ")` value is not a valid input using " +
                                    (o.accelerator == "auto" ? "cpu" : o.accelerator) + " accelerator.");
  }
  check_accelerator_available(o.accelerator);
  const std::int64_t count = parse_devices(o.devices);
  connect_strategy(o, count, run);
  if (checkpoint_io) run.strategy->set_checkpoint_io(std::move(checkpoint_io));
  if (!run.precision) run.precision = make_precision(o, run.strategy->root_device());
}

}  // namespace levin

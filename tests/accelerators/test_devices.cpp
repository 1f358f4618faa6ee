// Which devices a Trainer takes on machines with 0, 1 and 4 GPUs, against Lightning (tests/conformance/record.py devices).
#include "levin/framework/accelerators/cuda_flops.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/json.h"
#include "levin/framework/cli/class_fields.h"
#include "levin/framework/strategies/ddp_strategy.h"
#include "levin/framework/trainer/trainer.h"
#include "support/accelerators.h"
#include "support/catch.h"

namespace {

/// As the recorded rows have it: an error with its message, or what was taken.
levin::Value taken(const levin::Value& given) {
  const levin::CapturedMessages messages;
  levin::Value out = levin::Value::dict();
  try {
    levin::TrainerOptions options{.logger = false, .enable_checkpointing = false};
    levin::read_fields(given, options, "");
    const levin::Trainer trainer(std::move(options));
    levin::Value devices = levin::Value::list();
    const auto& strategy = trainer.strategy();
    if (strategy.root_device().is_cpu()) {
      for (const auto id : trainer.device_ids()) (void)id, devices.push_back("cpu");
    } else {
      for (const auto device : strategy.parallel_devices()) devices.push_back(device.str());
    }
    out["devices"] = devices;
    out["root_device"] = strategy.root_device().str();
    out["accelerator"] = trainer.accelerator();
    out["strategy"] = dynamic_cast<const levin::DDPStrategy*>(&strategy) ? "DDPStrategy" : "SingleDeviceStrategy";
  } catch (const levin::Error& error) {
    out["error"] = error.name();
    out["message"] = error.what();
  }
  levin::set_console_rank(0);
  return out;
}

}  // namespace

TEST_CASE("accelerator and devices in all their forms take what Lightning takes, and say what it says") {
  const levin::Value rows = levin::read_json_file(LEVIN_SOURCE_DIR "/tests/conformance/golden/devices.json");
  REQUIRE(rows.size() > 400);
  for (const levin::Value& row : rows.items()) {
    INFO(row.at("gpus").repr() << " GPUs, " << row.at("options").repr());
    const WithAccelerator gpus("cuda", std::make_shared<CountedGpus>(row.at("gpus").as_int()));
    const levin::Value got = taken(row.at("options"));
    INFO(got.repr());
    if (const levin::Value* message = row.find("message")) {
      REQUIRE(got.contains("error"));
      CHECK(got.at("error").as_string() == row.at("error").as_string());
      // Ours may add why there is none.
      CHECK(got.at("message").as_string().starts_with(message->as_string()));
      continue;
    }
    for (const char* key : {"devices", "root_device", "accelerator", "strategy"}) CHECK(got.at(key).repr() == row.at(key).repr());
  }
}

TEST_CASE("a run on the CPU beside GPUs says so, one on the GPU what it uses") {
  const WithAccelerator gpus("cuda", std::make_shared<CountedGpus>(2));
  {
    const levin::CapturedMessages messages;
    const levin::Trainer trainer({.accelerator = "cpu", .logger = false});
    REQUIRE_FALSE(messages.warnings().empty());
    CHECK(messages.warnings().front() == "GPU available but not used. You can set it by doing `Trainer(accelerator='gpu')`.");
  }
  const levin::CapturedMessages messages;
  const levin::Trainer trainer({.accelerator = "gpu", .devices = std::vector<std::int64_t>{1}, .logger = false});
  CHECK(messages.warnings().empty());
  CHECK(trainer.device_ids() == std::vector<std::int64_t>{1});
  CHECK(trainer.num_devices() == 1);
}

TEST_CASE("ranks take the devices in order, and a rank beyond them is an error") {
  class Ranked final : public levin::Strategy {
   public:
    int rank = 0;
    int local_rank() const override { return rank; }
  } strategy;
  CHECK(strategy.root_device() == at::kCPU);
  strategy.rank = 3;
  CHECK(strategy.root_device() == at::kCPU);
  strategy.set_parallel_devices({at::Device(at::kCUDA, 2), at::Device(at::kCUDA, 0)});
  CHECK_THROWS_WITH(strategy.root_device(), Catch::Matchers::Contains("local rank 3 has no device") && Catch::Matchers::Contains("gives this machine 2"));
  strategy.rank = 1;
  CHECK(strategy.root_device() == at::Device(at::kCUDA, 0));
}

TEST_CASE("NCCL carries what is on devices, gloo the rest") {
  CHECK(levin::DDPStrategyOptions{}.process_group_backend == std::nullopt);
  levin::DDPStrategy strategy({.process_group_backend = "nccl"});
  strategy.connect({.world_size = 1});
  CHECK_THROWS_WITH(strategy.setup_environment(), "process_group_backend='nccl' is for CUDA devices, and this run is on cpu");
  levin::DDPStrategy other({.process_group_backend = "mpi"});
  other.connect({.world_size = 1});
  CHECK_THROWS_WITH(other.setup_environment(), Catch::Matchers::Contains("there are 'gloo' for the CPU and 'nccl' for CUDA devices"));
}

TEST_CASE("what a GPU can do at best is Lightning's number") {
  struct Row { const char* device; const char* precision; bool tf32; std::optional<double> flops; const char* warning; };
  const Row rows[] = {
      {"NVIDIA H100 80GB HBM3", "bf16-mixed", false, 989.4e12, ""},
      {"NVIDIA H100 80GB HBM3", "32-true", false, 66.9e12, ""},
      {"NVIDIA H100 80GB HBM3", "32-true", true, 494.7e12, ""},
      {"NVIDIA A100-SXM4-40GB", "64-true", false, 9.7e12, ""},
      {"NVIDIA GeForce RTX 4080 SUPER", "16-mixed", false, 52.2e12, ""},
      {"NVIDIA GeForce RTX 3090 Ti", "32-true", false, 40e12, ""},
      {"Tesla V100-SXM2-16GB", "16-true", false, 125e12, ""},
      {"Tesla T4", "bf16-true", false, std::nullopt, "'Tesla T4' does not support torch.bfloat16"},
      {"NVIDIA H200", "bf16-mixed", false, std::nullopt, "FLOPs not found for 'NVIDIA H200', chip is 'nvidia h200'"},
      {"Abacus", "32-true", false, std::nullopt, "FLOPs not found for 'Abacus'"},
  };
  for (const Row& row : rows) {
    INFO(row.device << " " << row.precision);
    const levin::CapturedMessages messages;
    CHECK(levin::cuda_flops(row.device, row.precision, row.tf32) == row.flops);
    CHECK(messages.warnings() == (row.flops ? std::vector<std::string>{} : std::vector<std::string>{row.warning}));
  }
}

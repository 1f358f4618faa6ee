// Tokens per second of GPT-2 (124 million parameters) in bf16-mixed on a GPU: `gpu_gpt BATCH STEPS [eager]`. `compare.py gpt` runs it beside
// Python's Lightning.
#include <ATen/ATen.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "levin/callbacks/lambda_callback.h"
#include "levin/framework/data/data_loader.h"
#include "levin/framework/data/seed.h"
#include "levin/framework/data/tensor_dataset.h"
#include "levin/framework/models/gpt.h"
#include "levin/framework/trainer/trainer.h"
#include "gpu.h"

int main(int argc, char** argv) try {
  using Clock = std::chrono::steady_clock;
  if (argc < 3) throw std::invalid_argument("gpu_gpt BATCH STEPS [eager]");
  levin::CudaBackend& cuda = gpu();
  constexpr std::int64_t length = 1024, skipped = 10;
  const std::int64_t batch = std::atoll(argv[1]), steps = std::atoll(argv[2]);
  if (batch < 1 || steps <= skipped) throw std::invalid_argument("BATCH must be at least 1 and STEPS above " + std::to_string(skipped));

  levin::seed_everything(1);
  levin::GPT module({.vocab_size = 50304, .block_size = length, .n_layer = 12, .n_head = 12, .n_embd = 768, .lr = 6e-4});
  const at::Tensor tokens = at::randint(50257, {batch * 4, length + 1}, at::kLong);
  Clock::time_point begin, end;
  double last = 0;
  levin::LambdaCallbackOptions clock;
  clock.on_train_batch_end = [&](levin::Trainer& trainer, levin::LightningModule& model, const levin::StepOutput& output, const levin::Batch&, std::int64_t) {
    if (trainer.global_step() != skipped && trainer.global_step() != steps) return;
    cuda.synchronize(model.device());
    last = output.loss().item<double>();
    (trainer.global_step() == skipped ? begin : end) = Clock::now();
  };
  const bool eager = argc > 3 && std::string(argv[3]) == "eager";
  levin::Trainer trainer({.accelerator = "gpu", .devices = 1, .precision = "bf16-mixed", .logger = false,
                          .callbacks = {std::make_shared<levin::LambdaCallback>(clock)}, .max_steps = steps, .enable_checkpointing = false,
                          .enable_progress_bar = false, .enable_model_summary = false,
                          .cuda_graph = eager ? levin::CudaGraphOption(false) : levin::CudaGraphOption("auto")});
  trainer.fit(module, {.train = levin::DataLoader(levin::TensorDataset({tokens.narrow(1, 0, length), tokens.narrow(1, 1, length)}), {.batch_size = batch})});

  const double seconds = std::chrono::duration<double>(end - begin).count();
  std::int64_t parameters = 0;
  for (const at::Tensor& parameter : module.parameters()) parameters += parameter.numel();
  std::printf("{\"tokens_per_s\": %.1f, \"parameters\": %lld, \"last_loss\": %.6f, \"device\": \"%s\"}\n",
              static_cast<double>(batch * length * (steps - skipped)) / seconds, static_cast<long long>(parameters), last,
              cuda.properties(at::Device(at::kCUDA, 0)).name.c_str());
} catch (const std::exception& error) {
  std::fprintf(stderr, "gpu_gpt: %s\n", error.what());
  return 1;
}

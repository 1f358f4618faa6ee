// What ModelCheckpoint costs: a tiny model that saves at every step with the top 5, against the same run without, and against plain
// durable writes of the same bytes, in turn in one run:
//   bench_model_checkpoint [FOLDER] [ROUNDS]
// Bar: a save costs at most 1.3 x one durable write of the file's bytes.
#include <torch/nn/modules/linear.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "arguments.h"
#include "levin/callbacks/model_checkpoint.h"
#include "levin/framework/base/codec/durable_file.h"
#include "levin/framework/base/codec/mapped_file.h"
#include "levin/framework/data/data_loader.h"
#include "levin/framework/data/tensor_dataset.h"
#include "levin/framework/module/lightning_module.h"
#include "levin/framework/optim/adam.h"
#include "levin/framework/trainer/trainer.h"

namespace {

namespace fs = std::filesystem;
constexpr int steps = 200;

class Tiny : public levin::LightningModule {
 public:
  Tiny() : layer_(register_module("layer", torch::nn::Linear(8, 8))) {}
  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t) override {
    const auto loss = layer_(batch[0]).square().mean();
    log("train_loss", loss);
    return loss;
  }
  levin::OptimizerConfig configure_optimizers() override { return levin::optim::adamw(parameters(), {.lr = 1e-3}); }

 private:
  torch::nn::Linear layer_;
};

double seconds(auto&& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void train(const std::string& folder, bool saves) {
  Tiny module;
  levin::TrainerOptions options{.logger = false, .max_epochs = 1, .enable_checkpointing = saves, .enable_progress_bar = false, .enable_model_summary = false};
  // The loss falls at every step, so every step is among the top 5 and one file goes.
  if (saves) options.callbacks = {levin::make<levin::ModelCheckpoint>({.dirpath = folder, .monitor = "train_loss", .save_top_k = 5, .every_n_train_steps = 1})};
  levin::Trainer trainer(options);
  trainer.fit(module, {.train = levin::DataLoader(levin::TensorDataset({at::ones({4 * steps, 8})}), {.batch_size = 4})});
}

}  // namespace

int main(int count, char** arguments) {
  const std::string folder = (count > 1 ? std::string(arguments[1]) : ".") + "/bench_model_checkpoint";
  const auto rounds = levin::bench::count_argument(count, arguments, 2, "ROUNDS", 7);
  ::setenv("LEVIN_LOG_LEVEL", "error", 1);
  fs::remove_all(folder);
  train(folder, true);
  std::string bytes;
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(folder)) bytes = std::string(levin::MappedFile::open(entry.path())->bytes()), ++files;

  std::vector<double> ratios, saves, writes;
  for (std::int64_t round = 0; round <= rounds; ++round) {
    fs::remove_all(folder);
    const double with = seconds([&] { train(folder, true); });
    const double without = seconds([&] { train(folder, false); });
    fs::remove_all(folder);
    fs::create_directories(folder);
    const double plain = seconds([&] {
      for (int i = 0; i < steps; ++i) {
        levin::write_durably(levin::real_files(), folder + "/plain-" + std::to_string(i),
                             [&](levin::ByteSink& sink) { sink.write(bytes.data(), bytes.size()); });
      }
    });
    if (round == 0) continue;  // warms up
    saves.push_back((with - without) / steps);
    writes.push_back(plain / steps);
    ratios.push_back((with - without) / plain);
  }
  fs::remove_all(folder);
  const auto median = [](std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
  };
  const double ratio = median(ratios);
  std::printf("%zu files of %zu bytes kept, %d saves, medians of %zu rounds\n", files, bytes.size(), steps, ratios.size());
  std::printf("a save %.2f ms, a durable write %.2f ms, ratio %.2f, bar 1.30 %s\n", 1e3 * median(saves), 1e3 * median(writes), ratio,
              ratio <= 1.3 ? "met" : "MISSED");
  return ratio <= 1.3 ? 0 : 1;
}

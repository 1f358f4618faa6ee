// What ModelCheckpoint costs: a tiny model that saves at every step with the top 5, against the same run without, and against the
// same run with a callback that writes the same bytes durably at every step, in turn:
//   bench_model_checkpoint [FOLDER] [ROUNDS]
// Bar: a save costs the run at most 1.3 x what one durable write of the file's bytes costs it. Both are measured in a run, since a
// step that comes after a wait for the disk is slower, whoever waited: the processor has slept, and its caches are cold. Shown
// beside it: such writes one after the other, without a run around them.
#include <torch/nn/modules/linear.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "arguments.h"
#include "quantile.h"
#include "levin/callbacks/model_checkpoint.h"
#include "levin/framework/base/codec/durable_file.h"
#include "levin/framework/base/codec/mapped_file.h"
#include "levin/framework/data/data_loader.h"
#include "levin/framework/data/tensor_dataset.h"
#include "levin/framework/module/lightning_module.h"
#include "levin/framework/optim/adam.h"
#include "levin/framework/trainer/trainer.h"

namespace {

using levin::bench::median;

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

// One durable write at every step.
class Writes : public levin::Callback {
 public:
  Writes(std::string folder, const std::string& bytes) : folder_(std::move(folder)), bytes_(bytes) {}
  void on_train_batch_end(levin::Trainer&, levin::LightningModule&, const levin::StepOutput&, const levin::Batch&, std::int64_t step) override {
    write(folder_, bytes_, step);
  }
  static void write(const std::string& folder, const std::string& bytes, std::int64_t step) {
    levin::write_durably(levin::real_files(), folder + "/plain-" + std::to_string(step),
                         [&](levin::ByteSink& sink) { sink.write(bytes.data(), bytes.size()); });
  }

 private:
  std::string folder_;
  const std::string& bytes_;
};

double seconds(auto&& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Seconds of a run with this callback, or with none.
double train(std::shared_ptr<levin::Callback> callback) {
  Tiny module;
  const bool saves = std::dynamic_pointer_cast<levin::ModelCheckpoint>(callback) != nullptr;
  levin::TrainerOptions options{.logger = false, .max_epochs = 1, .enable_checkpointing = saves, .enable_progress_bar = false, .enable_model_summary = false};
  if (callback) options.callbacks = {callback};
  levin::Trainer trainer(options);
  levin::DataLoader loader(levin::TensorDataset({at::ones({4 * steps, 8})}), {.batch_size = 4});
  return seconds([&] { trainer.fit(module, {.train = std::move(loader)}); });
}

// The loss falls at every step, so every step is among the top 5 and one file goes.
auto saving(const std::string& folder) {
  return levin::make<levin::ModelCheckpoint>({.dirpath = folder, .monitor = "train_loss", .save_top_k = 5, .every_n_train_steps = 1});
}

void empty(const std::string& folder) {
  fs::remove_all(folder);
  fs::create_directories(folder);
}

}  // namespace

int main(int count, char** arguments) {
  const std::string folder = levin::bench::folder_argument(count, arguments, 1, ".") + "/bench_model_checkpoint";
  const auto rounds = levin::bench::count_argument(count, arguments, 2, "ROUNDS", 7);
  ::setenv("LEVIN_LOG_LEVEL", "error", 1);
  empty(folder);
  train(saving(folder));
  std::string bytes;
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(folder)) bytes = std::string(levin::MappedFile::open(entry.path())->bytes()), ++files;

  std::vector<double> saves, writes, alone, ratios;
  for (std::int64_t round = 0; round <= rounds; ++round) {
    empty(folder);
    const double with = train(saving(folder));
    const double without = train(nullptr);
    empty(folder);
    const double writing = train(std::make_shared<Writes>(folder, bytes));
    empty(folder);
    const double plain = seconds([&] {
      for (int i = 0; i < steps; ++i) Writes::write(folder, bytes, i);
    });
    if (round == 0) continue;  // warms up
    saves.push_back((with - without) / steps);
    writes.push_back((writing - without) / steps);
    alone.push_back(plain / steps);
    ratios.push_back((with - without) / (writing - without));
  }
  fs::remove_all(folder);
  const double ratio = median(ratios);
  std::printf("%zu files of %zu bytes kept, %d saves, medians of %zu rounds\n", files, bytes.size(), steps, ratios.size());
  std::printf("a save costs %.2f ms, a durable write %.2f ms (%.2f ms without a run around it), ratio %.2f, bar 1.30 %s\n", 1e3 * median(saves),
              1e3 * median(writes), 1e3 * median(alone), ratio, ratio <= 1.3 ? "met" : "MISSED");
  return ratio <= 1.3 ? 0 : 1;
}

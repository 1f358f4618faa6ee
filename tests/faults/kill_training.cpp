// Kills a training at random times and starts it again with `ckpt_path="last"`, until it is through:
//   kill_training FOLDER [KILLS] [SEED]
// Exits with 0 if the weights at the end are, byte for byte, those of a run that nobody killed, and the folder holds what that run's
// folder holds.
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <torch/nn/functional/loss.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/linear.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <thread>

#include "levin/callbacks/model_checkpoint.h"
#include "levin/framework/base/codec/archive.h"
#include "levin/framework/base/codec/durable_file.h"
#include "levin/framework/data/data_loader.h"
#include "levin/framework/data/seed.h"
#include "levin/framework/data/tensor_dataset.h"
#include "levin/framework/module/lightning_module.h"
#include "levin/framework/optim/adam.h"
#include "levin/framework/optim/schedulers.h"
#include "levin/framework/trainer/trainer.h"

extern char** environ;

namespace {

namespace fs = std::filesystem;

class Network : public levin::LightningModule {
 public:
  Network() : layer_(register_module("layer", torch::nn::Linear(4, 16))), drop_(register_module("drop", torch::nn::Dropout(0.3))),
              head_(register_module("head", torch::nn::Linear(16, 1))) {}
  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t) override {
    const auto loss = torch::nn::functional::mse_loss(head_(drop_(layer_(batch[0]).relu())), batch[1]);
    log("train_loss", loss);
    return loss;
  }
  levin::OptimizerConfig configure_optimizers() override {
    const auto optimizer = levin::optim::adamw(parameters(), {.lr = 1e-2});
    return levin::OptimizerWithScheduler{
        .optimizer = optimizer,
        .lr_scheduler = levin::LRSchedulerConfig{
            .scheduler = std::make_shared<levin::optim::CosineAnnealingLR>(optimizer, levin::optim::CosineAnnealingLROptions{.T_max = 400}),
            .interval = "step"}};
  }

 private:
  torch::nn::Linear layer_;
  torch::nn::Dropout drop_;
  torch::nn::Linear head_;
};

// 20 epochs of 20 batches; each step saves.
int train(const std::string& folder) {
  levin::seed_everything(3);
  Network module;
  at::Tensor x = at::empty({200, 4});
  for (int i = 0; i < 200; ++i)
    for (int j = 0; j < 4; ++j) x[i][j] = 0.01 * ((i * 7 + j * 13) % 101);
  const levin::DataLoader loader(levin::TensorDataset({x, x.sum(1, true)}), {.batch_size = 10, .shuffle = true, .num_workers = 1});
  levin::Trainer trainer({.logger = false,
                          .callbacks = {levin::make<levin::ModelCheckpoint>({.dirpath = folder, .filename = "{step}", .monitor = "train_loss",
                                                                             .save_last = true, .save_top_k = 2, .every_n_train_steps = 1})},
                          .max_epochs = 20,
                          .enable_progress_bar = false,
                          .enable_model_summary = false});
  trainer.fit(module, {.train = loader, .ckpt_path = "last"});
  levin::write_durably(levin::real_files(), folder + "/weights", [&](levin::ByteSink& sink) { levin::write_archive(module.state_dict(), sink); });
  return 0;
}

pid_t start(const char* program, const std::string& folder) {
  std::string words[] = {program, "--train", folder};
  char* arguments[] = {words[0].data(), words[1].data(), words[2].data(), nullptr};
  pid_t child = 0;
  if (posix_spawn(&child, program, nullptr, nullptr, arguments, environ) != 0) std::abort();
  return child;
}

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The steps of the checkpoints in a folder; a name with a version counts twice.
std::multiset<std::string> contents(const std::string& folder) {
  std::multiset<std::string> out;
  for (const auto& entry : fs::directory_iterator(folder)) out.insert(entry.path().filename());
  return out;
}

}  // namespace

int main(int count, char** arguments) {
  if (count == 3 && std::string(arguments[1]) == "--train") return train(arguments[2]);
  if (count < 2) return std::fprintf(stderr, "kill_training FOLDER [KILLS] [SEED]\n"), 2;
  const std::string folder = arguments[1], whole = folder + "/whole", killed = folder + "/killed";
  const int wanted = count > 2 ? std::atoi(arguments[2]) : 20;
  std::mt19937 random(count > 3 ? static_cast<unsigned>(std::atoi(arguments[3])) : 1);
  fs::remove_all(folder);
  fs::create_directories(folder);
  ::setenv("LEVIN_LOG_LEVEL", "error", 1);
  ::setenv("OMP_NUM_THREADS", "1", 1);

  int status = 0;
  const auto begin = std::chrono::steady_clock::now();
  ::waitpid(start(arguments[0], whole), &status, 0);
  if (status != 0) return std::fprintf(stderr, "the run that nobody kills failed\n"), 1;
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;

  // A life is long enough for some steps on the average, so that the run gets through between the kills.
  std::uniform_real_distribution<double> life(0.05, 0.4 + 1.5 * took.count() / (wanted + 1));
  int kills = 0;
  while (kills < wanted) {
    const pid_t child = start(arguments[0], killed);
    std::this_thread::sleep_for(std::chrono::duration<double>(life(random)));
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) ++kills;
    else if (status != 0) return std::fprintf(stderr, "a resumed run failed\n"), 1;
    else if (fs::remove_all(killed) && kills < wanted) continue;  // it got through: once more from the beginning
  }
  ::waitpid(start(arguments[0], killed), &status, 0);
  if (status != 0) return std::fprintf(stderr, "the last resumed run failed\n"), 1;

  const bool same = read(whole + "/weights") == read(killed + "/weights") && !read(whole + "/weights").empty();
  const bool tidy = contents(whole) == contents(killed);
  std::printf("%d kills; weights at the end %s; the folder %s\n", kills, same ? "equal" : "DIFFER", tidy ? "holds the same files" : "DIFFERS");
  if (!tidy)
    for (const auto& name : contents(killed)) std::printf("  %s\n", name.c_str());
  return same && tidy ? 0 : 1;
}

// What logging costs a step: a tiny MLP that logs every step to CSVLogger, TensorBoardLogger and JSONLLogger with the progress bar on a
// terminal (a pseudo-terminal that somebody reads), against the same run without any of them, in turn in one run:
//   bench_loggers [FOLDER] [ROUNDS] [STEPS]
// Each run with them is compared with the mean of those right before and right after it, so that a machine that gets faster or slower
// meanwhile does not count; the quartiles of the differences say how sure the median is.
// Bar: at most 3 us a step on top. Where other programs use the processor as well, the processor time of the training's thread
// is the figure to read; the threads that write are not in it.
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/linear.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "arguments.h"
#include "quantile.h"
#include "levin/callbacks/tqdm_progress_bar.h"
#include "levin/framework/data/data_loader.h"
#include "levin/framework/data/tensor_dataset.h"
#include "levin/framework/module/lightning_module.h"
#include "levin/framework/optim/adam.h"
#include "levin/framework/trainer/trainer.h"
#include "levin/loggers/csv_logger.h"
#include "levin/loggers/jsonl_logger.h"
#include "levin/loggers/tensorboard_logger.h"

namespace {

using levin::bench::median;
using levin::bench::quantile;

struct Times {
  double wall, processor;  // seconds; of this thread
};

Times now() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return {std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(),
          static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9};
}

class Mlp : public levin::LightningModule {
 public:
  Mlp() : layers_(register_module("layers", torch::nn::Sequential(torch::nn::Linear(8, 16), torch::nn::ReLU(), torch::nn::Linear(16, 1)))) {}
  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t) override {
    const auto output = layers_->forward(batch[0].tensor());
    const auto loss = output.square().mean();
    log("train_loss", loss, {.prog_bar = true});
    log("output", 0.5);
    return loss;
  }
  levin::OptimizerConfig configure_optimizers() override { return levin::optim::adamw(parameters(), {.lr = 1e-3}); }

 private:
  torch::nn::Sequential layers_;
};

// From the first batch to the last: opening and closing files are no part of a step.
class Stopwatch : public levin::Callback {
 public:
  void on_train_epoch_start(levin::Trainer&, levin::LightningModule&) override { begin_ = now(); }
  void on_train_batch_end(levin::Trainer&, levin::LightningModule&, const levin::StepOutput&, const levin::Batch&, std::int64_t) override { end_ = now(); }
  Times microseconds_a_step(std::int64_t steps) const {
    const double scale = 1e6 / static_cast<double>(steps);
    return {(end_.wall - begin_.wall) * scale, (end_.processor - begin_.processor) * scale};
  }

 private:
  Times begin_{}, end_{};
};

// stdout as a terminal that is read as fast as it is written.
class Terminal {
 public:
  Terminal() {
    std::fflush(stdout);
    ::setenv("TERM", "xterm", 1);
    master_ = ::posix_openpt(O_RDWR | O_NOCTTY);
    if (master_ < 0 || ::grantpt(master_) != 0 || ::unlockpt(master_) != 0) std::abort();
    const int slave = ::open(::ptsname(master_), O_RDWR | O_NOCTTY);
    before_ = ::dup(STDOUT_FILENO);
    ::dup2(slave, STDOUT_FILENO);
    ::close(slave);
    reader_ = std::thread([this] {
      char buffer[4096];
      while (true) {
        if (::read(master_, buffer, sizeof buffer) <= 0) return;
      }
    });
  }
  ~Terminal() {
    std::fflush(stdout);
    ::dup2(before_, STDOUT_FILENO);  // the last one who has the slave: the reader's read ends
    ::close(before_);
    reader_.join();
    ::close(master_);
  }

 private:
  int master_, before_;
  std::thread reader_;
};

Times microseconds_a_step(const std::string& folder, bool logging, std::int64_t steps) {
  std::filesystem::remove_all(folder);
  Mlp module;
  const auto watch = std::make_shared<Stopwatch>();
  levin::TrainerOptions options{.logger = false,
                                .callbacks = {watch},
                                .max_epochs = 1,
                                .log_every_n_steps = 1,
                                .enable_checkpointing = false,
                                .enable_progress_bar = logging,
                                .enable_model_summary = false};
  if (logging) {
    options.logger = std::vector<std::shared_ptr<levin::Logger>>{levin::make<levin::CSVLogger>({.save_dir = folder}),
                                                                 levin::make<levin::TensorBoardLogger>({.save_dir = folder}),
                                                                 levin::make<levin::JSONLLogger>({.save_dir = folder})};
  }
  const auto data = levin::DataLoader(levin::TensorDataset({at::ones({4 * steps, 8})}), {.batch_size = 4});
  const Terminal terminal;
  levin::Trainer trainer(options);
  trainer.fit(module, {.train = data});
  return watch->microseconds_a_step(steps);
}

// `without` has one run more than `with`: they took turns, and it began and ended.
void report(const char* what, const std::vector<Times>& without, const std::vector<Times>& with, double Times::*which) {
  std::vector<double> before, after, on_top;
  for (const Times& times : without) before.push_back(times.*which);
  for (std::size_t i = 0; i < with.size(); ++i) {
    after.push_back(with[i].*which);
    on_top.push_back(after.back() - (before[i] + before[i + 1]) / 2);
  }
  std::printf("%s: a step %.2f us, with three loggers and the bar %.2f us; on top %.2f us (median of %zu differences, quartiles %.2f and %.2f)\n",
              what, median(before), median(after), median(on_top), on_top.size(), quantile(on_top, 0.25), quantile(on_top, 0.75));
}

}  // namespace

int main(int count, char** arguments) {
  const std::string folder = levin::bench::folder_argument(count, arguments, 1, ".") + "/bench_loggers";
  const auto rounds = levin::bench::count_argument(count, arguments, 2, "ROUNDS", 15);
  const auto steps = levin::bench::count_argument(count, arguments, 3, "STEPS", 5000);
  microseconds_a_step(folder, true, steps);  // warm
  std::vector<Times> without, with;
  without.push_back(microseconds_a_step(folder, false, steps));
  for (std::int64_t round = 0; round < rounds; ++round) {
    with.push_back(microseconds_a_step(folder, true, steps));
    without.push_back(microseconds_a_step(folder, false, steps));
  }
  report("wall clock", without, with, &Times::wall);
  report("processor time of the training's thread", without, with, &Times::processor);
  std::filesystem::remove_all(folder);
}

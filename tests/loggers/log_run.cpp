// A training that logs to all loggers at once and ends as asked, for tests that read the files afterwards:
//   log_run FOLDER success|exit|throw|term|int|kill
// Two epochs of 60 batches and a validation each, a row per step. All but "success" end in step 100; before, at step 50, what was
// logged is saved. What is logged is a function of the step, so that Python can log the same (tests/interop/test_loggers.py).
#include <ATen/ATen.h>

#include <csignal>
#include <cstdlib>
#include <string>

#include "levin/framework/base/errors.h"
#include "levin/framework/cli/cli.h"
#include "levin/loggers/csv_logger.h"
#include "levin/loggers/jsonl_logger.h"
#include "levin/loggers/tensorboard_logger.h"
#include "support/tiny_module.h"

namespace {

constexpr std::int64_t batches = 60, saved_at = 50, ends_at = 100;

class Logged : public TinyModule {
 public:
  explicit Logged(std::string ending) : ending_(std::move(ending)) {
    save_hyperparameters(levin::Dict{{"lr", 0.125}, {"name", "tiny"}, {"flag", true}, {"layers", levin::Value::list({1, 2})},
                                     {"optimizer", levin::Dict{{"momentum", 0}, {"nesterov", levin::Value()}}}});
  }

  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t batch_idx) override {
    const std::int64_t step = current_epoch() * batches + batch_idx;
    if (step == saved_at)
      for (const auto& logger : trainer().loggers()) logger->save();
    if (step == ends_at) end();
    log("loss", 1.0 / static_cast<double>(step + 1), {.on_step = true, .on_epoch = true});
    log("train/accuracy", 0.25 * static_cast<double>(step));
    return loss(batch);
  }
  levin::StepOutput validation_step(const levin::Batch&, std::int64_t batch_idx) override {
    log("val_loss", static_cast<double>(batch_idx) + static_cast<double>(current_epoch()));
    return {};
  }
  void on_train_epoch_end() override {
    auto& writer = dynamic_cast<levin::TensorBoardLogger&>(*logger()).experiment();
    const at::Tensor ramp = at::arange(48).reshape({3, 4, 4}).to(at::kFloat) / 47;
    writer.add_image("image", ramp, global_step());
    writer.add_images("images", ramp.unsqueeze(0).repeat({10, 1, 1, 1}), global_step());
    writer.add_histogram("values", at::arange(-500, 500).to(at::kFloat) / 100, global_step());
    writer.add_text("note", "epoch **" + std::to_string(current_epoch()) + "**", global_step());
    writer.add_scalars("pair/both", {{"a", 1.0}, {"b", 2.0}}, global_step());
  }

 private:
  void end() const {
    if (ending_ == "exit") std::exit(3);
    if (ending_ == "throw") throw levin::ValueError("as asked");
    if (ending_ == "term") std::raise(SIGTERM);
    if (ending_ == "int") std::raise(SIGINT);
    if (ending_ == "kill") std::raise(SIGKILL);
  }
  std::string ending_;
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) return 2;
  const std::string folder = arguments[1];
  return levin::run([&] {
    Logged module(arguments[2]);
    levin::Trainer trainer({.logger = std::vector<std::shared_ptr<levin::Logger>>{
                                levin::make<levin::TensorBoardLogger>({.save_dir = folder, .name = "tensorboard"}),
                                levin::make<levin::CSVLogger>({.save_dir = folder, .name = "csv"}),
                                levin::make<levin::JSONLLogger>({.save_dir = folder, .name = "jsonl"})},
                            .max_epochs = 2,
                            .log_every_n_steps = 1,
                            .enable_progress_bar = false,
                            .enable_model_summary = false,
                            .default_root_dir = folder});
    trainer.fit(module, {.train = tiny_data(batches), .val = tiny_data(2)});
  });
}

// A callback of one's own with state: docs/callbacks.md shows it. Trains, then resumes twice as long; the count goes on.
#include <iostream>

#include "lit_regressor.h"

// begin of the callback
class BatchCounter : public levin::Callback {
 public:
  void on_train_batch_end(levin::Trainer&, levin::LightningModule&, const levin::StepOutput&, const levin::Batch& batch,
                          std::int64_t) override {
    ++batches_;
    samples_ += batch.batch_size();
  }
  void on_train_end(levin::Trainer& trainer, levin::LightningModule&) override {
    trainer.print("trained on " + std::to_string(samples_) + " samples in " + std::to_string(batches_) + " batches");
  }
  levin::Value state_dict() const override { return levin::Dict{{"batches", batches_}, {"samples", samples_}}; }
  void load_state_dict(const levin::Value& state) override {
    batches_ = state.at("batches").as_int();
    samples_ = state.at("samples").as_int();
  }

 private:
  std::int64_t batches_ = 0, samples_ = 0;
};
// end of the callback

int main() {
  return levin::run([] {
    levin::seed_everything(1);
    const auto x = torch::randn({100, 10});
    const levin::TensorDataset data({x, x.sum(1, true)});
    for (const std::int64_t epochs : {2, 4}) {
      LitRegressor model;
      levin::Trainer trainer({.callbacks = {std::make_shared<BatchCounter>(),
                                            levin::make<levin::ModelCheckpoint>({.dirpath = "counted", .save_last = true})},
                              .max_epochs = epochs,
                              .enable_progress_bar = false,
                              .enable_model_summary = false});
      const bool again = epochs == 4;
      trainer.fit(model, {.train = levin::DataLoader(data, {.batch_size = 10}),
                          .ckpt_path = again ? std::optional<std::string>("last") : std::nullopt});
    }
  });
}

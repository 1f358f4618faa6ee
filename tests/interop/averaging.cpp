// Trains callback_net's model with an averaging callback, for test_averaging.py. A line of the input is a run: callback, max_epochs, the
// checkpoint to go on from and the one to write ("-": none). A line of the output is what came of it.
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <sstream>

#include "levin/callbacks/ema_weight_averaging.h"
#include "levin/callbacks/model_checkpoint.h"
#include "levin/callbacks/prediction_writer.h"
#include "levin/callbacks/stochastic_weight_averaging.h"
#include "levin/callbacks/weight_averaging.h"
#include "levin/framework/base/json.h"
#include "support/callback_net.h"

namespace {

using levin::Value;

std::shared_ptr<levin::Callback> make(const std::string& name) {
  if (name == "WeightAveraging") return levin::make<levin::WeightAveraging>();
  if (name == "EMAWeightAveraging") return levin::make<levin::EMAWeightAveraging>({.decay = 0.5});
  if (name == "StochasticWeightAveraging")
    return levin::make<levin::StochasticWeightAveraging>({.swa_lrs = 0.01, .swa_epoch_start = std::int64_t{2}, .annealing_epochs = 3});
  throw levin::ValueError("no callback " + name);
}

Value numbers(const std::vector<double>& values) { return Value::list({values.begin(), values.end()}); }

Value train(const std::string& callback, std::int64_t epochs, const std::string& from, const std::string& to) {
  callback_net::Net net(levin::parse_json(R"({"batch_norm": true, "optimizer": {"class": "SGD", "lr": 0.1, "momentum": 0.9}})", "model"));
  levin::Callbacks callbacks{make(callback)};
  if (to != "-") {
    const std::filesystem::path path = to;
    callbacks.push_back(levin::make<levin::ModelCheckpoint>({.dirpath = path.parent_path().string(), .filename = path.stem().string(),
                                                             .every_n_epochs = 1, .save_on_train_epoch_end = true, .enable_version_counter = false}));
  }
  levin::Trainer trainer({.logger = false, .callbacks = callbacks, .max_epochs = epochs, .enable_checkpointing = to != "-",
                          .enable_progress_bar = false, .enable_model_summary = false});
  trainer.fit(net, {.ckpt_path = from == "-" ? std::nullopt : std::optional(from)});
  Value weights = Value::dict();
  for (const auto& [name, values] : net.weights()) weights[name] = numbers(values);
  return levin::Dict{{"losses", numbers(net.losses)}, {"val_losses", numbers(net.val_losses)}, {"weights", weights}, {"epoch", trainer.current_epoch()}};
}

// Predictions for torch.load, a dict of them.
Value predict(const std::string& folder) {
  class Predicts final : public callback_net::Net {
    levin::StepOutput predict_step(const levin::Batch& batch, std::int64_t) override {
      return levin::StepOutput{{"out", head(backbone->forward(batch[0].tensor()).tanh())}, {"row", batch[0].tensor()}};
    }
  } net;
  levin::Trainer trainer({.logger = false, .callbacks = {levin::make<levin::PredictionWriter>({.output_dir = folder, .write_interval = "batch_and_epoch",
                                                                                              .formats = {"pt", "csv"}})},
                          .enable_checkpointing = false, .enable_progress_bar = false, .enable_model_summary = false});
  trainer.predict(net, {.dataloaders = callback_net::loader(12)});
  return levin::Dict{{"predicted", true}};
}

}  // namespace

int main() try {
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string callback, from, to;
    std::int64_t epochs = 0;
    if (!(words >> callback >> epochs >> from >> to)) throw levin::ValueError("not a run: " + line);
    std::cout << levin::dump_json(callback == "predict" ? predict(to) : train(callback, epochs, from, to), -1) << std::endl;
  }
} catch (const std::exception& error) {
  std::cerr << error.what() << "\n";
  return 1;
}

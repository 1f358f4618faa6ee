#include "levin/callbacks/weight_averaging.h"

#include "levin/framework/base/console.h"
#include "levin/framework/trainer/trainer.h"

namespace levin {

WeightAveraging::WeightAveraging(Options options) : options_(std::move(options)) {
  check_avg_fns(options_.avg_fn, options_.multi_avg_fn);
  if (options_.device) at::Device{*options_.device};  // throws for one that is none
}

WeightAveraging::~WeightAveraging() = default;

bool WeightAveraging::should_update(std::optional<std::int64_t> step_idx, std::optional<std::int64_t>) const { return step_idx.has_value(); }

void WeightAveraging::setup(Trainer&, LightningModule& module, std::string_view stage) {
  if (stage != "fit") return;
  // The average must have all layers.
  const std::size_t before = module.parameters().size();
  module.configure_model();
  if (module.parameters().size() != before) {
    rank_zero_warn("You're using the WeightAveraging callback with a model that overrides the configure_model callback. WeightAveraging doesn't "
                   "support sharding model layers, so you may run out of memory.");
  }
  const at::Device device = options_.device ? at::Device(*options_.device) : module.device();
  average_ = std::make_unique<AveragedModel>(module, device, options_.avg_fn, options_.multi_avg_fn, options_.use_buffers);
  swapped_ = false;
}

void WeightAveraging::on_train_batch_end(Trainer& trainer, LightningModule&, const StepOutput&, const Batch&, std::int64_t) {
  const std::int64_t step = trainer.global_step();
  if (step <= latest_update_step_ || !should_update(step - 1, std::nullopt)) return;
  average_->update_parameters();
  latest_update_step_ = step;
}

void WeightAveraging::on_train_epoch_end(Trainer& trainer, LightningModule&) {
  const std::int64_t epoch = trainer.current_epoch();
  if (epoch <= latest_update_epoch_ || !should_update(std::nullopt, epoch)) return;
  average_->update_parameters();
  latest_update_epoch_ = epoch;
}

void WeightAveraging::on_train_end(Trainer&, LightningModule&) { average_->copy_to_module(); }

void WeightAveraging::on_validation_epoch_start(Trainer&, LightningModule&) {
  if (average_) swap();
}

void WeightAveraging::on_validation_epoch_end(Trainer&, LightningModule&) {
  if (average_) swap();
}

void WeightAveraging::on_exception(Trainer&, LightningModule&, const std::exception&) {
  if (swapped_) swap();
}

void WeightAveraging::swap() {
  average_->swap();
  swapped_ = !swapped_;
}

void WeightAveraging::on_save_checkpoint(Trainer&, LightningModule&, Value& checkpoint) {
  if (!average_) {
    rank_zero_info("You're using the WeightAveraging callback, but saving a checkpoint outside the 'fit' stage. The state of the WeightAveraging "
                   "callback won't be saved in the checkpoint. If training has finished, the average model parameters will be saved to the "
                   "state_dict in the checkpoint.");
    return;
  }
  Value of_module = checkpoint.at("state_dict"), average = average_->module_state(of_module);
  // Saved from within validation: what lies in the model is the average.
  if (swapped_) std::swap(of_module, average);
  checkpoint["current_model_state"] = of_module;
  // As in Lightning: a plain dict.
  average.as_dict().type = Dict::Type::dict;
  average.as_dict().attributes = {};
  checkpoint["state_dict"] = average;
  checkpoint["averaging_state"] = average_->averaging_state();
}

void WeightAveraging::on_load_checkpoint(Trainer&, LightningModule& module, const Value& checkpoint) {
  if (!average_) {
    rank_zero_warn("You're using the WeightAveraging callback, but loading a checkpoint outside the 'fit' stage. The WeightAveraging state cannot "
                   "be restored. If you're using the checkpoint for prediction or testing, you can ignore this warning. To disable the warning, "
                   "remove the WeightAveraging callback.");
  } else if (checkpoint.contains("current_model_state") && checkpoint.contains("averaging_state")) {
    rank_zero_info("Found current_model_state in the checkpoint. This will be used to initialize the model.");
    average_->load_module_state(checkpoint.at("state_dict"));
    average_->load_averaging_state(checkpoint.at("averaging_state"));
    module.load_state_dict(checkpoint.at("current_model_state"));
  } else {
    rank_zero_warn("The checkpoint was not created with WeightAveraging. Both the current and the average model will be initialized with state_dict.");
    average_->load_module_state(checkpoint.at("state_dict"), /*strict=*/false);
  }
}

Value WeightAveraging::state_dict() const { return Dict{{"latest_update_step", latest_update_step_}}; }

void WeightAveraging::load_state_dict(const Value& state) { latest_update_step_ = state.at("latest_update_step").as_int(); }

// Lightning forgets it: an epoch whose end saved the checkpoint would be averaged twice.
Value WeightAveraging::resume_state() const { return Dict{{"latest_update_epoch", latest_update_epoch_}}; }

void WeightAveraging::load_resume_state(const Value& state) { latest_update_epoch_ = state.at("latest_update_epoch").as_int(); }

}  // namespace levin

#include "levin/callbacks/stochastic_weight_averaging.h"

#include <algorithm>

#include "levin/callbacks/batch_norm.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/loops/fit_loop.h"
#include "levin/framework/optim/swa_lr.h"
#include "levin/framework/trainer/trainer.h"

namespace levin {

StochasticWeightAveraging::StochasticWeightAveraging(Options options) : options_(std::move(options)) {
  const auto* epoch = std::get_if<std::int64_t>(&options_.swa_epoch_start);
  const auto* fraction = std::get_if<double>(&options_.swa_epoch_start);
  if ((epoch && *epoch < 1) || (fraction && !(*fraction >= 0 && *fraction <= 1)))
    throw MisconfigurationException("swa_epoch_start should be a >0 integer or a float between 0 and 1.");
  const auto positive = [](double lr) { return lr > 0; };
  const auto* one = std::get_if<double>(&options_.swa_lrs);
  const auto* several = std::get_if<std::vector<double>>(&options_.swa_lrs);
  if (one ? !positive(*one) : !std::all_of(several->begin(), several->end(), positive))
    throw MisconfigurationException("The `swa_lrs` should a positive float, or a list of positive floats");
  if (epoch) first_epoch_ = *epoch;
}

StochasticWeightAveraging::~StochasticWeightAveraging() = default;

std::int64_t StochasticWeightAveraging::swa_start() const { return std::max<std::int64_t>(first_epoch_ - 1, 0); }
std::int64_t StochasticWeightAveraging::swa_end() const { return max_epochs_ == -1 ? unlimited : max_epochs_ - 1; }

void StochasticWeightAveraging::setup(Trainer&, LightningModule& module, std::string_view) {
  pattern_ = module.state_dict();
  const at::Device device = options_.device ? at::Device(*options_.device) : module.device();
  // As in Lightning: how many were averaged outlives the run.
  const std::int64_t averaged = n_averaged();
  average_ = std::make_unique<AveragedModel>(module, device, options_.avg_fn);
  average_->load_averaging_state(Dict{{"n_averaged", averaged}});
}

void StochasticWeightAveraging::on_fit_start(Trainer& trainer, LightningModule& module) {
  if (trainer.optimizers().size() != 1) throw MisconfigurationException("SWA currently works with 1 `optimizer`.");
  if (trainer.lr_scheduler_configs().size() > 1) throw MisconfigurationException("SWA currently not supported for more than 1 `lr_scheduler`.");
  max_epochs_ = trainer.max_epochs().value_or(-1);
  if (const auto* fraction = std::get_if<double>(&options_.swa_epoch_start)) {
    if (max_epochs_ == -1) {
      throw MisconfigurationException("SWA with `swa_epoch_start` as a float is not supported when `max_epochs=-1`. Please provide "
                                      "`swa_epoch_start` as an integer.");
    }
    if (first_epoch_ == 0) first_epoch_ = static_cast<std::int64_t>(static_cast<double>(max_epochs_) * *fraction);
  }
  has_batch_norm_ = !batch_norm::all_in(module).empty();
  // One more for the statistics.
  if (has_batch_norm_ && max_epochs_ != -1) trainer.set_max_epochs(max_epochs_ + 1);
  // The checkpoint's scheduler is ours: the state must not go into the one of `configure_optimizers`.
  if (!scheduler_state_.is_none()) trainer.run().lr_scheduler_configs.clear();
  // Within the epoch that goes on nobody would install it again. What it does to the rates, the optimizer's state undoes.
  if (std::exchange(resumes_exactly_, false)) {
    if (initialized_) install_scheduler(trainer);
    if (in_batch_norm_pass_) {
      forget_momenta(module);
      trainer.fit_loop().optimization.skip_backward = true;
    }
  }
}

void StochasticWeightAveraging::install_scheduler(Trainer& trainer) {
  const auto& optimizer = trainer.optimizers().front();
  auto lrs = std::get_if<std::vector<double>>(&options_.swa_lrs) ? std::get<std::vector<double>>(options_.swa_lrs)
                                                                 : std::vector<double>(optimizer->group_count(), std::get<double>(options_.swa_lrs));
  for (std::size_t i = 0; i < std::min(lrs.size(), optimizer->group_count()); ++i) optimizer->set_initial_lr(i, lrs[i]);
  scheduler_ = optim::swa_lr(optimizer, {.swa_lr = lrs,
                                         .anneal_epochs = options_.annealing_epochs,
                                         .anneal_strategy = options_.annealing_strategy,
                                         // As in Lightning: it has no influence on the rates.
                                         .last_epoch = options_.annealing_strategy == "cos" ? trainer.max_epochs().value_or(-1) : -1});
  if (!scheduler_state_.is_none()) scheduler_->load_state_dict(scheduler_state_);
  else if (trainer.current_epoch() != swa_start()) {
    rank_zero_warn("SWA is initializing after swa_start without any checkpoint data. This may be caused by loading a checkpoint from an older "
                   "version of PyTorch Lightning.");
  }
  auto& configs = trainer.run().lr_scheduler_configs;
  const LRSchedulerConfig config{.scheduler = scheduler_, .reduce_on_plateau = false};
  if (configs.empty()) return configs.push_back(config);
  const LRSchedulerConfig& before = configs.front();
  if (before.interval != "epoch" || before.frequency != 1) {
    rank_zero_warn("SWA is currently only supported every epoch. Found LRSchedulerConfig(scheduler=" + std::string(before.scheduler->class_name()) +
                   ", interval='" + before.interval + "', frequency=" + std::to_string(before.frequency) + ")");
  }
  rank_zero_info("Swapping scheduler `" + std::string(before.scheduler->class_name()) + "` for `SWALR`");
  configs.front() = config;
}

void StochasticWeightAveraging::on_train_epoch_start(Trainer& trainer, LightningModule& module) {
  const std::int64_t epoch = trainer.current_epoch();
  const bool averages = swa_start() <= epoch && epoch <= swa_end();
  if (averages && !initialized_) {
    initialized_ = true;
    install_scheduler(trainer);
  }
  if (averages && epoch > latest_update_epoch_) {
    average_->update_parameters(/*with_buffers=*/false);
    latest_update_epoch_ = epoch;
  }
  // Also without batch normalization, for a run that goes on beyond its end.
  if (max_epochs_ != -1 && epoch == swa_end() + 1) begin_batch_norm_pass(trainer, module);
}

void StochasticWeightAveraging::begin_batch_norm_pass(Trainer& trainer, LightningModule& module) {
  average_->copy_parameters_to_module();
  if (!in_batch_norm_pass_) {
    accumulate_grad_batches_ = trainer.accumulate_grad_batches();
    forget_momenta(module);
  }
  for (torch::nn::Module* norm : batch_norm::all_in(module)) batch_norm::reset_running_stats(*norm);
  in_batch_norm_pass_ = true;
  trainer.fit_loop().optimization.skip_backward = true;
  const std::int64_t batches = trainer.num_training_batches();
  if (batches == unlimited) throw RuntimeError("Iterable-style datasets are not supported");
  // No window ends before the last batch.
  trainer.set_accumulate_grad_batches(batches + 1);
}

// Without a momentum all batches count alike.
void StochasticWeightAveraging::forget_momenta(LightningModule& module) {
  momenta_.clear();
  for (torch::nn::Module* norm : batch_norm::all_in(module)) momenta_.push_back(std::exchange(batch_norm::momentum(*norm), std::nullopt));
}

void StochasticWeightAveraging::on_train_epoch_end(Trainer& trainer, LightningModule&) { trainer.fit_loop().optimization.skip_backward = false; }

void StochasticWeightAveraging::on_train_end(Trainer& trainer, LightningModule& module) {
  const std::int64_t last = trainer.current_epoch() - 1;
  if (has_batch_norm_ && max_epochs_ != -1 && last == swa_end() + 1) {
    trainer.set_accumulate_grad_batches(accumulate_grad_batches_);
    trainer.set_max_epochs(max_epochs_);
    const auto norms = batch_norm::all_in(module);
    for (std::size_t i = 0; i < std::min(norms.size(), momenta_.size()); ++i) batch_norm::momentum(*norms[i]) = momenta_[i];
    in_batch_norm_pass_ = false;
  } else if (last == swa_end() || max_epochs_ == -1) {
    average_->copy_parameters_to_module();
  }
}

Value StochasticWeightAveraging::state_dict() const {
  return Dict{{"n_averaged", n_averaged()},
              {"latest_update_epoch", latest_update_epoch_},
              {"scheduler_state", scheduler_ ? scheduler_->state_dict() : Value()},
              {"average_model_state", average_ ? average_->module_state(pattern_) : Value()}};
}

void StochasticWeightAveraging::load_state_dict(const Value& state) {
  latest_update_epoch_ = state.at("latest_update_epoch").as_int();
  scheduler_state_ = state.at("scheduler_state");
  const Value& average = state.at("average_model_state");
  if (!average_ || average.is_none()) return;
  average_->load_module_state(average);
  average_->load_averaging_state(state);
}

Value StochasticWeightAveraging::resume_state() const {
  return Dict{{"initialized", initialized_}, {"in_batch_norm_pass", in_batch_norm_pass_}, {"accumulate_grad_batches", accumulate_grad_batches_}};
}

void StochasticWeightAveraging::load_resume_state(const Value& state) {
  initialized_ = state.at("initialized").as_bool();
  in_batch_norm_pass_ = state.at("in_batch_norm_pass").as_bool();
  accumulate_grad_batches_ = state.at("accumulate_grad_batches").as_int();
  resumes_exactly_ = true;
}

}  // namespace levin

#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "levin/framework/callback.h"

namespace torch::nn {
class Module;
}

namespace levin {

/// The base of callbacks that train parts of a model only later. Override `freeze_before_training` and `finetune_function`:
///
///     class Unfreeze : public levin::BaseFinetuning {
///       void freeze_before_training(levin::LightningModule& m) override { freeze(*static_cast<Net&>(m).encoder); }
///       void finetune_function(levin::LightningModule& m, std::int64_t epoch, levin::optim::Optimizer& optimizer) override {
///         if (epoch == 5) unfreeze_and_add_param_group(*static_cast<Net&>(m).encoder, optimizer);
///       }
///     };
///
/// `configure_optimizers` should give the optimizer only what requires gradients then: what is unfrozen is added as a new group of
/// parameters. A resumed run finds the groups and what was frozen as they were.
class LEVIN_API BaseFinetuning : public Callback {
 public:
  BaseFinetuning();
  ~BaseFinetuning() override;

  /// Freezes: called at `setup`, before `configure_optimizers`. NotImplementedError unless overridden, as the next one.
  virtual void freeze_before_training(LightningModule& module);
  /// Unfreezes: called for each optimizer when an epoch begins.
  virtual void finetune_function(LightningModule& module, std::int64_t epoch, optim::Optimizer& optimizer);

  /// One module, or several.
  struct Modules {
    Modules(torch::nn::Module& one) : list{&one} {}
    Modules(std::vector<torch::nn::Module*> several) : list(std::move(several)) {}
    std::vector<torch::nn::Module*> list;
  };
  /// The leaves, and the parents that have parameters of their own.
  static std::vector<torch::nn::Module*> flatten_modules(const Modules& modules);
  /// The parameters that do (or do not) require gradients; those of batch normalizations only with `train_bn`.
  static std::vector<at::Tensor> filter_params(const Modules& modules, bool train_bn = true, bool requires_grad = true);
  /// Gradients for all parameters, running statistics for batch normalizations.
  void make_trainable(const Modules& modules);
  /// No gradients; batch normalizations still train with `train_bn`, else their running statistics stand still.
  void freeze(const Modules& modules, bool train_bn = true);
  /// Those of `params` that are in no group of the optimizer; warns when some are.
  static std::vector<at::Tensor> filter_on_optimizer(const optim::Optimizer& optimizer, const std::vector<at::Tensor>& params);
  /// Unfreezes and adds a group of parameters with the rate `lr`, or the first group's divided by `initial_denom_lr`.
  void unfreeze_and_add_param_group(const Modules& modules, optim::Optimizer& optimizer, std::optional<double> lr = std::nullopt,
                                    double initial_denom_lr = 10.0, bool train_bn = true);

  void setup(Trainer& trainer, LightningModule& module, std::string_view stage) override;
  void on_fit_start(Trainer& trainer, LightningModule& module) override;
  void on_train_epoch_start(Trainer& trainer, LightningModule& module) override;
  /// {"internal_optimizer_metadata": per optimizer, its groups with the parameters' names}.
  Value state_dict() const override;
  void load_state_dict(const Value& state) override;
  /// Which parameters require no gradients, and which batch normalizations stand still.
  Value resume_state() const override;
  void load_resume_state(const Value& state) override;

 private:
  void freeze_module(torch::nn::Module& module);
  void hold_statistics(torch::nn::Module& module);
  void release_statistics(torch::nn::Module& module);
  void store(const LightningModule& module, std::int64_t opt_idx, const optim::Optimizer& optimizer, std::size_t groups_before);

  Value metadata_;  ///< a dict by the optimizer's number
  bool restarting_ = false;
  /// By what outlives the module, so that another one in its place is not taken for it.
  std::map<std::weak_ptr<torch::nn::Module>, std::optional<double>, std::owner_less<>> frozen_momenta_;
  LightningModule* module_ = nullptr;  ///< while a fit runs
  Value frozen_;  ///< `resume_state` of a checkpoint that goes on exactly
};

}  // namespace levin

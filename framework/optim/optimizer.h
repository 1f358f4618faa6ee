#pragma once
#include <torch/optim/optimizer.h>

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "levin/framework/base/export.h"
#include "levin/framework/base/value.h"

namespace levin::optim {

/// A group of parameters with settings of its own; unset ones are the optimizer's.
struct ParamGroup {
  std::vector<at::Tensor> params;
  std::optional<double> lr = std::nullopt;
  std::optional<double> weight_decay = std::nullopt;
};

/// What every group of every optimizer of levin has. Derived option structs add their own.
struct LEVIN_API GroupOptions : torch::optim::OptimizerOptions {
  double lr = 1e-3;
  double weight_decay = 0;
  bool maximize = false;
  /// The learning rate at the start, once a scheduler is attached.
  std::optional<double> initial_lr;
  double get_lr() const override { return lr; }
  void set_lr(const double value) override { lr = value; }
};

/// The base of levin's optimizers: torch's interface, and a state in Python's layout.
///
/// Parameters without a gradient are skipped. Tensor lists are built once and kept; a step allocates nothing.
class LEVIN_API Optimizer : public torch::optim::Optimizer {
 public:
  ~Optimizer() override;

  /// The name as torch has it, "AdamW".
  virtual const char* class_name() const = 0;
  /// Calls the closure with gradients enabled (if given), then updates the parameters. Returns the closure's loss.
  at::Tensor step(LossClosure closure = nullptr) override;
  /// Drops the gradients (or zeroes them in place). LibTorch's own detaches them in place first, which fails on views.
  void zero_grad(bool set_to_none = true);

  /// {"state": {0: {...}, ...}, "param_groups": [{..., "params": [0, 1, ...]}]}, as Python's `state_dict()` orders it. Tensors share
  /// memory with the optimizer.
  Value state_dict() const;
  /// Takes such a state over, from levin or Python. ValueError in torch's words if groups or sizes differ.
  void load_state_dict(const Value& state);

  std::size_t group_count() const { return param_groups().size(); }
  double lr(std::size_t group = 0) const { return options(group).lr; }
  void set_lr(std::size_t group, double lr) { options(group).lr = lr; }
  std::optional<double> initial_lr(std::size_t group = 0) const { return options(group).initial_lr; }
  void set_initial_lr(std::size_t group, double lr) { options(group).initial_lr = lr; }

 protected:
  explicit Optimizer(std::vector<torch::optim::OptimizerParamGroup> groups, std::unique_ptr<GroupOptions> defaults);

  /// One group's update; gradients exist for `present` (indices into the group's parameters).
  virtual void update(std::size_t group, const std::vector<std::size_t>& present) = 0;
  /// A group's settings in Python's order, without "initial_lr" and "params".
  virtual Value group_settings(const GroupOptions& options) const = 0;
  virtual void load_group_settings(GroupOptions& options, const Value& settings) const = 0;
  /// A parameter's state, in Python's order; an empty dict when it has none yet.
  virtual Value param_state(std::size_t group, std::size_t index) const = 0;
  virtual void load_param_state(std::size_t group, std::size_t index, const Value& state) = 0;

  const std::vector<at::Tensor>& params(std::size_t group) const { return param_groups()[group].params(); }
  GroupOptions& options(std::size_t group) const;
  /// A saved tensor on a parameter's device and in its type.
  static at::Tensor like(const at::Tensor& parameter, const Value& saved);

 private:
  std::vector<std::size_t> present_;
};

/// Turns parameter groups into torch's, each with a copy of `defaults` and its own overrides.
template <class Options>
std::vector<torch::optim::OptimizerParamGroup> make_groups(std::vector<ParamGroup> groups, const Options& defaults) {
  std::vector<torch::optim::OptimizerParamGroup> out;
  for (ParamGroup& group : groups) {
    auto options = std::make_unique<Options>(defaults);
    options->lr = group.lr.value_or(defaults.lr);
    options->weight_decay = group.weight_decay.value_or(defaults.weight_decay);
    out.emplace_back(std::move(group.params), std::move(options));
  }
  return out;
}

}  // namespace levin::optim

#pragma once
#include <torch/optim/optimizer.h>

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "levin/framework/base/export.h"
#include "levin/framework/base/value.h"
#include "levin/framework/tensors/tensors.h"

/// Optimizers and learning rate schedulers, with Python's names, numbers and state.
namespace levin::optim {

/// Parameters with values of their own; what is unset comes from the optimizer's options.
struct ParamGroup {
  std::vector<at::Tensor> params;
  std::optional<double> lr = std::nullopt;
  std::optional<double> weight_decay = std::nullopt;
};

/// What LibTorch keeps per group, around a plain options struct that has an `lr`.
template <class O>
struct GroupOptions final : torch::optim::OptimizerOptions {
  explicit GroupOptions(O given) : values(std::move(given)) {}
  std::unique_ptr<torch::optim::OptimizerOptions> clone() const override { return std::make_unique<GroupOptions>(values); }
  double get_lr() const override { return values.lr; }
  void set_lr(double lr) override { values.lr = lr; }
  O values;
};

/// A LibTorch optimizer whose state travels to Python and back.
///
/// To write one, derive from it, implement `step`, and describe what it keeps through the four protected functions; the layout of
/// `state_dict` is made here. `sgd`, `adam` and `adamw` are ready.
class LEVIN_API Optimizer : public torch::optim::Optimizer {
 public:
  using torch::optim::Optimizer::Optimizer;
  ~Optimizer() override;

  /// Python's name: "SGD", "AdamW".
  virtual const char* class_name() const = 0;
  /// Runs the closure (with gradients enabled) if there is one, updates the parameters that have a gradient, and returns the
  /// closure's loss (undefined without a closure).
  at::Tensor step(LossClosure closure = nullptr) override = 0;
  /// Drops the gradients, or fills them with zeros. Hides LibTorch's, which detaches gradients and so breaks those that are views.
  void zero_grad(bool set_to_none = true);

  /// `{"state": {0: {...}}, "param_groups": [{..., "params": [0, 1]}]}` as Python's `state_dict()`: parameters are numbered through
  /// all groups. Tensors on the CPU share memory with the optimizer; `levin::snapshot` makes a copy that stays.
  virtual Value state_dict() const;
  /// Takes over such a state, of this library or of Python; tensors are copied to their parameter's device and type. ValueError
  /// when groups or sizes differ; the optimizer is unchanged then.
  virtual void load_state_dict(const Value& state);

  std::size_t group_count() const { return param_groups().size(); }
  /// A group that is not there is a ValueError, here and below.
  double lr(std::size_t group = 0) const;
  void set_lr(std::size_t group, double lr);
  /// The rate that schedulers start from; unset until a scheduler was made.
  std::optional<double> initial_lr(std::size_t group = 0) const;
  void set_initial_lr(std::size_t group, double lr);
  /// What schedulers keep in a group beside the optimizer's own options ("initial_lr", "max_lr", ...), in Python's order.
  Dict& scheduler_entries(std::size_t group);
  const Dict& scheduler_entries(std::size_t group) const;

  /// SGD's momentum and Adam's betas, for schedulers that cycle them; unset where the optimizer has none.
  virtual std::optional<double> momentum(std::size_t group) const;
  virtual std::optional<std::array<double, 2>> betas(std::size_t group) const;
  /// ValueError where the optimizer has none.
  virtual void set_momentum(std::size_t group, double momentum);
  virtual void set_betas(std::size_t group, std::array<double, 2> betas);

 protected:
  /// Adds the group's options to `out`, in Python's order, without `params`.
  virtual void write_group(std::size_t group, Dict& out) const;
  /// Takes the options it knows from a group as `write_group` wrote it, and the rest is kept as scheduler entries.
  virtual void read_group(std::size_t group, const Dict& in);
  /// Adds what is kept for one parameter to `out`; nothing added: the parameter has no state.
  virtual void write_state(const at::Tensor& parameter, TensorExporter& tensors, Dict& out) const;
  virtual void read_state(const at::Tensor& parameter, const Dict& in);
  /// Checks such a state before anything is changed.
  virtual void check_state(const at::Tensor& parameter, const Dict& in) const;
  /// Called after a state was loaded.
  virtual void state_loaded() {}

  torch::optim::OptimizerOptions& group_options(std::size_t group);
  const torch::optim::OptimizerOptions& group_options(std::size_t group) const;
  /// The tensor as state for `parameter`: its device, type and memory layout, memory of its own.
  static at::Tensor state_like(const at::Tensor& parameter, const TensorRef& saved);

 private:
  std::vector<Dict> scheduler_entries_;  // grows with the groups
};

/// The groups for a constructor: `defaults` with each group's own values. A tensor that a group lists twice counts once, as in
/// Python's `parameters()`. ValueError for none, for one in two groups, for a non-leaf.
LEVIN_API std::vector<std::vector<at::Tensor>> checked_params(const std::vector<ParamGroup>& groups);

template <class O>
std::vector<torch::optim::OptimizerParamGroup> make_groups(const std::vector<ParamGroup>& groups, const O& defaults) {
  std::vector<torch::optim::OptimizerParamGroup> out;
  auto params = checked_params(groups);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    O options = defaults;
    if (groups[i].lr) options.lr = *groups[i].lr;
    if (groups[i].weight_decay) options.weight_decay = *groups[i].weight_decay;
    out.emplace_back(std::move(params[i]), std::make_unique<GroupOptions<O>>(options));
  }
  return out;
}

}  // namespace levin::optim

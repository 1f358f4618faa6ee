#pragma once
#include <torch/optim/optimizer.h>

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "levin/framework/base/export.h"
#include "levin/framework/base/fields.h"
#include "levin/framework/base/value.h"
#include "levin/framework/tensors/tensors.h"

/// Optimizers and learning rate schedulers, with Python's names, numbers and state.
namespace levin::optim {

/// Parameters with values of their own; what is unset comes from the optimizer's options.
///
///     optim::adamw({{.params = layers}, {.params = norms, .lr = 1e-4, .options = {{"amsgrad", true}}}}, {.weight_decay = 0.1})
struct ParamGroup {
  std::vector<at::Tensor> params;
  std::optional<double> lr = std::nullopt;
  std::optional<double> weight_decay = std::nullopt;
  /// Any other options of the optimizer, by their names in `fields()`: `{{"betas", Value::list({0.8, 0.9})}}`. A name that it does
  /// not have is a KeyError with the nearest one, a wrong type a TypeError.
  Dict options = {};
  /// What LearningRateMonitor calls the group; part of the state, like Python's entry "name".
  std::optional<std::string> name = std::nullopt;

  /// `options` with `lr` and `weight_decay` where they are set.
  LEVIN_API Dict own_options() const;
};

/// What a gradient scaler hands to a step, so that neither waits for the device (torch's attributes `grad_scale`, `found_inf`).
struct AmpScaling {
  at::Tensor grad_scale;  ///< gradients are divided by it; undefined: they are not
  at::Tensor found_inf;   ///< where it is not 0 the step changes nothing and does not count; undefined: it does
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
  /// when groups or sizes differ, TypeError for an option of another type; the optimizer is unchanged then.
  virtual void load_state_dict(const Value& state);

  /// Whether `step` minds an AmpScaling: those on fused kernels do. For the others a scaler unscales and decides itself.
  virtual bool step_supports_amp_scaling() const { return false; }
  /// For the steps that follow, until it is set anew; `{}` ends it.
  void set_amp_scaling(AmpScaling scaling) { amp_scaling_ = std::move(scaling); }

  std::size_t group_count() const { return param_groups().size(); }
  /// Adds parameters as a new group, with the optimizer's defaults where `group` says nothing: how layers that were frozen join in.
  /// Hides LibTorch's. ValueError for a parameter that is in a group already.
  void add_param_group(const ParamGroup& group);
  /// A group as in `state_dict()`, without "params".
  Dict group_dict(std::size_t group) const;
  /// Puts these groups in the place of all there are: options as `group_dict` gave them (absent ones get the defaults), and
  /// parameters. What is kept for parameters that are in them stays.
  void set_param_groups(std::vector<std::pair<Dict, std::vector<at::Tensor>>> groups);
  /// A group's name, as LearningRateMonitor shows it; part of `state_dict` like Python's entry "name". Unset: none.
  std::optional<std::string> group_name(std::size_t group) const;
  void set_group_name(std::size_t group, const std::string& name) { scheduler_entries(group)["name"] = name; }
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
  /// Takes the options it knows from a group as `write_group` wrote it, and the rest is kept as scheduler entries. Any value that a state
  /// can hold: a scheduler may have set what nobody would ask for, such as a rate a little below 0.
  virtual void read_group(std::size_t group, const Dict& in);
  /// Throws for options that nobody should ask for; called for groups that the user adds.
  virtual void check_group(std::size_t) const {}
  /// Adds what is kept for one parameter to `out`; nothing added: the parameter has no state.
  virtual void write_state(const at::Tensor& parameter, TensorExporter& tensors, Dict& out) const;
  virtual void read_state(const at::Tensor& parameter, const Dict& in);
  /// Checks such a state before anything is changed.
  virtual void check_state(const at::Tensor& parameter, const Dict& in) const;
  /// Called after a state was loaded or groups changed.
  virtual void groups_changed() {}

  torch::optim::OptimizerOptions& group_options(std::size_t group);
  const torch::optim::OptimizerOptions& group_options(std::size_t group) const;
  /// The tensor as state for `parameter`: its device, type and memory layout, memory of its own.
  static at::Tensor state_like(const at::Tensor& parameter, const TensorRef& saved);
  const AmpScaling& amp_scaling() const { return amp_scaling_; }

 private:
  void read_groups(const List& groups);
  void forget_strangers();

  AmpScaling amp_scaling_;
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
    read_fields(Value(groups[i].own_options()), options, "param_groups[" + std::to_string(i) + "]");
    out.emplace_back(std::move(params[i]), std::make_unique<GroupOptions<O>>(options));
  }
  return out;
}

}  // namespace levin::optim

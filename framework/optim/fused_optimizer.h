#pragma once
#include <cstdint>
#include <string_view>
#include <tuple>
#include <vector>

#include "levin/framework/base/errors.h"
#include "levin/framework/optim/group_reader.h"
#include "levin/framework/optim/optimizer.h"

namespace levin::optim {

/// One kind of tensor that is kept for each parameter.
struct StateColumn {
  enum class Kind : std::uint8_t {
    like_parameter,  ///< its shape, type, layout and device
    step,            ///< a 0-dim float32, counted up before each update
    number,          ///< another 0-dim float32
  };
  std::string_view name;  ///< Python's key
  Kind kind = Kind::like_parameter;
};

/// What one call of a kernel works on: parameters of one group, device, type and kind of size that have a gradient.
struct FusedBucket {
  std::vector<at::Tensor> parameters;
  std::vector<at::Tensor> gradients;           ///< filled for the call, emptied after it; laid out as the parameters
  std::vector<std::vector<at::Tensor>> state;  ///< one list per column; empty for one that is not used
  bool fresh = false;                          ///< the state was made for this very call
  bool small = false;                          ///< CPU parameters that are not worth a second thread
  at::Tensor lr;                               ///< the group's rate as a tensor beside the parameters; undefined unless asked for
  double lr_value = 0;                         ///< what it holds

  bool fits(const at::Tensor& parameter) const;
  bool on_cpu() const { return parameters.front().is_cpu(); }
};

/// What changes from step to step, for kernels that take it as tensors.
struct StepInputs {
  double lr = 0;
  at::Tensor lr_tensor;                 ///< the same rate; undefined unless `use_tensor_lr`
  std::optional<at::Tensor> grad_scale; ///< see AmpScaling; on the bucket's device
  std::optional<at::Tensor> found_inf;

  /// Calls `kernel` with the tensor if there is one, else with the number: the overloads of the fused kernels.
  template <class Kernel>
  void with_lr(Kernel kernel) const {
    if (lr_tensor.defined()) kernel(lr_tensor);
    else kernel(lr);
  }
};

/// An optimizer that updates many parameters with one kernel. The lists of tensors are built when a parameter gets its first
/// gradient and kept until another set of parameters has gradients.
class LEVIN_API FusedOptimizer : public Optimizer {
 public:
  ~FusedOptimizer() override;
  at::Tensor step(LossClosure closure = nullptr) override;

  /// Has the kernels read the rates from tensors on the device, so that a captured graph of a step follows a scheduler. Only where
  /// `takes_tensor_lr`.
  void use_tensor_lr(bool on);
  virtual bool takes_tensor_lr() const { return false; }
  /// Another number whenever `step` may read or write tensors that it didn't before: a graph recorded until then is of no use.
  std::int64_t layout() const { return layout_; }
  /// Brings those tensors up to date with `lr`; `step` does so itself, a graph that is replayed does not.
  void refresh_lr();

 protected:
  FusedOptimizer(const std::vector<torch::optim::OptimizerParamGroup>& groups,
                 std::unique_ptr<torch::optim::OptimizerOptions> defaults, std::vector<StateColumn> columns);

  /// Whether the group's options ask for a column.
  virtual bool uses(std::size_t, std::size_t) const { return true; }
  /// Where a parameter's steps and numbers are: on its device, or on the host for kernels that compute with them there.
  virtual bool steps_on_device(std::size_t) const { return true; }
  /// What a new state is filled with.
  virtual double initial_value(std::size_t, std::size_t) const { return 0; }
  /// Runs the kernel.
  virtual void update(std::size_t group, FusedBucket& bucket, const StepInputs& inputs) = 0;

  void write_state(const at::Tensor& parameter, TensorExporter& tensors, Dict& out) const override;
  void read_state(const at::Tensor& parameter, const Dict& in) override;
  void check_state(const at::Tensor& parameter, const Dict& in) const override;
  void groups_changed() override {
    plans_.clear();
    ++layout_;
  }
  /// Makes the state of all parameters now, for the optimizers that do not wait for a gradient.
  void make_state();

 private:
  struct Slot {
    at::Tensor parameter;
    std::size_t bucket;
    std::vector<std::int64_t> strides;  // how it lay then; only where it has dimensions enough for another memory format
  };
  struct Plan {
    std::vector<Slot> slots;  // in the group's order
    std::vector<FusedBucket> buckets;
    std::uint32_t columns = 0;  // those in use
    bool built = false;
  };
  std::uint32_t columns_in_use(std::size_t group) const;
  bool take_gradients(std::size_t group, Plan& plan) const;
  void build(std::size_t group, Plan& plan);
  std::vector<at::Tensor>& ready_state(std::size_t group, const at::Tensor& parameter, std::uint32_t used, bool& fresh);
  at::Device device_of(std::size_t group, std::size_t column, const at::Tensor& parameter) const;
  at::Tensor new_column(std::size_t group, std::size_t column, const at::Tensor& parameter) const;
  void run(std::size_t group, FusedBucket& bucket);
  void refresh_lr(std::size_t group, FusedBucket& bucket) const;

  std::vector<StateColumn> columns_;
  std::vector<Plan> plans_;  // one per group
  std::int64_t layout_ = 0;
  bool tensor_lr_ = false;
};

/// ValueError, in torch's words, for betas that are not in [0, 1).
LEVIN_API void require_betas(const std::array<double, 2>& betas);

/// A FusedOptimizer whose options are a plain struct with a `fields()` list and, found beside it, `check(const O&)`, which throws for
/// values out of range. With `Options`, the constructors, `class_name` and `update` an optimizer is complete.
template <class O>
class OptimizerWith : public FusedOptimizer {
 public:
  using Options = O;

  const O& options(std::size_t group) const { return static_cast<const GroupOptions<O>&>(group_options(group)).values; }
  std::optional<double> momentum(std::size_t group) const override {
    if constexpr (requires(O o) { o.momentum; }) return options(group).momentum;
    else return FusedOptimizer::momentum(group);
  }
  std::optional<std::array<double, 2>> betas(std::size_t group) const override {
    if constexpr (requires(O o) { o.betas; }) return options(group).betas;
    else return FusedOptimizer::betas(group);
  }
  void set_momentum(std::size_t group, double momentum) override {
    if constexpr (requires(O o) { o.momentum; }) mutable_options(group).momentum = momentum;
    else FusedOptimizer::set_momentum(group, momentum);
  }
  void set_betas(std::size_t group, std::array<double, 2> betas) override {
    if constexpr (requires(O o) { o.betas; }) mutable_options(group).betas = betas;
    else FusedOptimizer::set_betas(group, betas);
  }

 protected:
  /// `keys`: the entries of a group in the order of Python's state, which is not always that of the arguments.
  OptimizerWith(const std::vector<ParamGroup>& groups, const O& defaults, std::vector<StateColumn> columns,
                std::vector<std::string_view> keys)
      : FusedOptimizer(make_groups(groups, defaults), std::make_unique<GroupOptions<O>>(defaults), std::move(columns)),
        keys_(std::move(keys)) {
    check(defaults);
    for (std::size_t i = 0; i < groups.size(); ++i) {
      check(options(i));
      if constexpr (requires(O o) { o.differentiable; }) {
        if (options(i).differentiable)
          throw ValueError(std::string("differentiable=True: a step is never recorded for autograd here; leave it out"));
      }
      if (groups[i].name) set_group_name(i, *groups[i].name);
    }
  }

  O& mutable_options(std::size_t group) { return static_cast<GroupOptions<O>&>(group_options(group)).values; }

  void write_group(std::size_t group, Dict& out) const override {
    for (const std::string_view key : keys_) out[key] = Value();
    fields([&](std::string_view name, auto& member, std::string_view) {
      using Member = std::remove_cvref_t<decltype(member)>;
      const Value value = Field<Member>::write(member);
      if constexpr (requires { std::tuple_size<Member>::value; }) out[name] = Value::tuple(value.items());
      else out[name] = value;
    }, const_cast<O&>(options(group)));
  }
  void read_group(std::size_t group, const Dict& in) override {
    O changed = options(group);
    read_entries(in, changed);
    Optimizer::read_group(group, in);
    mutable_options(group) = changed;
  }
  void check_group(std::size_t group) const override { check(options(group)); }

 private:
  std::vector<std::string_view> keys_;
};

}  // namespace levin::optim

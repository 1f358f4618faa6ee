#pragma once
#include <string_view>
#include <vector>

#include "levin/framework/optim/optimizer.h"

namespace levin::optim {

/// One kind of tensor that is kept for each parameter.
struct StateColumn {
  std::string_view name; ///< Python's key
  bool step = false;     ///< a 0-dim float32 counter instead of a tensor like the parameter
};

/// What one call of a fused kernel works on: parameters of one group, device, type and kind of
/// size that have a gradient.
struct FusedBucket {
  std::vector<at::Tensor> parameters;
  std::vector<at::Tensor> gradients;           ///< filled for the call, emptied after it
  std::vector<std::vector<at::Tensor>> state;  ///< one list per column in use
  bool fresh = false;                          ///< the state was made for this very call
  bool small = false;                          ///< CPU parameters that are not worth a second thread

  bool fits(const at::Tensor& parameter) const;
};

/// An optimizer that updates many parameters with one kernel. The lists of tensors are built when a parameter gets its first
/// gradient and kept until another set of parameters has gradients.
class LEVIN_API FusedOptimizer : public Optimizer {
 public:
  ~FusedOptimizer() override;
  at::Tensor step(LossClosure closure = nullptr) override;

 protected:
  FusedOptimizer(const std::vector<torch::optim::OptimizerParamGroup>& groups,
                 std::unique_ptr<torch::optim::OptimizerOptions> defaults, std::vector<StateColumn> columns);

  /// How many of the columns the group's options ask for: the first n.
  virtual std::size_t columns_in_use(std::size_t group) const = 0;
  /// Runs the kernel.
  virtual void update(std::size_t group, FusedBucket& bucket) = 0;

  void write_state(const at::Tensor& parameter, TensorExporter& tensors, Dict& out) const override;
  void read_state(const at::Tensor& parameter, const Dict& in) override;
  void check_state(const at::Tensor& parameter, const Dict& in) const override;
  void groups_changed() override { plans_.clear(); }

 private:
  struct Slot {
    at::Tensor parameter;
    std::size_t bucket;
  };
  struct Plan {
    std::vector<Slot> slots;  // in the group's order
    std::vector<FusedBucket> buckets;
    std::size_t columns = 0;
  };
  bool take_gradients(std::size_t group, Plan& plan) const;
  void build(std::size_t group, Plan& plan);

  std::vector<StateColumn> columns_;
  std::vector<Plan> plans_;  // one per group
};

}  // namespace levin::optim

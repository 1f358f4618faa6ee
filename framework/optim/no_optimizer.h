#pragma once
#include "levin/framework/optim/optimizer.h"

namespace levin::optim {

/// Stands in where `configure_optimizers` returned nothing: its step runs the closure and changes no parameter, so hooks are called
/// and steps counted as ever.
class LEVIN_API NoOptimizer final : public Optimizer {
 public:
  NoOptimizer();
  const char* class_name() const override { return "_MockOptimizer"; }
  at::Tensor step(LossClosure closure = nullptr) override { return closure ? closure() : at::Tensor(); }
  /// Empty, and read by nobody.
  Value state_dict() const override { return Value::dict(); }
  void load_state_dict(const Value&) override {}
};

}  // namespace levin::optim

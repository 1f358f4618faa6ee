#pragma once
#include <string>
#include <string_view>

#include "levin/framework/precision/precision.h"

namespace levin {

/// Everything in one type: parameters and buffers are converted when a run begins (and stay so), inputs as they come, and tensors made in
/// a step without a type get it. The default type is one for the process: a dataset that makes tensors in worker threads must name
/// their type, or they depend on when they were made.
///
/// Layers made within `const auto context = trainer.init_module();` have the type from the start.
class LEVIN_API TruePrecision : public Precision {
 public:
  std::string name() const override { return name_; }
  void convert_module(LightningModule& module) override;
  Batch convert_input(Batch batch) override;
  ForwardContext forward_context() override;
  std::shared_ptr<void> tensor_init_context() override;

 protected:
  TruePrecision(std::string_view name, at::ScalarType type);

 private:
  std::string name_;
  at::ScalarType type_;
};

/// "16-true" (float16) or "bf16-true" (bfloat16); anything else is a ValueError. Half the memory; bfloat16 keeps float32's range.
class LEVIN_API HalfPrecision final : public TruePrecision {
 public:
  explicit HalfPrecision(std::string_view precision = "16-true");
};

/// "64-true": float64.
class LEVIN_API DoublePrecision final : public TruePrecision {
 public:
  DoublePrecision();
};

}  // namespace levin

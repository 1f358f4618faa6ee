#pragma once
#include <cstdint>
#include <exception>
#include <functional>
#include <string_view>

#include "levin/framework/callback.h"

namespace levin {

// The hooks that take functions, in Lightning's order: (name, arguments after the trainer and the module).
#define LEVIN_LAMBDA_HOOKS(X)                                                                                                  \
  X(setup, std::string_view) X(teardown, std::string_view) X(on_fit_start) X(on_fit_end) X(on_sanity_check_start)               \
  X(on_sanity_check_end) X(on_train_batch_start, const Batch&, std::int64_t)                                                    \
  X(on_train_batch_end, const StepOutput&, const Batch&, std::int64_t) X(on_train_epoch_start) X(on_train_epoch_end)            \
  X(on_validation_epoch_start) X(on_validation_epoch_end) X(on_test_epoch_start) X(on_test_epoch_end)                           \
  X(on_validation_batch_start, const Batch&, std::int64_t) X(on_validation_batch_end, const StepOutput&, const Batch&, std::int64_t) \
  X(on_test_batch_start, const Batch&, std::int64_t) X(on_test_batch_end, const StepOutput&, const Batch&, std::int64_t)        \
  X(on_train_start) X(on_train_end) X(on_validation_start) X(on_validation_end) X(on_test_start) X(on_test_end)                 \
  X(on_exception, const std::exception&) X(on_save_checkpoint, Value&) X(on_load_checkpoint, const Value&)                      \
  X(on_before_backward, const at::Tensor&) X(on_after_backward) X(on_before_optimizer_step, optim::Optimizer&)                  \
  X(on_before_zero_grad, optim::Optimizer&) X(on_predict_start) X(on_predict_end)                                               \
  X(on_predict_batch_start, const Batch&, std::int64_t) X(on_predict_batch_end, const StepOutput&, const Batch&, std::int64_t)  \
  X(on_predict_epoch_start) X(on_predict_epoch_end)

struct LambdaCallbackOptions {
#define LEVIN_LAMBDA_OPTION(name, ...) std::function<void(Trainer&, LightningModule& __VA_OPT__(, ) __VA_ARGS__)> name = {};
  LEVIN_LAMBDA_HOOKS(LEVIN_LAMBDA_OPTION)
#undef LEVIN_LAMBDA_OPTION
};
template <class V>
void fields(V&& f, LambdaCallbackOptions& o) {
#define LEVIN_LAMBDA_FIELD(name, ...) f(#name, o.name, "what is called at this hook");
  LEVIN_LAMBDA_HOOKS(LEVIN_LAMBDA_FIELD)
#undef LEVIN_LAMBDA_FIELD
}

/// A callback of single functions, for what is not worth a class:
///
///     levin::make<levin::LambdaCallback>({.on_train_epoch_end = [](levin::Trainer& trainer, levin::LightningModule&) { ... }})
class LEVIN_API LambdaCallback : public Callback {
 public:
  using Options = LambdaCallbackOptions;
  explicit LambdaCallback(Options options = {});
  ~LambdaCallback() override;
#define LEVIN_LAMBDA_HOOK(name, ...) void name(Trainer& trainer, LightningModule& module __VA_OPT__(, ) __VA_ARGS__) override;
  LEVIN_LAMBDA_HOOKS(LEVIN_LAMBDA_HOOK)
#undef LEVIN_LAMBDA_HOOK

 private:
  Options options_;
};

}  // namespace levin

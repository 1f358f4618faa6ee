#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "levin/framework/base/export.h"

namespace levin {

// Every hook with its rule for `log()` (Lightning's _FxValidator, reference: logger_connector/fx_validator.py):
// no: log() is an error; step: on_step by default, both allowed; batch: on_epoch by default, both allowed; epoch: on_epoch only.
#define LEVIN_HOOKS(X)                                                                                                    \
  X(none, no) X(prepare_data, no) X(setup, no) X(teardown, no) X(configure_model, no) X(configure_callbacks, no)         \
  X(configure_optimizers, no) X(train_dataloader, no) X(val_dataloader, no) X(test_dataloader, no) X(predict_dataloader, no) \
  X(on_fit_start, no) X(on_fit_end, no) X(on_sanity_check_start, no) X(on_sanity_check_end, no)                           \
  X(on_train_start, epoch) X(on_train_end, no) X(on_train_epoch_start, epoch) X(on_train_epoch_end, epoch)                \
  X(on_train_batch_start, step) X(on_train_batch_end, step) X(training_step, step)                                        \
  X(on_validation_start, epoch) X(on_validation_end, no) X(on_validation_epoch_start, epoch)                              \
  X(on_validation_epoch_end, epoch) X(on_validation_batch_start, batch) X(on_validation_batch_end, batch)                 \
  X(validation_step, batch) X(on_validation_model_eval, no) X(on_validation_model_train, no)                              \
  X(on_validation_model_zero_grad, no)                                                                                    \
  X(on_test_start, epoch) X(on_test_end, no) X(on_test_epoch_start, epoch) X(on_test_epoch_end, epoch)                    \
  X(on_test_batch_start, batch) X(on_test_batch_end, batch) X(test_step, batch) X(on_test_model_eval, no)                 \
  X(on_test_model_train, no)                                                                                              \
  X(on_predict_start, no) X(on_predict_end, no) X(on_predict_epoch_start, no) X(on_predict_epoch_end, no)                 \
  X(on_predict_batch_start, no) X(on_predict_batch_end, no) X(predict_step, no) X(on_predict_model_eval, no)              \
  X(on_before_batch_transfer, no) X(transfer_batch_to_device, no) X(on_after_batch_transfer, no)                          \
  X(on_before_zero_grad, step) X(optimizer_zero_grad, step) X(on_before_backward, step) X(backward, step)                 \
  X(on_after_backward, step) X(on_before_optimizer_step, step) X(optimizer_step, step)                                    \
  X(configure_gradient_clipping, step) X(clip_gradients, step) X(lr_scheduler_step, no)                                   \
  X(on_exception, no) X(on_save_checkpoint, no) X(on_load_checkpoint, no) X(state_dict, no) X(load_state_dict, no)

enum class Hook : std::uint8_t {
#define LEVIN_HOOK_ENUM(name, rule) name,
  LEVIN_HOOKS(LEVIN_HOOK_ENUM)
#undef LEVIN_HOOK_ENUM
};

/// "on_train_start", ...
LEVIN_API const char* hook_name(Hook hook);

/// Whether a metric is logged per step and per epoch, once defaults are filled in.
struct LogLevels {
  bool on_step, on_epoch;
};
/// Fills in `on_step` and `on_epoch` as Lightning does for this hook. MisconfigurationException in Lightning's words where the
/// hook does not support `log()` or not that level.
LEVIN_API LogLevels log_levels(Hook hook, std::optional<bool> on_step, std::optional<bool> on_epoch);

}  // namespace levin

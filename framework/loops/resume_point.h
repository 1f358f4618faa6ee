#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "levin/framework/callback.h"

namespace levin {

/// Where in the fit loop a checkpoint was saved, and so where a run that is resumed exactly goes on: the place, and within a hook
/// the callbacks that had already been called.
struct ResumePoint {
  /// In the order of a run. A place with `_end` is inside the hook of that name; `batch` is before the next batch (or within one,
  /// which is then repeated), `validation` within a validation, which is then repeated.
  enum class At : std::uint8_t {
    train_start, epoch_start, batch, batch_end, validation, validation_end, epoch_end, between_epochs, train_end,
  };
  At at = At::train_start;
  /// Within a hook: 0 the callbacks, 1 the module; `on_train_epoch_end` has 2, the monitoring callbacks, after these.
  int phase = 0;
  /// How many of the phase's callbacks, from the Trainer's first on, had been called, the one that saved among them.
  int calls = 0;

  bool inside_batch() const { return at >= At::batch && at <= At::validation_end; }
  /// The epoch at hand needs no batches any more.
  bool starts_another_epoch() const { return at >= At::epoch_end; }
  bool inside_epoch() const { return at >= At::epoch_start && at <= At::epoch_end; }
};

/// Predicates for `Run::call_callbacks_if`: all callbacks; those of another predicate without the first `n` callbacks.
inline constexpr auto everyone = [](const Callback&) { return true; };
template <class Predicate>
auto after(int n, Predicate predicate) {
  return [n, predicate, seen = 0](const Callback& callback) mutable { return seen++ >= n && predicate(callback); };
}

}  // namespace levin

#pragma once
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/value.h"

/// "Is a better than b?": what ModelCheckpoint, EarlyStopping and ReduceLROnPlateau ask of a
/// metric.
namespace levin {

enum class MonitorMode : std::uint8_t { min, max };

inline const char* monitor_mode_name(MonitorMode mode) {
  return mode == MonitorMode::min ? "min" : "max";
}

/// "min" or "max"; anything else is a MisconfigurationException with the text that
/// `complaint(given)` makes: each callback has its own words.
inline MonitorMode monitor_mode(const std::string& text,
                                const std::function<std::string(const std::string&)>& complaint) {
  if (text == "min") return MonitorMode::min;
  if (text == "max") return MonitorMode::max;
  throw MisconfigurationException(complaint(text));
}

/// A metric's value and the type it was logged in (float32 unless the user logged float64; "epoch"
/// and "step" are int64). The value is already rounded to that type.
struct Score {
  double value = 0;
  DType dtype = DType::float32;

  /// The 0-dim tensor that a checkpoint stores.
  Value tensor() const { return Value::scalar_tensor(value, dtype); }
  static Score from(const Value& stored) {
    return {stored.number(), stored.is_tensor() ? stored.as_tensor().dtype : DType::float32};
  }
};

/// A Python number as torch rounds it when it meets a tensor of `dtype`: in a float64 tensor not at
/// all, else to float32.
inline double in_precision(double number, DType dtype) {
  return dtype == DType::float64 ? number : static_cast<double>(static_cast<float>(number));
}

struct Monitor {
  std::string key;                      ///< the metric's name in `callback_metrics`
  MonitorMode mode = MonitorMode::min;  ///< is lower or higher better
  double min_delta = 0;                 ///< how much better counts as an improvement, >= 0

  /// Strictly better; NaN is never better, and nothing is better than NaN.
  bool better(double a, double b) const { return mode == MonitorMode::min ? a < b : a > b; }
  /// Better by more than `min_delta`; exactly `min_delta` is no improvement. Computed in the
  /// metric's precision, as torch does.
  bool improves(const Score& current, const Score& best) const {
    const double delta =
        in_precision(mode == MonitorMode::min ? -min_delta : min_delta, current.dtype);
    return better(in_precision(current.value - delta, current.dtype), best.value);
  }
  /// What every number beats: +inf for min, -inf for max.
  double worst() const {
    const double inf = std::numeric_limits<double>::infinity();
    return mode == MonitorMode::min ? inf : -inf;
  }
  /// "<" for min, ">" for max.
  const char* sign() const { return mode == MonitorMode::min ? "<" : ">"; }
};

}  // namespace levin

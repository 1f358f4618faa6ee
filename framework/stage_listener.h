#pragma once
#include <string_view>

#include "levin/framework/base/export.h"

namespace levin {

/// A logger that wants to know what it is that runs derives from this as well.
class LEVIN_API StageListener {
 public:
  virtual ~StageListener() = default;
  /// "fit", "validate", "test" or "predict" begins; after `open`, before the `setup` hooks, on rank 0.
  virtual void on_stage(std::string_view stage) = 0;
};

}  // namespace levin

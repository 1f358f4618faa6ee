#pragma once
#include <string>

#include "levin/framework/base/export.h"

namespace levin {

/// What NVIDIA's driver says without any of CUDA's other libraries.
struct CudaDriver {
  int device_count = 0;
  /// Why there is no device, as the end of a sentence.
  std::string why_none;
};

/// Asks once per process: a machine without a driver answers within microseconds.
LEVIN_API const CudaDriver& cuda_driver();

}  // namespace levin

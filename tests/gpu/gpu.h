#pragma once
// What the programs that need a GPU have in common.
#include <stdexcept>
#include <string>

#include "levin/framework/accelerators/cuda_backend.h"
#include "levin/framework/accelerators/cuda_driver.h"

/// Throws, with the reason, where there is no GPU.
inline levin::CudaBackend& gpu() {
  const levin::CudaDriver& driver = levin::cuda_driver();
  if (driver.device_count == 0) throw std::runtime_error("this needs an NVIDIA GPU, but " + driver.why_none);
  return levin::cuda_backend();
}

#include "levin/framework/accelerators/cuda_accelerator.h"

#include <ATen/Context.h>

#include "levin/framework/accelerators/cuda_backend.h"
#include "levin/framework/accelerators/cuda_driver.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/python_format.h"

namespace levin {

std::string CUDAAccelerator::why_unavailable() const {
  const CudaDriver& driver = cuda_driver();
  if (driver.device_count == 0) return driver.why_none;
  if (cuda_library_path().empty()) return "there are GPUs, but this levin was built without liblevin_cuda.so: see docs/devices.md";
  return "";
}

bool CUDAAccelerator::is_available() const { return why_unavailable().empty(); }
std::int64_t CUDAAccelerator::auto_device_count() const { return cuda_driver().device_count; }

std::vector<at::Device> CUDAAccelerator::parse_devices(const Devices& devices) const {
  std::vector<at::Device> out;
  for (const std::int64_t index : parse_gpu_ids(devices, auto_device_count()))
    out.emplace_back(at::kCUDA, static_cast<at::DeviceIndex>(index));
  return out;
}

void CUDAAccelerator::load() { cuda_backend(); }

void CUDAAccelerator::setup_device(at::Device device) {
  if (!device.is_cuda()) throw ValueError("Device should be CUDA, got " + device.str() + " instead.");
  CudaBackend& backend = cuda_backend();
  const CudaDevice properties = backend.properties(device);
  const bool ampere = properties.major >= 8;
  if (ampere && at::globalContext().float32MatmulPrecision() == at::Float32MatmulPrecision::HIGHEST) {
    info_once("You are using a CUDA device (" + python_repr(std::string_view(properties.name)) +
              ") that has Tensor Cores. To properly utilize them, you should set `torch.set_float32_matmul_precision('medium' | 'high')` "
              "which will trade-off precision for performance. For more details, read "
              "https://pytorch.org/docs/stable/generated/torch.set_float32_matmul_precision.html#torch.set_float32_matmul_precision");
  }
  backend.set_device(device);
}

std::unique_ptr<GraphRecorder> CUDAAccelerator::make_graph_recorder(at::Device device) { return cuda_backend().make_graph_recorder(device); }

void CUDAAccelerator::teardown() {
  if (CudaBackend* backend = loaded_cuda_backend()) backend->clear_memory();
}

}  // namespace levin

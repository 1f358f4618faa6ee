#include "levin/framework/accelerators/cuda_driver.h"

#include <dlfcn.h>

namespace levin {
namespace {

constexpr const char* way_out = "; `accelerator=\"cpu\"` needs none";

CudaDriver none(const std::string& why) { return {0, why + way_out}; }

// The driver's own words for an error, such as "no CUDA-capable device is detected".
std::string text_of(void* library, int error) {
  using ErrorString = int (*)(int, const char**);
  const auto error_string = reinterpret_cast<ErrorString>(::dlsym(library, "cuGetErrorString"));
  const char* text = nullptr;
  if (!error_string || error_string(error, &text) != 0 || !text) return "error " + std::to_string(error);
  return text;
}

CudaDriver ask() {
  void* const library = ::dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
  if (!library) return none("this machine has no NVIDIA driver: libcuda.so.1 is not there");
  using Init = int (*)(unsigned);
  using Count = int (*)(int*);
  const auto init = reinterpret_cast<Init>(::dlsym(library, "cuInit"));
  const auto count = reinterpret_cast<Count>(::dlsym(library, "cuDeviceGetCount"));
  if (!init || !count) return none("libcuda.so.1 is not NVIDIA's driver");
  if (const int error = init(0)) return none("NVIDIA's driver says: " + text_of(library, error));
  CudaDriver out;
  if (const int error = count(&out.device_count)) return none("NVIDIA's driver says: " + text_of(library, error));
  return out.device_count > 0 ? out : none("NVIDIA's driver shows no GPU; look at CUDA_VISIBLE_DEVICES");
}

}  // namespace

const CudaDriver& cuda_driver() {
  static const CudaDriver driver = ask();
  return driver;
}

}  // namespace levin

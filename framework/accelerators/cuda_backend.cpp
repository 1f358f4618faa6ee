#include "levin/framework/accelerators/cuda_backend.h"

#include <dlfcn.h>

#include <atomic>
#include <filesystem>
#include <mutex>

#include "levin/framework/base/errors.h"

namespace levin {

CudaBackend::~CudaBackend() = default;
GraphRecorder::~GraphRecorder() = default;

namespace {

std::mutex mutex;
std::atomic<CudaBackend*> loaded{nullptr};

// RTLD_GLOBAL, so that plug-ins which are linked with LibTorch's CUDA half share it. It registers its kernels as it is loaded, and has to
// be there before anything asks ATen for CUDA: ATen remembers a no.
CudaBackend* load() {
  const std::string path = cuda_library_path();
  if (path.empty()) throw RuntimeError("this levin was built without liblevin_cuda.so, so it has no CUDA devices: see docs/devices.md");
  void* const library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (!library) {
    throw RuntimeError("CUDA devices can't be used, since a library is missing: " + std::string(::dlerror()) +
                       "; `scripts/setup --cuda` installs LibTorch with all of NVIDIA's libraries");
  }
  using Make = CudaBackend* (*)();
  const auto make = reinterpret_cast<Make>(::dlsym(library, "levin_cuda_backend"));
  if (!make) throw RuntimeError(path + " is not of this levin: it has no levin_cuda_backend; build it anew");
  return make();
}

}  // namespace

std::string cuda_library_path() {
  Dl_info own;
  if (!::dladdr(reinterpret_cast<const void*>(&cuda_library_path), &own) || !own.dli_fname) return "";
  std::error_code ignored;
  const auto beside = std::filesystem::absolute(own.dli_fname, ignored).parent_path() / "liblevin_cuda.so";
  return std::filesystem::exists(beside, ignored) ? beside.string() : "";
}

CudaBackend& cuda_backend() {
  if (CudaBackend* backend = loaded.load(std::memory_order_acquire)) return *backend;
  const std::lock_guard lock(mutex);
  if (!loaded.load()) loaded.store(load(), std::memory_order_release);
  return *loaded.load();
}

CudaBackend* loaded_cuda_backend() { return loaded.load(std::memory_order_acquire); }

}  // namespace levin

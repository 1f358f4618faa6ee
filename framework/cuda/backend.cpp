#include "levin/framework/cuda/backend.h"

#include <ATen/Context.h>
#include <ATen/cuda/CUDAContext.h>
#include <ATen/cuda/CUDAGeneratorImpl.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <torch/csrc/distributed/c10d/Backend.hpp>

#include <algorithm>
#include <cstdlib>
#include <mutex>

#include "levin/callbacks/device_stats_monitor.h"
#include "levin/callbacks/throughput_monitor.h"
#include "levin/framework/accelerators/cuda_flops.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/data/seed.h"

namespace levin::cuda {
namespace {

class Backend final : public CudaBackend {
 public:
  int device_count() override { return c10::cuda::device_count(); }

  CudaDevice properties(at::Device device) override {
    const cudaDeviceProp& found = *at::cuda::getDeviceProperties(device.index());
    return {found.name, found.major, found.minor, static_cast<std::int64_t>(found.totalGlobalMem)};
  }

  void set_device(at::Device device) override { c10::cuda::set_device(device.index()); }

  void synchronize(at::Device device) override {
    const c10::cuda::CUDAGuard guard(device);
    c10::cuda::device_synchronize();
  }

  void clear_memory() override {
    at::cuda::clearCublasWorkspaces();
    c10::cuda::CUDACachingAllocator::emptyCache();
  }

  std::vector<std::pair<std::string, double>> memory_stats(at::Device device) override { return cuda::memory_stats(device); }

  std::vector<at::Tensor> generator_states() override {
    std::vector<at::Tensor> out;
    each_generator([&](at::Generator& generator, std::size_t) { out.push_back(generator.get_state()); });
    return out;
  }

  void set_generator_states(const std::vector<at::Tensor>& states) override {
    each_generator([&](at::Generator& generator, std::size_t index) {
      if (index < states.size()) generator.set_state(states[index]);
    });
  }

  void seed(std::uint64_t seed) override {
    each_generator([&](at::Generator& generator, std::size_t) { generator.set_current_seed(seed); });
  }

  std::vector<at::Tensor> to_device(const std::vector<at::Tensor>& tensors, at::Device device) override { return cuda::to_device(tensors, device); }

  std::unique_ptr<GraphRecorder> make_graph_recorder(at::Device device) override { return cuda::make_graph_recorder(device); }

  c10::intrusive_ptr<c10d::Backend> make_nccl(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size, std::chrono::milliseconds timeout,
                                              at::Device device) override {
    return cuda::make_nccl(store, rank, size, timeout, device);
  }

 private:
  template <class F>
  void each_generator(F&& f) {
    for (int index = 0; index < device_count(); ++index) {
      at::Generator generator = at::cuda::detail::getDefaultCUDAGenerator(static_cast<at::DeviceIndex>(index));
      const std::lock_guard lock(generator.mutex());
      f(generator, static_cast<std::size_t>(index));
    }
  }
};

Backend* make() {
  static Backend backend;
  if (backend.device_count() == 0) return &backend;
  // ATen asks once whether there is CUDA, and keeps to the answer.
  if (!at::hasCUDA()) {
    throw RuntimeError("LibTorch was asked for CUDA before levin had loaded it, and says no from then on; make the Trainer, or call "
                       "levin::cuda_backend(), before anything such as torch::cuda::is_available(), a backward on the CPU or is_pinned()");
  }
  // For `deterministic`, also of a later Trainer: ATen looks at it once, at the first product of matrices.
  ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
  at::globalContext().lazyInitDevice(c10::DeviceType::CUDA);
  if (const auto seed = global_seed()) backend.seed(*seed);
  return &backend;
}

}  // namespace
}  // namespace levin::cuda

extern "C" LEVIN_API levin::CudaBackend* levin_cuda_backend() {
  levin::register_device_stats(at::kCUDA, [](at::Device device) { return levin::cuda::memory_stats(device); });
  levin::register_available_flops(at::kCUDA, [](at::Device device, std::string_view precision) {
    const levin::CudaDevice properties = levin::cuda_backend().properties(device);
    const bool tf32 = properties.major >= 8 && at::globalContext().float32MatmulPrecision() != at::Float32MatmulPrecision::HIGHEST;
    return levin::cuda_flops(properties.name, precision, tf32);
  });
  return levin::cuda::make();
}

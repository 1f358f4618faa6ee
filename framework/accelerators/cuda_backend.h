#pragma once
#include <ATen/core/Tensor.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "levin/framework/accelerators/graph_recorder.h"
#include "levin/framework/base/export.h"

namespace c10d {
class Backend;
class Store;
}  // namespace c10d

namespace levin {

struct CudaDevice {
  std::string name;  ///< "NVIDIA H200"
  int major = 0, minor = 0;  ///< compute capability
  std::int64_t memory = 0;  ///< bytes
};

/// All that levin wants of CUDA. `liblevin_cuda.so` implements it, which is loaded when a CUDA device is first asked for: a run on the CPU
/// never maps LibTorch's CUDA half.
class LEVIN_API CudaBackend {
 public:
  virtual ~CudaBackend();

  virtual int device_count() = 0;
  virtual CudaDevice properties(at::Device device) = 0;
  /// Makes it this thread's current device.
  virtual void set_device(at::Device device) = 0;
  /// Waits until the device has done everything.
  virtual void synchronize(at::Device device) = 0;
  /// Gives cached memory, cuBLAS's workspaces too, back to the driver.
  virtual void clear_memory() = 0;
  /// torch.cuda.memory_stats: its names and numbers.
  virtual std::vector<std::pair<std::string, double>> memory_stats(at::Device device) = 0;

  /// The default generators of all devices, in order.
  virtual std::vector<at::Tensor> generator_states() = 0;
  /// Those of the first `states.size()` devices, as far as they are there.
  virtual void set_generator_states(const std::vector<at::Tensor>& states) = 0;
  virtual void seed(std::uint64_t seed) = 0;

  /// The tensors on `device`. Those of the CPU go through pinned memory on a stream of their own, while the device still computes; whatever
  /// is given to the current stream from here on waits for them. Nothing else waits.
  virtual std::vector<at::Tensor> to_device(const std::vector<at::Tensor>& tensors, at::Device device) = 0;

  virtual std::unique_ptr<GraphRecorder> make_graph_recorder(at::Device device) = 0;

  /// NCCL among the ranks that have met in `store`, on this rank's device.
  virtual c10::intrusive_ptr<c10d::Backend> make_nccl(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size,
                                                      std::chrono::milliseconds timeout, at::Device device) = 0;
};

/// Loads the library if that has not happened yet. RuntimeError, one sentence, if it can't be; the next call tries again.
LEVIN_API CudaBackend& cuda_backend();
/// Null as long as nobody has asked for a CUDA device.
LEVIN_API CudaBackend* loaded_cuda_backend();
/// liblevin_cuda.so beside levin's own library; "" if it was not built.
LEVIN_API std::string cuda_library_path();

}  // namespace levin

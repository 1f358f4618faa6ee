#include <ATen/core/Tensor.h>
#include <c10/cuda/CUDAEvent.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <map>
#include <mutex>

#include "levin/framework/cuda/backend.h"

namespace levin::cuda {
namespace {

// Copies of a device go one behind the other, beside what it computes.
c10::cuda::CUDAStream copy_stream(at::DeviceIndex device) {
  static std::mutex mutex;
  static std::map<at::DeviceIndex, c10::cuda::CUDAStream> streams;
  const std::lock_guard lock(mutex);
  const auto found = streams.find(device);
  if (found != streams.end()) return found->second;
  return streams.emplace(device, c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device)).first->second;
}

// The driver takes as much as this into its own hands at once: a stream and an event would cost more than they save.
constexpr std::size_t small = std::size_t{64} << 10;

bool goes_through_pinned(const at::Tensor& tensor) {
  return tensor.is_cpu() && tensor.layout() == at::kStrided && (tensor.nbytes() > small || tensor.is_pinned());
}

}  // namespace

std::vector<at::Tensor> to_device(const std::vector<at::Tensor>& tensors, at::Device device) {
  const c10::cuda::CUDAGuard guard(device);
  const c10::cuda::CUDAStream current = c10::cuda::getCurrentCUDAStream(device.index()), copies = copy_stream(device.index());
  std::vector<at::Tensor> out;
  bool copied = false;
  for (const at::Tensor& tensor : tensors) {
    if (!goes_through_pinned(tensor)) {
      out.push_back(tensor.to(device, /*non_blocking=*/true));
      continue;
    }
    // `pin_memory` keeps strides, and nothing can be copied to where elements overlap, as an expanded tensor's do.
    const at::Tensor dense = tensor.is_non_overlapping_and_dense() ? tensor : tensor.contiguous();
    const at::Tensor pinned = dense.is_pinned() ? dense : dense.pin_memory();
    const c10::cuda::CUDAStreamGuard on_copies(copies);
    out.push_back(pinned.to(device, /*non_blocking=*/true));
    // The memory belongs to the stream of the copies; it is not to be given away while this one may still use it.
    out.back().record_stream(current);
    copied = true;
  }
  if (!copied) return out;
  c10::cuda::CUDAEvent done;
  done.record(copies);
  done.block(current);
  return out;
}

}  // namespace levin::cuda

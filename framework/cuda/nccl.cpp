#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include <cstdlib>

#include "levin/framework/cuda/backend.h"

namespace levin::cuda {

// c10d's own default ends the process when a collective fails. "2": it only closes the connections, which ends whatever waits; the strategy
// then says which rank failed.
c10::intrusive_ptr<c10d::Backend> make_nccl(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size, std::chrono::milliseconds timeout,
                                            at::Device device) {
  ::setenv("TORCH_NCCL_ASYNC_ERROR_HANDLING", "2", /*overwrite=*/0);
  auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = timeout;
  auto backend = c10::make_intrusive<c10d::ProcessGroupNCCL>(store, rank, size, std::move(options));
  backend->setBoundDeviceId(device);
  backend->eagerConnectSingleDevice(device);  // who can't connect says so now
  return backend;
}

}  // namespace levin::cuda

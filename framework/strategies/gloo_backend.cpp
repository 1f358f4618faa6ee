// LibTorch exports Gloo but brings neither its headers (Debian's libgloo-dev does) nor, without TorchConfig.cmake, these definitions.
#define USE_DISTRIBUTED
#define USE_C10D_GLOO
#include <gloo/context.h>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include <cstdlib>

#include "levin/framework/base/errors.h"
#include "levin/framework/strategies/rendezvous.h"

namespace levin {
namespace {

// The network interface that GLOO_SOCKET_IFNAME names, else the address that the other ranks reach.
std::shared_ptr<gloo::transport::Device> device_for(const ClusterEnvironment& environment) {
  const char* const interfaces = std::getenv("GLOO_SOCKET_IFNAME");
  if (interfaces && *interfaces) {
    const std::string all = interfaces;
    return c10d::ProcessGroupGloo::createDeviceForInterface(all.substr(0, all.find(',')));
  }
  return c10d::ProcessGroupGloo::createDeviceForHostname(own_address(environment));
}

class GlooBackend final : public c10d::ProcessGroupGloo {
 public:
  using ProcessGroupGloo::ProcessGroupGloo;
  /// The others see at once that this rank is gone, not only when its process has ended.
  void abort() override {
    for (const auto& context : contexts_) context->closeConnections();
  }
};

}  // namespace

c10::intrusive_ptr<c10d::Backend> make_backend(const std::string& name, const c10::intrusive_ptr<c10d::Store>& store,
                                               const ClusterEnvironment& environment, std::chrono::milliseconds timeout) {
  if (name != "gloo") throw ValueError("process_group_backend='" + name + "': there are 'gloo' for the CPU and 'nccl' for CUDA devices");
  auto options = c10d::ProcessGroupGloo::Options::create(timeout);
  options->devices = {device_for(environment)};
  return c10::make_intrusive<GlooBackend>(store, environment.global_rank, environment.world_size, std::move(options));
}

}  // namespace levin

#include <ATen/core/CachingHostAllocator.h>
#include <ATen/cuda/CUDAContext.h>
#include <ATen/cuda/CUDAGeneratorImpl.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAEvent.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>

#include <mutex>

#include "levin/framework/cuda/backend.h"

namespace levin::cuda {
namespace {

/// LibTorch's replay fills two numbers on the device for the generator, which costs more than a small graph, whether or not anything recorded
/// draws from it.
struct Graph final : at::cuda::CUDAGraph {
  bool draws() const {
    for (const auto& [state, increment] : captured_generator_states_)
      if (increment != 0) return true;
    return false;
  }
  void launch(cudaStream_t stream) { C10_CUDA_CHECK(cudaGraphLaunch(graph_exec_, stream)); }
};

/// A CUDA graph with a memory pool of its own. Warm-up and recording share one side stream, so that autograd's nodes meet the same one.
class Recorder final : public GraphRecorder {
 public:
  explicit Recorder(at::Device device) : device_(device), stream_(c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device.index())) {}
  ~Recorder() override {
    try {
      reset();
    } catch (const std::exception&) {  // a device that has failed fails at everything; who used it has said so
    }
  }

  void warm_up(const std::function<void()>& work) override {
    const c10::cuda::CUDAGuard guard(device_);
    const c10::cuda::CUDAStream current = c10::cuda::getCurrentCUDAStream(device_.index());
    follow(stream_, current);
    {
      const c10::cuda::CUDAStreamGuard on_side(stream_);
      work();
    }
    follow(current, stream_);
  }

  void record(const std::function<void()>& work) override {
    reset();
    const c10::cuda::CUDAGuard guard(device_);
    const at::Tensor random = random_state();
    c10::cuda::device_synchronize();
    c10::cuda::CUDACachingAllocator::emptyCache();  // the pool below can't use what others have cached
    const c10::cuda::CUDAStreamGuard on_side(stream_);
    pool_ = at::cuda::graph_pool_handle();
    graph_ = std::make_unique<Graph>();
    // cuBLAS's workspaces, whose addresses the graph keeps, come from its own pool then: there nobody takes them away.
    at::cuda::clearCublasWorkspaces();
    try {
      // Other threads (loaders, NCCL's watchdog) may go on calling CUDA meanwhile.
      graph_->capture_begin(pool_, cudaStreamCaptureModeThreadLocal);
      work();
      graph_->capture_end();
    } catch (...) {
      abandon(random);
      at::cuda::clearCublasWorkspaces();
      throw;
    }
    at::cuda::clearCublasWorkspaces();
  }

  void replay() override {
    const c10::cuda::CUDAGuard guard(device_);
    if (graph_->draws()) graph_->replay();
    else graph_->launch(c10::cuda::getCurrentCUDAStream(device_.index()));
  }

  void reset() override {
    if (!graph_) return;
    const c10::cuda::CUDAGuard guard(device_);
    c10::cuda::device_synchronize();  // it may still be running
    graph_.reset();
  }

 private:
  // `later` goes on when `earlier` has done what it was given so far.
  static void follow(const c10::cuda::CUDAStream& later, const c10::cuda::CUDAStream& earlier) {
    c10::cuda::CUDAEvent reached;
    reached.record(earlier);
    reached.block(later);
  }

  at::Generator generator() const { return at::cuda::detail::getDefaultCUDAGenerator(device_.index()); }

  at::Tensor random_state() const {
    at::Generator own = generator();
    const std::lock_guard lock(own.mutex());
    return own.get_state();
  }

  // Wherever the recording has failed. What was recorded without an error of CUDA's is ended in order, and thrown away.
  void abandon(const at::Tensor& random) {
    try {
      graph_->capture_end();
      graph_.reset();
    } catch (...) {
      clean_up(random);
    }
  }

  // A recording that CUDA itself has given up ends without telling the allocators and the generator, who would wait for its end.
  void clean_up(const at::Tensor& random) {
    (void)cudaGetLastError();
    const auto tell = [](auto&& end) {
      try {
        end();
      } catch (const std::exception&) {  // it knew
      }
    };
    tell([&] {
      c10::cuda::CUDACachingAllocator::endAllocateToPool(device_.index(), pool_);
      c10::cuda::CUDACachingAllocator::releasePool(device_.index(), pool_);
    });
    tell([&] {  // of pinned memory
      at::HostAllocator& host = *at::getHostAllocator(at::kCUDA);
      host.end_allocate_to_pool(pool_);
      host.release_pool(pool_);
    });
    graph_.reset();
    at::Generator fresh = at::cuda::detail::createCUDAGenerator(device_.index()), own = generator();
    fresh.set_state(random);
    const std::lock_guard lock(own.mutex());
    own.graphsafe_set_state(fresh);
  }

  at::Device device_;
  c10::cuda::CUDAStream stream_;
  at::cuda::MempoolId_t pool_{0, 0};
  std::unique_ptr<Graph> graph_;
};

}  // namespace

std::unique_ptr<GraphRecorder> make_graph_recorder(at::Device device) { return std::make_unique<Recorder>(device); }

}  // namespace levin::cuda

#pragma once
#include "levin/framework/accelerators/cuda_backend.h"

/// What levin_cuda is made of; backend.cpp puts it together.
namespace levin::cuda {

std::vector<at::Tensor> to_device(const std::vector<at::Tensor>& tensors, at::Device device);
std::vector<std::pair<std::string, double>> memory_stats(at::Device device);
std::unique_ptr<GraphRecorder> make_graph_recorder(at::Device device);
c10::intrusive_ptr<c10d::Backend> make_nccl(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size,
                                            std::chrono::milliseconds timeout, at::Device device);

}  // namespace levin::cuda

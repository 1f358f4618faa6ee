#pragma once
#include "levin/framework/accelerators/accelerator.h"

namespace levin {

/// NVIDIA's GPUs. Asking whether they are there asks the driver and loads nothing of LibTorch's CUDA half; `load` does.
class LEVIN_API CUDAAccelerator : public Accelerator {
 public:
  std::string name() const override { return "cuda"; }
  std::string qualname() const override { return "CUDAAccelerator"; }
  bool is_available() const override;
  std::string why_unavailable() const override;
  /// All that the driver shows (CUDA_VISIBLE_DEVICES counts).
  std::int64_t auto_device_count() const override;
  std::vector<at::Device> parse_devices(const Devices& devices) const override;

  void load() override;
  /// Lightning's hint about Tensor Cores, once; then the device is the current one. ValueError for a device of another kind.
  void setup_device(at::Device device) override;
  std::unique_ptr<GraphRecorder> make_graph_recorder(at::Device device) override;
  /// Gives cached memory back.
  void teardown() override;
};

}  // namespace levin

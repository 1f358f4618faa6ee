#pragma once
#include "levin/framework/accelerators/accelerator.h"

namespace levin {

/// `devices` are processes, of which each computes with a share of the cores.
class LEVIN_API CPUAccelerator : public Accelerator {
 public:
  std::string name() const override { return "cpu"; }
  std::string qualname() const override { return "CPUAccelerator"; }
  bool is_available() const override { return true; }
  std::int64_t auto_device_count() const override { return 1; }
  std::vector<at::Device> parse_devices(const Devices& devices) const override {
    return std::vector<at::Device>(static_cast<std::size_t>(parse_cpu_cores(devices)), at::Device(at::kCPU));
  }
};

}  // namespace levin

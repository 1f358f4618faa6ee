#pragma once
// Accelerators that are not there, for as long as a test lasts.
#include <memory>
#include <string>

#include "levin/framework/accelerators/cpu_accelerator.h"
#include "levin/framework/accelerators/cuda_accelerator.h"

/// Registers an accelerator and puts the one before back.
class WithAccelerator {
 public:
  WithAccelerator(std::string name, std::shared_ptr<levin::Accelerator> accelerator)
      : name_(std::move(name)), before_(levin::AcceleratorRegistry::set(name_, std::move(accelerator))) {}
  ~WithAccelerator() { levin::AcceleratorRegistry::set(name_, before_); }
  WithAccelerator(const WithAccelerator&) = delete;

 private:
  std::string name_;
  std::shared_ptr<levin::Accelerator> before_;
};

/// GPUs as the driver would count them. Nothing can be computed there.
class CountedGpus final : public levin::CUDAAccelerator {
 public:
  explicit CountedGpus(std::int64_t count) : count_(count) {}
  std::string why_unavailable() const override { return count_ > 0 ? "" : "this machine has no NVIDIA driver"; }
  bool is_available() const override { return count_ > 0; }
  std::int64_t auto_device_count() const override { return count_; }
  void load() override {}

 private:
  std::int64_t count_;
};

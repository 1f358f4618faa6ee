#pragma once
#include <ATen/core/Tensor.h>

#include "levin/framework/base/export.h"

namespace levin {

/// While it lives, this thread's operators on `device` compute in `dtype` where that is safe: Python's `torch.autocast`.
///
///     { const levin::Autocast autocast(at::kCPU, at::kBFloat16); y = layer(x); }
///
/// With `cache_enabled` a weight is cast once and the copy kept for later uses; the copies go with the outermost Autocast, so a weight
/// that an optimizer changed is never taken in its old form. Backward belongs outside. Nests; costs no memory.
class LEVIN_API Autocast {
 public:
  Autocast(at::DeviceType device, at::ScalarType dtype, bool enabled = true, bool cache_enabled = true);
  ~Autocast();
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  at::DeviceType device_;
  at::ScalarType dtype_before_;
  bool enabled_before_, cache_before_;
};

/// While it lives, tensors and layers are made in `dtype` unless they are told otherwise: Python's `torch.set_default_dtype`. It is one
/// for all threads of the process.
class LEVIN_API DefaultDtype {
 public:
  explicit DefaultDtype(at::ScalarType dtype);
  ~DefaultDtype();
  DefaultDtype(const DefaultDtype&) = delete;
  DefaultDtype& operator=(const DefaultDtype&) = delete;

 private:
  at::ScalarType before_;
};

}  // namespace levin

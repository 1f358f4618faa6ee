#pragma once
#include <ATen/core/Tensor.h>

#include <memory>
#include <unordered_map>

#include "levin/framework/base/export.h"
#include "levin/framework/base/value.h"

/// The bridge between torch's tensors and the value tree's.
namespace levin {

LEVIN_API DType to_dtype(at::ScalarType type);
LEVIN_API at::ScalarType to_scalar_type(DType dtype);

/// Tensors on their way into a value tree. CPU tensors share their memory with the tree (which keeps it alive), device tensors are
/// copied to the CPU; tensors that share a torch storage share one `Storage`, so that tied weights stay tied.
class LEVIN_API TensorExporter {
 public:
  TensorRef operator()(const at::Tensor& tensor);

 private:
  std::unordered_map<const void*, std::shared_ptr<const Storage>> storages_;
};

/// The way back. Tensors that share a `Storage` share a torch storage again. By default the memory is the tree's own (a mapped
/// file, say); with `copy` it is the tensor's.
class LEVIN_API TensorImporter {
 public:
  explicit TensorImporter(bool copy = false) : copy_(copy) {}
  at::Tensor operator()(const TensorRef& tensor);

 private:
  bool copy_;
  std::unordered_map<const Storage*, at::Tensor> storages_;
};

/// One tensor that is tied to no other.
inline TensorRef to_tensor_ref(const at::Tensor& tensor) { return TensorExporter()(tensor); }
inline at::Tensor to_tensor(const TensorRef& tensor, bool copy = true) { return TensorImporter(copy)(tensor); }

}  // namespace levin

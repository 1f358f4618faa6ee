#include "levin/framework/tensors/tensors.h"

#include <ATen/Context.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/Storage.h>

#include "levin/framework/base/errors.h"

namespace levin {
namespace {

constexpr std::pair<DType, at::ScalarType> types[] = {
    {DType::uint8, at::kByte}, {DType::int8, at::kChar}, {DType::int16, at::kShort}, {DType::int32, at::kInt},
    {DType::int64, at::kLong}, {DType::float16, at::kHalf}, {DType::float32, at::kFloat}, {DType::float64, at::kDouble},
    {DType::complex32, at::kComplexHalf}, {DType::complex64, at::kComplexFloat}, {DType::complex128, at::kComplexDouble},
    {DType::bool_, at::kBool}, {DType::bfloat16, at::kBFloat16}, {DType::float8_e4m3fn, at::kFloat8_e4m3fn},
    {DType::float8_e5m2, at::kFloat8_e5m2}, {DType::float8_e4m3fnuz, at::kFloat8_e4m3fnuz},
    {DType::float8_e5m2fnuz, at::kFloat8_e5m2fnuz}, {DType::float8_e8m0fnu, at::kFloat8_e8m0fnu},
    {DType::uint16, at::kUInt16}, {DType::uint32, at::kUInt32}, {DType::uint64, at::kUInt64},
};

// The tensor over a whole storage, as a flat row of its elements.
at::Tensor whole(const Storage& storage, bool copy) {
  const at::ScalarType type = to_scalar_type(storage.dtype);
  const auto n = static_cast<std::int64_t>(storage.nbytes / itemsize(storage.dtype));
  if (n == 0) return at::empty({0}, type);
  if (copy) {
    at::Tensor out = at::empty({n}, type);
    std::memcpy(out.mutable_data_ptr(), storage.data, storage.nbytes);
    return out;
  }
  return at::from_blob(const_cast<void*>(storage.data), {n}, [owner = storage.owner](void*) {}, at::TensorOptions().dtype(type));
}

}  // namespace

DType to_dtype(at::ScalarType type) {
  for (const auto& [ours, theirs] : types)
    if (theirs == type) return ours;
  throw TypeError(std::string("a tensor of type ") + c10::toString(type) + " has no place in a checkpoint");
}

at::ScalarType to_scalar_type(DType dtype) { return types[static_cast<std::size_t>(dtype)].second; }

TensorRef TensorExporter::operator()(const at::Tensor& given) {
  if (!given.defined()) throw TypeError("an undefined tensor has no place in a checkpoint");
  const at::Tensor tensor = given.is_cpu() && given.layout() == at::kStrided ? given : given.to_dense().cpu();
  const at::Storage& torch_storage = tensor.storage();
  auto& shared = storages_[given.is_cpu() ? torch_storage.unsafeGetStorageImpl() : static_cast<const void*>(given.unsafeGetTensorImpl())];
  if (!shared) {
    shared = std::make_shared<const Storage>(Storage{
        .dtype = to_dtype(tensor.scalar_type()),
        .nbytes = torch_storage.nbytes(),
        .data = torch_storage.nbytes() == 0 ? nullptr : torch_storage.data(),
        .owner = std::make_shared<const at::Storage>(torch_storage),
    });
  }
  TensorRef out;
  out.dtype = to_dtype(tensor.scalar_type());
  out.sizes = tensor.sizes().vec();
  out.strides = tensor.strides().vec();
  out.storage_offset = tensor.storage_offset();
  out.storage = shared;
  out.requires_grad = given.requires_grad();
  return out;
}

at::Tensor TensorImporter::operator()(const TensorRef& tensor) {
  at::Tensor& base = storages_[tensor.storage.get()];
  if (!base.defined()) base = whole(*tensor.storage, copy_);
  at::Tensor flat = base;
  // An untyped storage may be seen as another type.
  if (to_scalar_type(tensor.dtype) != base.scalar_type()) flat = base.view(to_scalar_type(tensor.dtype));
  at::Tensor out = flat.as_strided(tensor.sizes, tensor.strides, tensor.storage_offset);
  return tensor.requires_grad ? out.requires_grad_(true) : out;
}

}  // namespace levin

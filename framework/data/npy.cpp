#include "levin/framework/data/npy.h"

#include <ATen/ops/from_blob.h>

#include <algorithm>

#include "levin/framework/base/codec/mapped_file.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/npy.h"
#include "levin/framework/tensors/tensors.h"

namespace levin {
namespace {

at::Tensor view_of(std::shared_ptr<const MappedFile> file, std::size_t offset, std::vector<std::int64_t> shape, bool columns_first, DType dtype) {
  std::vector<std::int64_t> strides(shape.size());
  std::int64_t step = 1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const std::size_t dim = columns_first ? i : shape.size() - 1 - i;
    strides[dim] = step;
    step *= std::max<std::int64_t>(shape[dim], 1);
  }
  // The mapping is private: what is written stays in memory.
  void* data = const_cast<char*>(file->bytes().data()) + offset;
  return at::from_blob(data, shape, strides, [file = std::move(file)](void*) {}, at::TensorOptions(to_scalar_type(dtype)));
}

}  // namespace

at::Tensor load_npy(const std::string& path) {
  auto file = MappedFile::open(path);
  NpyHeader header = read_npy_header(file->bytes(), path);
  return view_of(std::move(file), header.data_offset, std::move(header.shape), header.fortran_order, header.dtype);
}

at::Tensor load_raw(const std::string& path, const std::string& dtype) {
  for (const DType known : {DType::uint8, DType::uint16, DType::int32, DType::int64}) {
    if (dtype != dtype_name(known)) continue;
    auto file = MappedFile::open(path);
    const std::size_t size = itemsize(known), bytes = file->bytes().size();
    if (bytes % size != 0) throw ValueError(path + ": " + std::to_string(bytes) + " bytes are no whole number of " + dtype + " elements");
    return view_of(std::move(file), 0, {static_cast<std::int64_t>(bytes / size)}, false, known);
  }
  throw ValueError("dtype can be uint8, uint16, int32 or int64, got '" + dtype + "'");
}

}  // namespace levin

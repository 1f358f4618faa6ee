#include "levin/framework/metrics/gather.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "levin/framework/base/errors.h"

namespace levin::metrics {
namespace {

constexpr std::int64_t most_dims = 8;

// Type, number of dimensions and sizes: of one length on every rank.
at::Tensor header_of(const at::Tensor& tensor) {
  if (tensor.dim() > most_dims) throw ValueError("a metric's state can't have more than 8 dimensions");
  std::vector<std::int64_t> header(2 + most_dims, 0);
  header[0] = static_cast<std::int64_t>(tensor.scalar_type());
  header[1] = tensor.dim();
  std::copy(tensor.sizes().begin(), tensor.sizes().end(), header.begin() + 2);
  return at::tensor(header, at::kLong).to(tensor.device());
}

struct Shape {
  at::ScalarType type;
  std::vector<std::int64_t> sizes;
  std::int64_t numel = 1;

  explicit Shape(const at::Tensor& header) {
    const at::Tensor here = header.cpu();
    const auto* data = here.const_data_ptr<std::int64_t>();
    type = static_cast<at::ScalarType>(data[0]);
    sizes.assign(data + 2, data + 2 + data[1]);
    for (const std::int64_t size : sizes) numel *= size;
  }
};

}  // namespace

std::vector<at::Tensor> gather_all_tensors(const at::Tensor& given, const AllGather& all_gather) {
  const at::Tensor tensor = given.contiguous();
  std::vector<Shape> shapes;
  for (const at::Tensor& header : all_gather(header_of(tensor))) shapes.emplace_back(header);
  const Shape* typical = &shapes.front();
  for (const Shape& shape : shapes)
    if (typical->numel == 0) typical = &shape;
  const bool alike = std::all_of(shapes.begin(), shapes.end(), [&](const Shape& shape) {
    return shape.type == typical->type && shape.sizes == typical->sizes;
  });
  if (alike) return all_gather(tensor);

  std::int64_t longest = 0;
  for (const Shape& shape : shapes) longest = std::max(longest, shape.numel);
  at::Tensor padded = at::zeros({longest}, tensor.options().dtype(typical->type));
  padded.narrow(0, 0, tensor.numel()).copy_(tensor.reshape(-1));
  std::vector<at::Tensor> out = all_gather(padded);
  for (std::size_t rank = 0; rank < out.size(); ++rank) {
    std::vector<std::int64_t> sizes = shapes[rank].sizes;
    if (shapes[rank].numel == 0 && !typical->sizes.empty()) {
      sizes = typical->sizes;
      sizes[0] = 0;
    }
    out[rank] = out[rank].narrow(0, 0, shapes[rank].numel).reshape(sizes);
  }
  return out;
}

}  // namespace levin::metrics

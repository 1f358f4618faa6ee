#include "levin/framework/data/token_dataset.h"

#include <ATen/Dispatch_v2.h>
#include <ATen/core/TensorAccessor.h>
#include <ATen/ops/empty.h>

#include "levin/framework/base/errors.h"

namespace levin {
namespace {

template <class T>
void copy_window(const T* from, std::int64_t length, std::int64_t* inputs, std::int64_t* targets) {
  for (std::int64_t i = 0; i < length; ++i) inputs[i] = static_cast<std::int64_t>(from[i]);
  for (std::int64_t i = 0; i < length; ++i) targets[i] = static_cast<std::int64_t>(from[i + 1]);
}

}  // namespace

TokenDataset::TokenDataset(at::Tensor tokens, std::int64_t block_size, std::int64_t stride)
    : tokens_(tokens.contiguous()), block_size_(block_size), stride_(stride == 0 ? block_size : stride) {
  if (tokens_.dim() != 1 || !at::isIntegralType(tokens_.scalar_type(), /*includeBool=*/false))
    throw ValueError("TokenDataset: tokens are a 1-dim tensor of integers, got " + std::to_string(tokens_.dim()) + " dimensions of " + c10::toString(tokens_.scalar_type()));
  if (block_size < 1 || stride_ < 1) throw ValueError("TokenDataset: block_size and stride must be at least 1");
  if (tokens_.size(0) <= block_size)
    throw ValueError("TokenDataset: " + std::to_string(tokens_.size(0)) + " tokens are too few for a window of " + std::to_string(block_size) + " and the token after it");
  size_ = (tokens_.size(0) - block_size - 1) / stride_ + 1;
}

Batch TokenDataset::get(std::int64_t index, Generator&) const {
  check_index(index);
  const Batch one = get_batch(std::span(&index, 1), {});
  return Batch::List{one[0].tensor().select(0, 0), one[1].tensor().select(0, 0)};
}

Batch TokenDataset::get_batch(std::span<const std::int64_t> indices, const SampleSeeds&) const {
  const auto rows = static_cast<std::int64_t>(indices.size());
  at::Tensor inputs = at::empty({rows, block_size_}, at::kLong), targets = at::empty({rows, block_size_}, at::kLong);
  AT_DISPATCH_V2(tokens_.scalar_type(), "TokenDataset", AT_WRAP([&] {
    const scalar_t* const tokens = tokens_.const_data_ptr<scalar_t>();
    for (std::int64_t row = 0; row < rows; ++row) {
      check_index(indices[static_cast<std::size_t>(row)]);
      copy_window(tokens + indices[static_cast<std::size_t>(row)] * stride_, block_size_, inputs.mutable_data_ptr<std::int64_t>() + row * block_size_,
                  targets.mutable_data_ptr<std::int64_t>() + row * block_size_);
    }
  }), AT_EXPAND(AT_INTEGRAL_TYPES_V2));
  return Batch::List{inputs, targets};
}

}  // namespace levin

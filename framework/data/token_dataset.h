#pragma once
#include <ATen/core/Tensor.h>

#include "levin/framework/data/dataset.h"

namespace levin {

/// Windows of a long sequence of tokens, for models that predict the next one: sample i is [inputs, targets], both int64 and of
/// `block_size`, the targets one token on. Windows begin every `stride` tokens; what is left over at the end is not used.
class LEVIN_API TokenDataset : public Dataset {
 public:
  /// `tokens`: 1-dim, of an integer type, kept as it is (a mapped file stays mapped). `stride` 0: block_size, windows that don't
  /// overlap. ValueError for a sequence that is too short for one window.
  TokenDataset(at::Tensor tokens, std::int64_t block_size, std::int64_t stride = 0);

  std::int64_t size() const override { return size_; }
  Batch get(std::int64_t index, Generator& generator) const override;
  Batch get_batch(std::span<const std::int64_t> indices, const SampleSeeds& seeds) const override;

 private:
  at::Tensor tokens_;
  std::int64_t block_size_, stride_, size_;
};

}  // namespace levin

#pragma once
#include <string>
#include <utility>
#include <vector>

#include "levin/framework/data/dataset.h"

namespace levin {

/// Tensors whose i-th rows make up sample i.
///
///     TensorDataset({images, labels})                         // batch[0], batch[1]
///     TensorDataset({{"image", images}, {"label", labels}})   // batch["image"], batch["label"]
///
/// A batch is gathered in one go per tensor, never row by row through `collate`. Samples and
/// batches are copies, also where the indices are consecutive: a step may write into its batch. The
/// tensors themselves are shared with the caller, and without their gradient history. They may be
/// strided or live on any device; dense ones on the CPU are the fastest.
class LEVIN_API TensorDataset : public Dataset {
 public:
  using Named = std::vector<std::pair<std::string, at::Tensor>>;

  /// ValueError if there are none, if one is undefined or 0-dim, or "Size mismatch between tensors"
  /// with their sizes.
  explicit TensorDataset(std::vector<at::Tensor> tensors);
  /// The same with names; samples are dicts. ValueError too if a name is given twice.
  explicit TensorDataset(Named tensors);

  std::int64_t size() const override { return size_; }
  Batch get(std::int64_t index, Generator& generator) const override;
  Batch get_batch(std::span<const std::int64_t> indices, const SampleSeeds& seeds) const override;

  const std::vector<at::Tensor>& tensors() const { return tensors_; }

 private:
  template <class Row>
  Batch assemble(const Row& row) const;
  std::vector<at::Tensor> tensors_;
  std::vector<std::string> names_;  // empty for lists
  std::int64_t size_ = 0;
};

/// The rows of `tensor` at `indices`, as a new dense tensor: `index_select(0, indices)`, but faster
/// for dense CPU tensors. Indices must be in range.
LEVIN_API at::Tensor gather_rows(const at::Tensor& tensor, std::span<const std::int64_t> indices);

}  // namespace levin

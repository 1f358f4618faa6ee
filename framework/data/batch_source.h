#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "levin/framework/data/dataset.h"

namespace levin {

using CollateFn = std::function<Batch(std::span<const Batch> samples)>;

/// One epoch's batches, in two steps so that threads can share the work: `claim` says in order what
/// goes into the next batch, `make` makes it. A part of DataLoader.
class BatchSource {
 public:
  /// What one batch is made of: indices for a Dataset, samples for a stream.
  struct Job {
    std::span<const std::int64_t> indices;
    std::vector<Batch> samples;
  };
  virtual ~BatchSource() = default;
  /// The next batch's job; false at the end. Calls must not overlap.
  virtual bool claim(Job& job) = 0;
  /// Calls may overlap with each other and with `claim`.
  virtual Batch make(Job& job) const = 0;
};

/// How samples become batches.
struct BatchRecipe {
  std::optional<std::int64_t> batch_size;  ///< none: every sample is a batch, as it is
  bool drop_last = false;
  CollateFn collate_fn;  ///< empty: the dataset's own way
  SampleSeeds seeds;
};

/// Batches of `order`, from the `first_batch`-th on.
std::unique_ptr<BatchSource> batches_of(std::shared_ptr<const Dataset> dataset,
                                        std::vector<std::int64_t> order, BatchRecipe recipe,
                                        std::int64_t first_batch);
/// Batches of a new pass over the stream, from the `first_batch`-th on.
std::unique_ptr<BatchSource> batches_of(std::shared_ptr<const IterableDataset> dataset,
                                        BatchRecipe recipe, std::int64_t first_batch);

}  // namespace levin

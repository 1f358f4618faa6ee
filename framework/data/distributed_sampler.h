#pragma once
#include "levin/framework/data/sampler.h"

namespace levin {

/// In the order of torch's DistributedSampler's arguments.
struct DistributedSamplerOptions {
  std::int64_t num_replicas = 1;  ///< processes that share the dataset
  std::int64_t rank = 0;          ///< which of them this is, 0 up to num_replicas - 1
  bool shuffle =
      true;  ///< only used when the sampler is made from a size: random order or sequential
  std::uint64_t seed = 0;  ///< of that random order; must be the same on all ranks
  bool drop_last =
      false;  ///< make the shares equal by leaving out the tail, not by repeating the front
  /// Make the shares equal at all. Without, no index is repeated or dropped and the first ranks may
  /// have one more: what predicting uses (Lightning's UnrepeatedDistributedSampler). Not for
  /// training: ranks must take equally many steps.
  bool pad = true;
};

/// One rank's share of another sampler's order: every num_replicas-th index, from its rank on, as
/// in torch's DistributedSampler. If the size is not a multiple of num_replicas, the order is
/// filled up from its front (several times over if the dataset is smaller than that), or cut with
/// `drop_last`.
///
/// ValueError: `Invalid rank 4, rank should be in the interval [0, 3]`, num_replicas < 1.
class LEVIN_API DistributedSampler final : public Sampler {
 public:
  /// Of a dataset with `size` samples, as torch makes it.
  explicit DistributedSampler(std::int64_t size, const DistributedSamplerOptions& options = {});
  /// Of any sampler's order (Lightning's DistributedSamplerWrapper); its order must be the same on
  /// all ranks.
  explicit DistributedSampler(std::shared_ptr<const Sampler> whole,
                              const DistributedSamplerOptions& options = {});

  std::int64_t size() const override { return size_; }
  std::vector<std::int64_t> indices(std::int64_t epoch) const override;
  bool shuffles() const override { return whole_->shuffles(); }
  bool is_distributed() const override { return true; }
  std::optional<std::uint64_t> seed() const override { return whole_->seed(); }
  std::shared_ptr<const Sampler> with_seed(std::uint64_t seed) const override;

 private:
  std::shared_ptr<const Sampler> whole_;
  DistributedSamplerOptions options_;
  std::int64_t size_ = 0;
};

}  // namespace levin

#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "levin/framework/base/export.h"

namespace levin {

/// The order in which an epoch visits a dataset. A sampler has no state: the epoch is an argument,
/// so the same epoch gives the same order in a resumed run, on every rank and for any number of
/// workers.
class LEVIN_API Sampler {
 public:
  virtual ~Sampler();
  /// Indices in one epoch; the same for every epoch.
  virtual std::int64_t size() const = 0;
  /// The epoch's order: `size()` indices into the dataset.
  virtual std::vector<std::int64_t> indices(std::int64_t epoch) const = 0;
  /// Whether the order is random (the Trainer warns about shuffled evaluation loaders).
  virtual bool shuffles() const { return false; }
  /// Whether it gives this process a share of the dataset; the Trainer then does not put a
  /// DistributedSampler around it.
  virtual bool is_distributed() const { return false; }
  /// What a random order depends on beside the epoch; none if there is no such thing.
  virtual std::optional<std::uint64_t> seed() const { return std::nullopt; }
  /// The same sampler with another seed: how a resumed run gets its old order. nullptr if `seed()`
  /// is none.
  virtual std::shared_ptr<const Sampler> with_seed(std::uint64_t seed) const;
};

/// 0, 1, 2, ... up to the size.
class LEVIN_API SequentialSampler final : public Sampler {
 public:
  explicit SequentialSampler(std::int64_t size);
  std::int64_t size() const override { return size_; }
  std::vector<std::int64_t> indices(std::int64_t epoch) const override;

 private:
  std::int64_t size_;
};

/// All indices in a random order that depends on (seed, epoch). Without replacement, as `shuffle =
/// true` has it in torch; the permutations are not torch's.
class LEVIN_API RandomSampler final : public Sampler {
 public:
  explicit RandomSampler(std::int64_t size, std::uint64_t seed = 0);
  std::int64_t size() const override { return size_; }
  std::vector<std::int64_t> indices(std::int64_t epoch) const override;
  bool shuffles() const override { return true; }
  std::optional<std::uint64_t> seed() const override { return seed_; }
  std::shared_ptr<const Sampler> with_seed(std::uint64_t seed) const override;

 private:
  std::int64_t size_;
  std::uint64_t seed_;
};

/// 0 to size - 1 in the random order of (seed, epoch): what RandomSampler and `random_split` use.
LEVIN_API std::vector<std::int64_t> random_permutation(std::int64_t size, std::uint64_t seed,
                                                       std::int64_t epoch = 0);

}  // namespace levin

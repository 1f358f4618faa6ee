#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "levin/framework/base/export.h"
#include "levin/framework/base/generator.h"
#include "levin/framework/module/batch.h"

namespace levin {

/// Where the randomness of samples comes from: one generator per sample, a function of (seed,
/// epoch, index) alone. So a sample looks the same whichever worker thread makes it, and in a run
/// that was resumed.
struct SampleSeeds {
  std::uint64_t seed = 0;
  std::int64_t epoch = 0;
  Generator generator(std::int64_t index) const {
    return Generator(seed, static_cast<std::uint64_t>(epoch), static_cast<std::uint64_t>(index));
  }
};

/// A map-style dataset: samples by index, 0 up to `size()`.
///
/// Everything is const and must be safe to call from several threads at once: a `DataLoader` with
/// workers does so. Randomness comes from the generator that is passed in, never from a member or
/// from ATen's default generator (which all threads share).
class LEVIN_API Dataset {
 public:
  virtual ~Dataset();

  /// The number of samples.
  virtual std::int64_t size() const = 0;
  /// One sample, without a batch dimension.
  virtual Batch get(std::int64_t index, Generator& generator) const = 0;
  /// A whole batch: `get` for each index and `collate` (collate.h) of the results. Override it
  /// where a batch can be made faster at once, as `TensorDataset` does.
  virtual Batch get_batch(std::span<const std::int64_t> indices, const SampleSeeds& seeds) const;

 protected:
  /// ValueError unless 0 <= index < size(), naming both.
  void check_index(std::int64_t index) const;
};

/// One pass over a stream, made by `IterableDataset::iterate`. Calls never overlap; they may come
/// from different threads.
class LEVIN_API SampleStream {
 public:
  virtual ~SampleStream();
  /// Puts the next sample into `sample`; false at the end. The generator belongs to this sample
  /// (its place in the stream).
  virtual bool next(Batch& sample, Generator& generator) = 0;
  /// Passes over `count` samples: how a resumed epoch gets to its place. By default it makes them
  /// and throws them away. `first` is the place of the first one, so that `seeds.generator(first)`
  /// is its generator.
  virtual void skip(std::int64_t first, std::int64_t count, const SampleSeeds& seeds);
};

/// A dataset that is read from front to back: a socket, a log, files too large to index. It has no
/// sampler and no shuffle. With workers, one thread at a time reads from the stream, and all of
/// them collate and pin.
class LEVIN_API IterableDataset {
 public:
  virtual ~IterableDataset();
  /// A new pass for this epoch. Called from one thread at a time.
  virtual std::unique_ptr<SampleStream> iterate(const SampleSeeds& seeds) const = 0;
  /// The number of samples in an epoch, if it is known; none otherwise. A progress bar has a total
  /// only if it is.
  virtual std::optional<std::int64_t> size() const { return std::nullopt; }
};

}  // namespace levin

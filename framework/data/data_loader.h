#pragma once
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "levin/framework/data/batch_source.h"
#include "levin/framework/data/loader.h"

namespace levin {

/// In the order of torch's DataLoader's arguments; designators must follow it.
struct DataLoaderOptions {
  /// Samples per batch. none: no batching, each sample comes out as the dataset gives it.
  std::optional<std::int64_t> batch_size = 1;
  /// A new random order every epoch, from (seed, epoch).
  bool shuffle = false;
  /// The order, instead of `shuffle`.
  std::shared_ptr<const Sampler> sampler;
  /// Threads that make batches ahead; 0 makes each batch when it is asked for. The batches and
  /// their order are the same for any number. Operators of LibTorch run single-threaded in a
  /// worker.
  std::int64_t num_workers = 0;
  /// Samples to a batch, instead of the dataset's `get_batch`. Thread-safe if there are workers.
  CollateFn collate_fn;
  /// Put batches into page-locked memory, from where the copy to a CUDA device can overlap with
  /// computation. Without a CUDA device it does nothing, as in torch.
  bool pin_memory = false;
  /// Leave out the last batch if it is smaller than batch_size.
  bool drop_last = false;
  /// Seconds to wait for a batch of the workers before it is a RuntimeError; 0 waits for ever. The
  /// epoch goes on: `next` may be called again. A thread can't be killed, so a worker that is stuck
  /// for good still holds up `start` and the destructor.
  double timeout = 0;
  /// Batches made ahead per worker. none: 2.
  std::optional<std::int64_t> prefetch_factor;
  /// Of the random order and of the samples' generators. none: the one of `seed_everything`, else 0
  /// (torch draws another one for every run; here runs repeat unless told otherwise).
  std::optional<std::uint64_t> seed;
};

/// The options that a configuration file may give; `sampler` and `collate_fn` are code.
template <class V>
void fields(V&& f, DataLoaderOptions& o) {
  f("batch_size", o.batch_size, "samples per batch; null: samples come out unbatched");
  f("shuffle", o.shuffle, "a new random order every epoch");
  f("num_workers", o.num_workers, "threads that make batches ahead; 0: made when asked for");
  f("pin_memory", o.pin_memory, "put batches into page-locked memory, for copies to CUDA devices");
  f("drop_last", o.drop_last, "leave out the last batch if it is smaller than batch_size");
  f("timeout", o.timeout, "seconds to wait for a batch of the workers; 0: for ever");
  f("prefetch_factor", o.prefetch_factor, "batches made ahead per worker; null: 2");
  f("seed", o.seed,
    "of the order and the samples' randomness; null: the one of seed_everything, else 0");
}

/// Batches of a dataset, as torch's DataLoader makes them.
///
///     levin::DataLoader(levin::TensorDataset({x, y}), {.batch_size = 32, .shuffle = true})
///
/// It takes the dataset by value or as a shared_ptr. A copy is a loader of its own over the same
/// dataset, with the same options and epoch, not started; a moved one goes on. Batches are made
/// without recording gradients. An exception of the dataset comes out of `next` as it is, at the
/// batch it belongs to, and ends the epoch.
///
/// The constructor throws ValueError with torch's words for options that make no sense. A seed,
/// once chosen by the constructor, is part of the state: a resumed run keeps the order of the old
/// one.
class LEVIN_API DataLoader : public Loader {
 public:
  explicit DataLoader(std::shared_ptr<const Dataset> dataset, DataLoaderOptions options = {});
  explicit DataLoader(std::shared_ptr<const IterableDataset> dataset,
                      DataLoaderOptions options = {});
  template <std::derived_from<Dataset> D>
  explicit DataLoader(D dataset, DataLoaderOptions options = {})
      : DataLoader(std::shared_ptr<const Dataset>(std::make_shared<D>(std::move(dataset))),
                   std::move(options)) {}
  template <std::derived_from<IterableDataset> D>
  explicit DataLoader(D dataset, DataLoaderOptions options = {})
      : DataLoader(std::shared_ptr<const IterableDataset>(std::make_shared<D>(std::move(dataset))),
                   std::move(options)) {}

  ~DataLoader() override;
  DataLoader(const DataLoader& other);
  DataLoader(DataLoader&& other) noexcept;
  DataLoader& operator=(DataLoader other) noexcept;

  std::optional<std::int64_t> size() const override;
  void set_epoch(std::int64_t epoch) override { epoch_ = epoch; }
  void start(std::int64_t first_batch = 0) override;
  bool next(Batch& out) override;
  std::int64_t position() const override { return position_; }
  /// {"epoch", "position", "seed", "sampler_seed"}.
  Value state_dict() const override;
  void load_state_dict(const Value& state) override;

  std::optional<std::int64_t> batch_size() const override { return options_.batch_size; }
  bool shuffles() const override { return sampler_ && sampler_->shuffles(); }
  std::shared_ptr<const Sampler> sampler() const override { return sampler_; }
  std::shared_ptr<Loader> with_sampler(std::shared_ptr<const Sampler> sampler) const override;

  const DataLoaderOptions& options() const { return options_; }
  /// nullptr for a stream.
  const std::shared_ptr<const Dataset>& dataset() const { return dataset_; }

 private:
  class Running;
  std::shared_ptr<const Dataset> dataset_;  // one of these two
  std::shared_ptr<const IterableDataset> stream_;
  DataLoaderOptions options_;
  std::shared_ptr<const Sampler> sampler_;  // none for a stream
  std::uint64_t seed_ = 0;
  std::int64_t epoch_ = 0, position_ = 0;
  std::unique_ptr<Running> running_;
};

}  // namespace levin

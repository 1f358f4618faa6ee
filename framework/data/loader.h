#pragma once
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>

#include "levin/framework/base/export.h"
#include "levin/framework/base/value.h"
#include "levin/framework/data/sampler.h"
#include "levin/framework/module/batch.h"

namespace levin {

/// Where the Trainer gets its batches: all it knows of data. `DataLoader` is the usual one; derive
/// from this for your own.
///
/// An epoch goes `set_epoch(e)`, `start()`, then `next` until it says false. `start` may be called
/// at any time and begins anew; an epoch that is left half-way costs nothing more. One thread
/// drives a loader.
class LEVIN_API Loader {
 public:
  virtual ~Loader();

  /// Batches in an epoch, from its beginning; none if that is not known beforehand.
  virtual std::optional<std::int64_t> size() const = 0;
  /// Which epoch the next `start` begins. It decides the random order and the samples' randomness,
  /// nothing else.
  virtual void set_epoch(std::int64_t epoch) = 0;
  /// Begins the epoch at its `first_batch`-th batch (from 0): exactly the batches that the whole
  /// epoch has from there on.
  virtual void start(std::int64_t first_batch = 0) = 0;
  /// The next batch, or false at the end of the epoch (again and again). RuntimeError if `start`
  /// was not called.
  virtual bool next(Batch& out) = 0;
  /// How many batches of this epoch were handed out, those before `first_batch` included; batches
  /// that workers have made ahead don't count. After `load_state_dict`: where to start.
  virtual std::int64_t position() const = 0;

  /// The epoch, the position and whatever else a resumed run needs to see the batches that are
  /// left.
  virtual Value state_dict() const = 0;
  /// Takes a state over and ends the running epoch; `start(position())` then goes on where it was
  /// saved.
  virtual void load_state_dict(const Value& state) = 0;

  /// Whether its state travels in a checkpoint where Lightning keeps the states of stateful loaders, and `load_state_dict` alone
  /// brings it back there (then `start()` goes on by itself). False: the position is kept in the `levin` block.
  virtual bool stateful() const { return false; }

  /// Samples in a full batch; none if there is no such number.
  virtual std::optional<std::int64_t> batch_size() const { return std::nullopt; }
  /// Whether the order is random.
  virtual bool shuffles() const { return false; }
  /// What decides the order; nullptr if nothing of that kind does (a stream, a loader of your own).
  virtual std::shared_ptr<const Sampler> sampler() const { return nullptr; }
  /// The same loader over another order, not started; nullptr if it can't. So the Trainer shares a
  /// dataset out among ranks (DistributedSampler) and takes the shuffling away for
  /// `overfit_batches` (SequentialSampler).
  virtual std::shared_ptr<Loader> with_sampler(std::shared_ptr<const Sampler> sampler) const;

  /// `for (const Batch& batch : loader)` starts the epoch and goes through it.
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Batch;
    using difference_type = std::ptrdiff_t;
    explicit Iterator(Loader& loader) : loader_(&loader) { ++*this; }
    const Batch& operator*() const { return batch_; }
    Iterator& operator++() {
      if (!loader_->next(batch_)) loader_ = nullptr;
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return loader_ == nullptr; }

   private:
    Loader* loader_;
    Batch batch_;
  };
  Iterator begin() {
    start();
    return Iterator(*this);
  }
  std::default_sentinel_t end() const { return {}; }
};

}  // namespace levin

#pragma once
#include <concepts>
#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

#include "levin/framework/data/dataset.h"

namespace levin {

class Loader;

/// A map-style dataset or a stream. One given by value is moved in, one given as `std::shared_ptr` is shared.
class LEVIN_API AnyDataset {
 public:
  template <std::derived_from<Dataset> D>
  AnyDataset(std::shared_ptr<D> dataset) : dataset_(std::move(dataset)) {}
  template <std::derived_from<IterableDataset> D>
  AnyDataset(std::shared_ptr<D> stream) : stream_(std::move(stream)) {}
  template <class D> requires(std::derived_from<D, Dataset> || std::derived_from<D, IterableDataset>)
  AnyDataset(D dataset) : AnyDataset(std::make_shared<D>(std::move(dataset))) {}

  /// A DataLoader over it with pinned batches; a stream is never shuffled.
  std::shared_ptr<Loader> loader(std::int64_t batch_size, bool shuffle, std::int64_t num_workers) const;

 private:
  std::shared_ptr<const Dataset> dataset_;  // one of these two
  std::shared_ptr<const IterableDataset> stream_;
};

/// One dataset, several, or none.
class Datasets {
 public:
  Datasets() = default;
  template <class D> requires std::constructible_from<AnyDataset, D>
  Datasets(D dataset) : items_{AnyDataset(std::move(dataset))} {}
  Datasets(std::initializer_list<AnyDataset> items) : items_(items) {}

  bool empty() const { return items_.empty(); }
  auto begin() const { return items_.begin(); }
  auto end() const { return items_.end(); }

 private:
  std::vector<AnyDataset> items_;
};

}  // namespace levin

#pragma once
#include <concepts>
#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

#include "levin/framework/data/loader.h"

namespace levin {

/// One loader or several: what `fit`, `validate`, ... and the `*_dataloader` hooks take. A loader given by value is moved in,
/// one given as `std::shared_ptr` is shared. Empty means "none given".
class Loaders {
 public:
  Loaders() = default;
  template <class L> requires std::derived_from<L, Loader>
  Loaders(std::shared_ptr<L> loader) {
    if (loader) items_.push_back(std::move(loader));
  }
  template <class L> requires std::derived_from<L, Loader>
  Loaders(L loader) : items_{std::make_shared<L>(std::move(loader))} {}
  Loaders(std::vector<std::shared_ptr<Loader>> loaders) : items_(std::move(loaders)) {}
  Loaders(std::initializer_list<std::shared_ptr<Loader>> loaders) : items_(loaders) {}

  bool empty() const { return items_.empty(); }
  std::size_t size() const { return items_.size(); }
  const std::shared_ptr<Loader>& operator[](std::size_t i) const { return items_[i]; }
  auto begin() const { return items_.begin(); }
  auto end() const { return items_.end(); }

 private:
  std::vector<std::shared_ptr<Loader>> items_;
};

}  // namespace levin

#pragma once
#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

namespace levin {

/// A hash for what lives at an address: such are multiples of 16 that lie close together.
inline std::uint64_t address_hash(const void* address) {
  return (std::bit_cast<std::uint64_t>(address) >> 4) * 0x9e3779b97f4a7c15 >> 16;
}

/// A hash table for small items that are looked up far more often than they are added and never
/// removed: the items in one block, in order of addition, and beside it a block of places. Adding
/// moves the items.
template <class T>
class FlatTable {
 public:
  std::size_t size() const { return items_.size(); }

  /// The item of this hash that `is_it` holds for; nullptr if there is none.
  template <class IsIt>
  T* find(std::uint64_t hash, IsIt is_it) {
    if (slots_.empty()) return nullptr;
    for (std::size_t at = hash;; ++at) {
      const Slot slot = slots_[at & (slots_.size() - 1)];
      if (slot.item == 0) return nullptr;
      T& item = items_[slot.item - 1];
      if (slot.hash == static_cast<std::uint32_t>(hash) && is_it(item)) return &item;
    }
  }
  /// Adds an item that is not there.
  T& add(std::uint64_t hash, T item) {
    items_.push_back(std::move(item));
    if (2 * items_.size() > slots_.size()) grow();
    place({static_cast<std::uint32_t>(hash), static_cast<std::uint32_t>(items_.size())});
    return items_.back();
  }

 private:
  struct Slot {
    std::uint32_t hash = 0, item = 0;  // item: its place counted from 1; 0 where there is none
  };

  void place(Slot slot) {
    std::size_t at = slot.hash;
    while (slots_[at & (slots_.size() - 1)].item != 0) ++at;
    slots_[at & (slots_.size() - 1)] = slot;
  }
  void grow() {
    std::vector<Slot> old(slots_.empty() ? 256 : 4 * slots_.size());
    old.swap(slots_);
    items_.reserve(slots_.size() / 2);
    for (const Slot slot : old)
      if (slot.item != 0) place(slot);
  }

  std::vector<Slot> slots_;  // a power of two, at most half of them used
  std::vector<T> items_;
};

}  // namespace levin

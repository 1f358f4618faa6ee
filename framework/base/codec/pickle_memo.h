#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "levin/framework/base/flat_table.h"
#include "levin/framework/base/text_hash.h"
#include "levin/framework/base/value.h"

namespace levin {

/// What a pickle holds already, and the number that gets it again.
class PickleMemo {
 public:
  using Number = std::uint32_t;

  /// The number of an object; nullptr: it is not there.
  const Number* find(const void* identity) {
    const Object* const known = objects_.find(address_hash(identity), [&](const Object& other) { return other.identity == identity; });
    return known ? &known->number : nullptr;
  }
  void add(const void* identity, Number number) { objects_.add(address_hash(identity), {identity, number}); }

  /// The number of a text; nullptr: it was not there, and `write` has written it and given its number. The text must stay where it is.
  template <class Write>
  const Number* text(std::string_view text, Write write) {
    const std::uint64_t hash = text_hash(text);
    if (const Text* known = texts_.find(hash, [&](const Text& other) { return other.text == text; })) return &known->number;
    texts_.add(hash, {text, write()});
    return nullptr;
  }
  /// The same of a class or function.
  template <class Write>
  const Number* global(std::string_view module, std::string_view name, Write write) {
    const std::uint64_t hash = text_hash(module) ^ text_hash(name);
    const auto is_it = [&](const Named& other) { return other.module == module && other.name == name; };
    if (const Named* known = globals_.find(hash, is_it)) return &known->number;
    globals_.add(hash, {module, name, write()});
    return nullptr;
  }

 private:
  struct Object {
    const void* identity;
    Number number;
  };
  struct Text {
    std::string_view text;
    Number number;
  };
  struct Named {
    std::string_view module, name;
    Number number;
  };
  FlatTable<Object> objects_;
  FlatTable<Text> texts_;
  FlatTable<Named> globals_;
};

/// The storages that a pickle's tensors lie in, by the keys "0", "1" and so on in the order they came.
class PickledStorages {
 public:
  struct Entry {
    const Storage* storage;
    DType dtype;
    const std::string* key;  ///< stays where it is
  };
  /// The storage's entry, made if there is none.
  const Entry& entry(const std::shared_ptr<const Storage>& storage, DType dtype) {
    const std::uint64_t hash = address_hash(storage.get());
    if (const Entry* known = entries_.find(hash, [&](const Entry& other) { return other.storage == storage.get(); })) return *known;
    storages_.push_back(storage);
    return entries_.add(hash, {storage.get(), dtype, &keys_.emplace_back(std::to_string(storages_.size() - 1))});
  }
  std::vector<std::shared_ptr<const Storage>> take() { return std::move(storages_); }

 private:
  FlatTable<Entry> entries_;
  std::vector<std::shared_ptr<const Storage>> storages_;
  std::deque<std::string> keys_;
};

}  // namespace levin

#include "levin/framework/base/snapshot.h"

#include <cstring>
#include <unordered_map>

#include "levin/framework/base/codec/fresh_memory.h"

namespace levin {
namespace {

constexpr std::size_t alignment = 64;

using Storages = std::unordered_map<const Storage*, std::shared_ptr<const Storage>>;

// Every storage of the tree, once each.
void collect(const Value& value, Storages& out) {
  if (value.is_tensor()) out.try_emplace(value.as_tensor().storage.get());
  else if (value.is_dict()) {
    collect(value.as_dict().attributes, out);
    for (const auto& [key, item] : value.as_dict()) collect(item, out);
  } else if (value.is_list() || value.is_tuple()) {
    for (const Value& item : value.items()) collect(item, out);
  }
}

Value with_storages(const Value& value, const Storages& storages) {
  if (value.is_tensor()) {
    TensorRef tensor = value.as_tensor();
    tensor.storage = storages.at(tensor.storage.get());
    return tensor;
  }
  if (value.is_dict()) {
    Dict out;
    out.type = value.as_dict().type;
    out.attributes = with_storages(value.as_dict().attributes, storages);
    for (const auto& [key, item] : value.as_dict()) out.set(key, with_storages(item, storages));
    return out;
  }
  if (value.is_list() || value.is_tuple()) {
    List items;
    items.reserve(value.items().size());
    for (const Value& item : value.items()) items.push_back(with_storages(item, storages));
    return value.is_list() ? Value::list(std::move(items)) : Value::tuple(std::move(items));
  }
  return value.clone();
}

}  // namespace

Value Snapshots::take(const Value& tree) {
  Storages storages;
  collect(tree, storages);
  std::size_t total = 0;
  for (const auto& [original, unused] : storages) total += (original->nbytes + alignment - 1) / alignment * alignment;
  if (!block_ || block_.use_count() > 1 || size_ < total) {
    block_.reset();  // frees it before the new one is made, unless a snapshot still holds it
    block_ = fresh_memory(total);
    size_ = total;
  }
  char* position = block_.get();
  for (auto& [original, copy] : storages) {
    Storage own = *original;
    own.data = own.nbytes ? position : nullptr;
    own.owner = block_;
    if (own.nbytes) std::memcpy(position, original->data, original->nbytes);
    position += (own.nbytes + alignment - 1) / alignment * alignment;
    copy = std::make_shared<const Storage>(std::move(own));
  }
  return with_storages(tree, storages);
}

Value snapshot(const Value& tree) { return Snapshots().take(tree); }

}  // namespace levin

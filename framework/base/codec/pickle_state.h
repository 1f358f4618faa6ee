#pragma once
#include <string>
#include <unordered_map>
#include <vector>

#include "levin/framework/base/codec/pickle_reader.h"

/// Parts of the pickle reader that its two sources share: the machine's heap account and what
/// REDUCE and BUILD mean.
namespace levin {

[[noreturn]] void malformed(const std::string& what);

/// Counts what a pickle costs, so that no short pickle makes much of little (by copying one long
/// string often, say).
class HeapAccount {
 public:
  explicit HeapAccount(const PickleLimits& limits) : limit_(limits.heap), left_(limits.heap) {}
  void charge(std::size_t bytes) {
    if (bytes > left_) {
      malformed("it asks for more than " + std::to_string(limit_ >> 20) +
                " MiB of memory besides its tensors; if you trust the file, raise PickleLimits::heap");
    }
    left_ -= bytes;
  }

 private:
  std::size_t limit_, left_;
};

/// Makes containers and keeps hold of them, so that a tree of any depth, or one that contains
/// itself, can be taken apart.
class NodeKeeper {
 public:
  NodeKeeper() = default;
  NodeKeeper(const NodeKeeper&) = delete;
  NodeKeeper& operator=(const NodeKeeper&) = delete;
  /// Empties everything that `release` did not hand over.
  ~NodeKeeper();

  const Value& keep(Value node);
  /// Checks that `root` is a tree (with sharing) of at most `depth` levels, then lets go of all
  /// that it holds.
  Value release(Value root, std::size_t depth);

 private:
  std::vector<Value> nodes_;
};

/// What callables mean: gives the value that `callable(*args)` stands for.
class Reducer {
 public:
  Reducer(HeapAccount& heap, NodeKeeper& keeper, const FindStorage& find_storage)
      : heap_(heap), keeper_(keeper), find_storage_(find_storage) {}

  Value reduce(const Value& callable, const Value& args, bool is_new);
  void build(Value& target, const Value& state);
  Value persistent(const Value& id);
  /// `target[key] = value`, also for an inert object.
  void set_item(Value& target, const Value& key, Value value);
  void append(Value& target, Value item);
  void set_add(Value& target, const Value& item);

 private:
  Value reduce_known(const Global& name, const List& args, bool& known);
  Value rebuild_tensor(const List& args, std::size_t fixed, bool& known);
  Value ordered_dict(const List& args);
  Value counter(const List& args);
  Value set_of(const List& args);
  Value encoded(const List& args);
  Value parameter(const List& args);
  Value with_attributes(const List& args, bool& known);
  const std::shared_ptr<const Storage>& storage_of(const Value& handle) const;
  void check_key(const Value& key);

  struct Known {
    Value handle;
    std::shared_ptr<const Storage> storage;
  };
  HeapAccount& heap_;
  NodeKeeper& keeper_;
  const FindStorage& find_storage_;
  std::unordered_map<std::string, Known> by_key_;
  std::unordered_map<const void*, const Known*> by_handle_;
};

}  // namespace levin

#pragma once
#include <memory>

#include "levin/framework/base/export.h"
#include "levin/framework/base/value.h"

namespace levin {

/// Deep copies of value trees whose tensors own their bytes: what training does afterwards can't change them. Tensors that share a
/// storage share one in the copy.
///
/// The bytes of one snapshot lie in one block of memory, which the next snapshot uses again once nothing of the first is left: memory
/// that was touched before is copied into two to three times as fast as fresh memory.
class LEVIN_API Snapshots {
 public:
  Value take(const Value& tree);

 private:
  std::shared_ptr<char> block_;
  std::size_t size_ = 0;
};

/// One snapshot.
LEVIN_API Value snapshot(const Value& tree);

}  // namespace levin

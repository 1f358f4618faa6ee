#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "levin/framework/base/value.h"

namespace levin {

/// Calls `f(offset)` for every element in row-major order; the offset counts elements from the
/// storage's beginning. A view may have far more elements than its storage (stride 0).
template <class F>
void for_each_element(const TensorRef& t, F&& f) {
  if (t.numel() == 0) return;
  std::vector<std::int64_t> index(t.sizes.size(), 0);
  std::int64_t offset = t.storage_offset;
  while (true) {
    f(offset);
    std::size_t d = index.size();
    while (d > 0) {
      --d;
      offset += t.strides[d];
      if (++index[d] < t.sizes[d]) break;
      offset -= t.strides[d] * t.sizes[d];
      index[d] = 0;
      if (d == 0) return;
    }
    if (index.empty()) return;
  }
}

/// The element at `offset` as its bits; the caller knows its type.
template <class T>
T element_at(const TensorRef& t, std::int64_t offset) {
  T value;
  std::memcpy(&value, static_cast<const char*>(t.storage->data) + offset * static_cast<std::int64_t>(sizeof(T)),
              sizeof(T));
  return value;
}

/// Where the first element lies; nullptr for a tensor without elements.
inline const char* first_byte(const TensorRef& t) {
  if (!t.storage || !t.storage->data) return nullptr;
  return static_cast<const char*>(t.storage->data) +
         t.storage_offset * static_cast<std::int64_t>(itemsize(t.dtype));
}

}  // namespace levin

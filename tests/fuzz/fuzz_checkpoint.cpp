// Any bytes, read as a checkpoint: an error or a sound tree, which is written back and reads the same.
#include <sanitizer/allocator_interface.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <unordered_set>

#include "levin/framework/base/codec/archive.h"
#include "levin/framework/base/errors.h"

using namespace levin;

namespace {

// What is on the heap now and was at most, of all threads (there is one).
std::size_t heap = 0, heap_peak = 0;

void on_malloc(const volatile void* block, std::size_t) {
  heap += __sanitizer_get_allocated_size(const_cast<const void*>(block));
  heap_peak = std::max(heap_peak, heap);
}
void on_free(const volatile void* block) {
  if (block) heap -= __sanitizer_get_allocated_size(const_cast<const void*>(block));
}

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

std::optional<Value> read(std::string_view file, bool verify, bool strict) {
  const std::size_t before = heap;
  heap_peak = heap;
  std::optional<Value> value;
  try {
    value = read_archive_bytes(file, {.strict = strict, .verify = verify});
  } catch (const CheckpointError& e) {
    require(e.what()[0] != '\0', "an error has a message");
  }
  const std::size_t bar = 2 * file.size() + (std::size_t{64} << 20);
  const std::size_t cost = heap_peak - before;
  if (cost > bar) std::fprintf(stderr, "%zu bytes of heap for a file of %zu\n", cost, file.size());
  require(cost <= bar, "reading takes no more heap than it may");
  return value;
}

// Touches every tensor's first and last element; counts elements, which can be many more than
// there are bytes where a stride is 0.
class Walk {
 public:
  void visit(const Value& value) {
    if (value.is_tensor()) tensor(value.as_tensor());
    if (value.identity() && !seen_.insert(value.identity()).second) return;
    switch (value.kind()) {
      case Value::Kind::list:
      case Value::Kind::tuple:
      case Value::Kind::set:
        for (const Value& item : value.items()) visit(item);
        break;
      case Value::Kind::dict:
        for (const auto& [key, item] : value.as_dict()) {
          keys_have_values_ = keys_have_values_ && has_value(key);
          visit(key), visit(item);
        }
        visit(value.as_dict().attributes);
        break;
      case Value::Kind::object:
        visit(value.as_object().callable), visit(value.as_object().args);
        visit(value.as_object().state);
        break;
      default: break;
    }
  }
  double elements() const { return elements_; }
  /// Whether all dicts' keys are the same when they are read again. A tensor or an object as a key is one by identity, as in Python.
  bool keys_have_values() const { return keys_have_values_; }

 private:
  static bool has_value(const Value& key) {
    using enum Value::Kind;
    const Value::Kind kind = key.kind();
    if (kind == tuple) return std::all_of(key.items().begin(), key.items().end(), has_value);
    return kind != Value::Kind::tensor && kind != object && kind != list && kind != dict && kind != set && kind != bytearray;
  }

  void tensor(const TensorRef& t) {
    require(t.sizes.size() == t.strides.size(), "as many strides as sizes");
    double count = 1;
    std::int64_t last = t.storage_offset;
    for (std::size_t d = 0; d < t.sizes.size(); ++d) {
      count *= static_cast<double>(t.sizes[d]);
      if (t.sizes[d] > 0) last += (t.sizes[d] - 1) * t.strides[d];
    }
    elements_ += count;
    if (count == 0) return;
    const auto size = static_cast<std::int64_t>(itemsize(t.dtype));
    require((last + 1) * size <= static_cast<std::int64_t>(t.storage->nbytes), "within its storage");
    const auto* bytes = static_cast<const volatile char*>(t.storage->data);
    (void)bytes[t.storage_offset * size], (void)bytes[(last + 1) * size - 1];
  }

  std::unordered_set<const void*> seen_;
  double elements_ = 0;
  bool keys_have_values_ = true;
};

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
  return 0;
}

namespace {

void try_file(const std::uint8_t* data, std::size_t size) {
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  const auto loose = read(file, false, false), strict = read(file, false, true);
  const auto checked = read(file, true, false), both = read(file, true, true);
  require(!checked || loose, "what reads with verification reads without");
  require(!strict || loose, "what strict reading takes, the other takes too");
  require(both.has_value() == (checked && strict), "the two options do not meddle");
  if (!loose) return;

  Walk walk;
  walk.visit(*loose);
  require(!loose->repr().empty(), "a value has a repr");
  const bool comparable = walk.elements() < 1e5 && walk.keys_have_values();
  if (comparable && checked) require(*checked == *loose, "verification changes no value");
  if (comparable && strict) require(*strict == *loose, "strictness changes no value");
  std::string written;
  try {
    written = archive_bytes(*loose);
  } catch (const TypeError&) {
    return;
  } catch (const ValueError&) {
    return;
  }
  const auto again = read(written, true, true);
  require(again.has_value(), "what was written reads, strictly");
  if (comparable) require(*again == *loose, "what was written reads the same");
  require(archive_bytes(*again) == written, "what was read is written the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Processor time: libFuzzer's own limit counts the time that other programs take from a busy machine.
  const std::clock_t start = std::clock();
  try_file(data, size);
  const std::size_t seconds = size > 100'000 ? 20 : 1;  // megabytes of opcodes, many times over and with sanitizers
  require(std::clock() - start < static_cast<std::clock_t>(seconds) * CLOCKS_PER_SEC, "a file takes less than a second");
  return 0;
}

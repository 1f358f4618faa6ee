#include <algorithm>
#include <map>
#include <tuple>
#include <vector>

#include "levin/framework/base/codec/little_endian.h"
#include "levin/framework/base/codec/safetensors.h"
#include "levin/framework/base/codec/safetensors_names.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/json.h"
#include "levin/framework/base/python_format.h"
#include "levin/framework/base/tensor_elements.h"
#include "levin/framework/base/utf8.h"

namespace levin {
namespace {

struct Entry {
  std::string name;
  TensorRef tensor;
  std::uint64_t bytes = 0, begin = 0;
};

[[noreturn]] void refuse(const std::string& name, const std::string& what) {
  throw ValueError("can't write the tensor " + python_repr(name) + " to safetensors: " + what);
}

std::uint64_t bytes_of(const std::string& name, const TensorRef& tensor) {
  std::uint64_t bytes = itemsize(tensor.dtype);
  for (const std::int64_t size : tensor.sizes)
    if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(size), &bytes))
      refuse(name, "its size overflows");
  const std::uint64_t stored = tensor.storage ? tensor.storage->nbytes : 0;
  if (bytes > (std::uint64_t{1} << 30) && bytes / 16 > stored) {
    refuse(name, "it is an expanded view that would take " + std::to_string(bytes) + " bytes of " +
                     std::to_string(stored) + "; save a copy without stride 0");
  }
  return bytes;
}

// The tensors to write, in the dict's order. Tied names become notes in `metadata`.
std::vector<Entry> collect(const Dict& tensors, Dict& metadata) {
  using View = std::tuple<const void*, std::int64_t, DType, std::vector<std::int64_t>,
                          std::vector<std::int64_t>>;
  std::map<View, std::string> seen;
  std::vector<Entry> entries;
  for (const auto& [key, value] : tensors) {
    if (!key.is_string())
      throw TypeError("safetensors needs names that are str, got " + key.type_name() + " " +
                      key.repr(40));
    const std::string& name = key.as_string();
    if (!value.is_tensor())
      throw TypeError("safetensors holds tensors only, but " + python_repr(name) + " is of type " +
                      value.type_name());
    if (name == safetensors::metadata_key) refuse(name, "the format reserves this name");
    if (utf8::valid_prefix(name) != name.size()) refuse(name, "the name is not UTF-8");
    const TensorRef& tensor = value.as_tensor();
    if (safetensors::name_of(tensor.dtype).empty())
      refuse(name, std::string("the format has no ") + dtype_name(tensor.dtype));
    const std::uint64_t bytes = bytes_of(name, tensor);
    if (bytes > 0) {
      const View view{tensor.storage.get(), tensor.storage_offset, tensor.dtype, tensor.sizes,
                      tensor.strides};
      const auto [first, is_new] = seen.emplace(view, name);
      // Without room for the note the tensor is written in full: sharing is lost, but no tensor.
      if (!is_new && !metadata.find(name)) {
        metadata.set(name, first->second);
        continue;
      }
    }
    entries.push_back({name, tensor, bytes});
  }
  return entries;
}

// Widest types first: each tensor then begins at a multiple of its element.
std::vector<Entry*> place(std::vector<Entry>& entries) {
  std::vector<Entry*> order;
  for (Entry& entry : entries) order.push_back(&entry);
  std::stable_sort(order.begin(), order.end(), [](const Entry* a, const Entry* b) {
    return itemsize(a->tensor.dtype) > itemsize(b->tensor.dtype);
  });
  std::uint64_t at = 0;
  for (Entry* entry : order) {
    entry->begin = at;
    if (__builtin_add_overflow(at, entry->bytes, &at)) refuse(entry->name, "the file's size overflows");
  }
  return order;
}

std::string header_of(const std::vector<Entry>& entries, const Dict& metadata) {
  Value header = Value::dict();
  if (!metadata.empty()) header[safetensors::metadata_key] = Value(metadata);
  for (const Entry& entry : entries) {
    List shape;
    for (const std::int64_t size : entry.tensor.sizes) shape.push_back(size);
    Value& info = header[entry.name];
    info["dtype"] = safetensors::name_of(entry.tensor.dtype);
    info["shape"] = Value::list(std::move(shape));
    info["data_offsets"] = Value::list({entry.begin, entry.begin + entry.bytes});
  }
  std::string text = dump_json(header, -1);
  text.append((8 - text.size() % 8) % 8, ' ');
  return text;
}

void write_elements(const Entry& entry, ByteSink& sink) {
  if (entry.bytes == 0) return;
  if (entry.tensor.is_contiguous()) {
    sink.write(first_byte(entry.tensor), entry.bytes);
    return;
  }
  const std::size_t width = itemsize(entry.tensor.dtype);
  const char* base = static_cast<const char*>(entry.tensor.storage->data);
  std::string buffer;
  for_each_element(entry.tensor, [&](std::int64_t offset) {
    buffer.append(base + static_cast<std::size_t>(offset) * width, width);
    if (buffer.size() < std::size_t{1} << 16) return;
    sink.write(buffer.data(), buffer.size());
    buffer.clear();
  });
  sink.write(buffer.data(), buffer.size());
}

}  // namespace

void write_safetensors(const Safetensors& content, ByteSink& sink) {
  Dict metadata;
  for (const auto& [key, value] : content.metadata.as_dict()) {
    if (!key.is_string() || !value.is_string())
      throw TypeError("safetensors' metadata maps str to str, got " + key.repr(40) + ": " +
                      value.repr(40));
    metadata.set(key, value);
  }
  std::vector<Entry> entries = collect(content.tensors.as_dict(), metadata);
  const std::vector<Entry*> order = place(entries);
  const std::string header = header_of(entries, metadata);
  std::string length;
  append_le(length, static_cast<std::uint64_t>(header.size()));
  sink.write(length.data(), length.size());
  sink.write(header.data(), header.size());
  for (const Entry* entry : order) write_elements(*entry, sink);
}

std::string safetensors_bytes(const Safetensors& content) {
  StringSink sink;
  write_safetensors(content, sink);
  return sink.take();
}

}  // namespace levin

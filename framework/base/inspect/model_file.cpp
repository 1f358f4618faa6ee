#include "levin/framework/base/inspect/model_file.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "levin/framework/base/codec/archive.h"
#include "levin/framework/base/codec/mapped_file.h"
#include "levin/framework/base/codec/safetensors.h"
#include "levin/framework/base/codec/zip_reader.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/inspect/tree_path.h"
#include "levin/framework/base/python_format.h"

namespace levin {
namespace {

void add(std::uint64_t& sum, std::uint64_t more) {
  if (__builtin_add_overflow(sum, more, &sum)) sum = UINT64_MAX;
}

bool all_tensors(const Value& value) {
  if (!value.is_dict() || value.as_dict().empty()) return false;
  return std::all_of(value.as_dict().begin(), value.as_dict().end(),
                     [](const Dict::Item& item) { return item.second.is_tensor(); });
}

ModelFile open_checkpoint(const std::string& path, std::string_view bytes, bool verify) {
  ModelFile file{.path = path, .bytes = bytes.size()};
  try {
    const ZipReader zip(bytes, false);
    file.records = zip.records().size();
    if (const ZipRecord* pickle = zip.find("data.pkl")) zip.verify(*pickle);
  } catch (const CheckpointError& error) {
    throw CheckpointError("can't read the checkpoint '" + path + "': " + error.what());
  }
  file.root = read_archive(path, {.verify = verify});
  return file;
}

}  // namespace

const Value* ModelFile::weights() const {
  if (format == Format::safetensors) return &root;
  if (const Value* state_dict = root.find("state_dict"); state_dict && state_dict->is_dict()) return state_dict;
  return all_tensors(root) ? &root : nullptr;
}

ModelFile open_model_file(const std::string& path, bool verify) {
  const auto mapped = MappedFile::open(path);
  const std::string_view bytes = mapped->bytes();
  const bool zip = bytes.starts_with("PK\x03\x04");
  if (zip || !(looks_like_safetensors(bytes) || path.ends_with(".safetensors"))) return open_checkpoint(path, bytes, verify);
  Safetensors content = read_safetensors(path);
  ModelFile file{.path = path, .format = ModelFile::Format::safetensors, .bytes = bytes.size()};
  file.root = std::move(content.tensors);
  file.metadata = std::move(content.metadata);
  return file;
}

WeightCount count_weights(const Value& weights) {
  using View = std::tuple<const void*, std::int64_t, std::vector<std::int64_t>, std::vector<std::int64_t>>;
  std::set<View> seen;
  WeightCount out;
  for_each_tensor(weights, [&](const std::string&, const TensorRef& t) {
    if (t.storage && t.storage->nbytes > 0 && !seen.emplace(t.storage.get(), t.storage_offset, t.sizes, t.strides).second) return;
    ++out.tensors;
    add(out.bytes, tensor_bytes(t));
    add(out.elements, tensor_bytes(t) / itemsize(t.dtype));
  });
  return out;
}

std::string human_bytes(std::uint64_t bytes) {
  if (bytes < 1024) return std::to_string(bytes) + " B";
  double number = static_cast<double>(bytes);
  const char* unit = "";
  for (const char* next : {" KiB", " MiB", " GiB", " TiB", " PiB", " EiB"}) {
    number /= 1024, unit = next;
    if (number < 1023.95) break;
  }
  return python_format(number, ".1f") + unit;
}

std::string with_commas(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
  return text;
}

std::string counted(std::uint64_t number, const std::string& noun) {
  if (number == 1) return "1 " + noun;
  return with_commas(number) + " " + (noun.ends_with("ry") ? noun.substr(0, noun.size() - 1) + "ies" : noun + "s");
}

std::uint64_t tensor_bytes(const TensorRef& tensor) {
  std::uint64_t bytes = itemsize(tensor.dtype);
  if (std::find(tensor.sizes.begin(), tensor.sizes.end(), 0) != tensor.sizes.end()) return 0;
  for (const std::int64_t size : tensor.sizes)
    if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(size), &bytes)) return UINT64_MAX;
  return bytes;
}

std::string shape_text(const TensorRef& tensor) {
  std::string out = "[";
  for (const std::int64_t size : tensor.sizes) out += (out.size() > 1 ? ", " : "") + std::to_string(size);
  return out + "]";
}

}  // namespace levin

#include "levin/framework/base/codec/safetensors.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <unordered_set>
#include <utility>
#include <vector>

#include "levin/framework/base/codec/little_endian.h"
#include "levin/framework/base/codec/mapped_file.h"
#include "levin/framework/base/codec/safetensors_names.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/python_format.h"

namespace levin {
namespace {

constexpr std::uint64_t largest_header = 100'000'000;  // the reference implementation's limit
constexpr std::size_t most_dimensions = 64;

struct Entry {
  std::string name, dtype;
  std::vector<std::uint64_t> shape, offsets;
  bool has_dtype = false, has_shape = false, has_offsets = false;
};

std::string quote(const std::string& text) {
  return python_repr(text.size() > 100 ? text.substr(0, 100) + "..." : text);
}

// Takes the header's JSON event by event: what is kept is bounded by the header's length, and
// anything out of place is refused where it stands.
class HeaderParser final : public nlohmann::json_sax<nlohmann::json> {
 public:
  std::vector<Entry> entries;
  Dict metadata;

  void parse(std::string_view text) {
    if (!nlohmann::json::sax_parse(text.begin(), text.end(), this))
      throw CheckpointError("its header is not valid: " + problem_);
  }

  bool key(string_t& name) override {
    if (place_ == Place::metadata) {
      if (metadata.find(std::string_view(name))) return fail("__metadata__ has " + quote(name) + " twice");
      key_ = name;
      return true;
    }
    if (place_ == Place::tensor) return field(name);
    key_ = name;
    return true;
  }

  bool start_object(std::size_t) override {
    if (place_ == Place::outside) return enter(Place::top);
    if (place_ != Place::top) return unexpected("an object");
    if (key_ == safetensors::metadata_key) {
      if (std::exchange(has_metadata_, true)) return fail("it has __metadata__ twice");
      return enter(Place::metadata);
    }
    entries.emplace_back().name = key_;
    return enter(Place::tensor);
  }

  bool end_object() override {
    if (place_ == Place::top) return enter(Place::outside);
    if (place_ == Place::tensor) {
      const Entry& entry = entries.back();
      if (!entry.has_dtype || !entry.has_shape || entry.offsets.size() != 2)
        return fail("tensor " + quote(entry.name) + " lacks a dtype, a shape or two data_offsets");
    }
    return enter(Place::top);
  }

  bool start_array(std::size_t) override {
    if (place_ != Place::tensor || key_ == "dtype") return unexpected("an array");
    return enter(Place::numbers);
  }
  bool end_array() override { return enter(Place::tensor); }

  bool string(string_t& text) override {
    if (place_ == Place::metadata) {
      metadata.set(key_, Value(text));
      return true;
    }
    if (place_ != Place::tensor || key_ != "dtype") return unexpected("a string");
    entries.back().dtype = text;
    return true;
  }

  bool number_unsigned(number_unsigned_t number) override {
    if (place_ != Place::numbers) return unexpected("a number");
    Entry& entry = entries.back();
    auto& list = key_ == "shape" ? entry.shape : entry.offsets;
    if (list.size() == (key_ == "shape" ? most_dimensions : 2))
      return fail("tensor " + quote(entry.name) + " has too many numbers in its " + key_);
    list.push_back(number);
    return true;
  }

  bool null() override { return unexpected("null"); }
  bool boolean(bool) override { return unexpected("a boolean"); }
  bool number_integer(number_integer_t) override { return unexpected("a negative number"); }
  bool number_float(number_float_t, const string_t&) override { return unexpected("a fraction"); }
  bool binary(binary_t&) override { return unexpected("binary data"); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) override {
    return fail("it is no JSON at byte " + std::to_string(position + 8));
  }

 private:
  enum class Place { outside, top, metadata, tensor, numbers };

  bool enter(Place place) {
    place_ = place;
    return true;
  }
  bool fail(const std::string& what) {
    problem_ = what;
    return false;
  }
  bool unexpected(const char* what) {
    return fail(std::string("it has ") + what + " where none belongs" +
                (key_.empty() ? "" : ", at " + quote(key_)));
  }

  bool field(const std::string& name) {
    Entry& entry = entries.back();
    const auto once = [&](bool& seen) {
      return std::exchange(seen, true) ? fail("tensor " + quote(entry.name) + " has " + name + " twice") : true;
    };
    key_ = name;
    if (name == "dtype") return once(entry.has_dtype);
    if (name == "shape") return once(entry.has_shape);
    if (name == "data_offsets") return once(entry.has_offsets);
    return fail("tensor " + quote(entry.name) + " has an unknown key " + quote(name));
  }

  Place place_ = Place::outside;
  std::string key_, problem_;
  bool has_metadata_ = false;
};

struct Sections {
  std::string_view header, data;
};

Sections split(std::string_view file) {
  if (file.size() < 8)
    throw CheckpointError("it has " + std::to_string(file.size()) +
                          " bytes, fewer than the 8 that a safetensors file begins with");
  const auto length = load_le<std::uint64_t>(file);
  if (length > largest_header)
    throw CheckpointError("its header would have " + std::to_string(length) +
                          " bytes, more than the 100 MB that are allowed; this is no safetensors file or a damaged one");
  if (length > file.size() - 8)
    throw CheckpointError("its header should have " + std::to_string(length) + " bytes, but only " +
                          std::to_string(file.size() - 8) + " follow; the file is incomplete or no safetensors file");
  if (length == 0 || file[8] != '{') throw CheckpointError("its header does not begin with '{'");
  return {file.substr(8, length), file.substr(8 + length)};
}

// The ranges must follow each other without a gap, from the first byte to the last.
void check_tiling(const std::vector<Entry>& entries, std::uint64_t size) {
  std::vector<const Entry*> order;
  for (const Entry& entry : entries) order.push_back(&entry);
  std::stable_sort(order.begin(), order.end(),
                   [](const Entry* a, const Entry* b) { return a->offsets < b->offsets; });
  std::uint64_t at = 0;
  for (const Entry* entry : order) {
    if (entry->offsets[0] != at || entry->offsets[1] < at)
      throw CheckpointError("tensor " + quote(entry->name) + " is at bytes " +
                            std::to_string(entry->offsets[0]) + " to " + std::to_string(entry->offsets[1]) +
                            " of the data, but the one before it ends at " + std::to_string(at));
    at = entry->offsets[1];
  }
  if (at != size)
    throw CheckpointError("its tensors take " + std::to_string(at) + " bytes, but " +
                          std::to_string(size) + " follow the header" +
                          (at > size ? "; the file is incomplete" : ""));
}

// Elements that are not aligned, and all if there is no owner, are copied.
std::shared_ptr<const Storage> storage_of(std::string_view bytes, DType dtype,
                                          const std::shared_ptr<const void>& owner) {
  Storage storage{.dtype = dtype, .nbytes = bytes.size()};
  if (bytes.empty()) return std::make_shared<const Storage>(std::move(storage));
  const auto address = reinterpret_cast<std::uintptr_t>(bytes.data());
  if (owner && address % itemsize(dtype) == 0) {
    storage.owner = owner;
    storage.data = bytes.data();
  } else {
    std::shared_ptr<char[]> copy(new char[bytes.size()]);
    std::memcpy(copy.get(), bytes.data(), bytes.size());
    storage.data = copy.get();
    storage.owner = std::move(copy);
  }
  return std::make_shared<const Storage>(std::move(storage));
}

TensorRef tensor_of(const Entry& entry, std::string_view data, const std::shared_ptr<const void>& owner) {
  const auto dtype = safetensors::dtype_of(entry.dtype);
  if (!dtype)
    throw CheckpointError("tensor " + quote(entry.name) + " has the unknown dtype " + quote(entry.dtype));
  TensorRef tensor{.dtype = *dtype};
  std::uint64_t bytes = itemsize(*dtype);
  for (const std::uint64_t size : entry.shape) {
    if (size > INT64_MAX || __builtin_mul_overflow(bytes, size, &bytes))
      throw CheckpointError("the shape of tensor " + quote(entry.name) + " overflows");
    tensor.sizes.push_back(static_cast<std::int64_t>(size));
  }
  const std::uint64_t length = entry.offsets[1] - entry.offsets[0];
  if (bytes != length)
    throw CheckpointError("tensor " + quote(entry.name) + " needs " + std::to_string(bytes) +
                          " bytes by its shape, but has " + std::to_string(length));
  tensor.strides.assign(tensor.sizes.size(), 1);
  for (std::size_t d = tensor.sizes.size(); d-- > 1;) {
    const std::int64_t size = std::max<std::int64_t>(tensor.sizes[d], 1);
    if (__builtin_mul_overflow(tensor.strides[d], size, &tensor.strides[d - 1]))
      throw CheckpointError("the shape of tensor " + quote(entry.name) + " overflows");
  }
  tensor.storage = storage_of(data.substr(entry.offsets[0], length), *dtype, owner);
  return tensor;
}

Safetensors read_content(std::string_view file, const std::shared_ptr<const void>& owner) {
  const Sections sections = split(file);
  HeaderParser header;
  header.parse(sections.header);
  std::unordered_set<std::string_view> names;
  for (const Entry& entry : header.entries)
    if (!names.insert(entry.name).second) throw CheckpointError("tensor " + quote(entry.name) + " is given twice");
  check_tiling(header.entries, sections.data.size());
  Safetensors out;
  Dict& tensors = out.tensors.as_dict();
  for (const Entry& entry : header.entries) tensors.set(entry.name, tensor_of(entry, sections.data, owner));
  std::vector<std::pair<std::string, Value>> ties;
  for (const auto& [key, value] : header.metadata) {
    const Value* kept = tensors.find(value);
    if (kept && !tensors.find(key)) ties.emplace_back(key.as_string(), *kept);
    else out.metadata.as_dict().set(key, value);
  }
  for (const auto& [name, tensor] : ties) tensors.set(name, tensor);
  return out;
}

Safetensors read_named(std::string_view file, const std::shared_ptr<const void>& owner,
                       const std::string& name) {
  try {
    return read_content(file, owner);
  } catch (const CheckpointError& error) {
    throw CheckpointError("can't read the safetensors file '" + name + "': " + error.what());
  }
}

}  // namespace

Safetensors read_safetensors(const std::string& path) {
  const auto file = MappedFile::open(path);
  return read_named(file->bytes(), file, path);
}

Safetensors read_safetensors_bytes(std::string_view bytes, const std::string& name) {
  return read_named(bytes, nullptr, name);
}

bool looks_like_safetensors(std::string_view bytes) {
  return bytes.size() > 8 && bytes[8] == '{' && load_le<std::uint64_t>(bytes) <= largest_header;
}

}  // namespace levin

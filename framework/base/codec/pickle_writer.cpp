#include "levin/framework/base/codec/pickle_writer.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <string_view>
#include <unordered_map>

#include "levin/framework/base/codec/globals.h"
#include "levin/framework/base/codec/little_endian.h"
#include "levin/framework/base/codec/utf8.h"
#include "levin/framework/base/errors.h"

namespace levin {
namespace {

constexpr std::size_t batch_size = 1000;  // items that Python's pickler puts behind one MARK
constexpr std::size_t deepest = 500;

class PickleWriter {
 public:
  Pickled run(const Value& root) {
    out_ += "\x80\x02";
    save(root);
    out_ += '.';
    return {std::move(out_), std::move(storages_)};
  }

 private:
  // The memo: each object that may occur again gets the next number, also those that Python makes on the way.
  void put() {
    if (next_ < 256) (out_ += 'q') += static_cast<char>(next_);
    else out_ += 'r', append_le(out_, next_);
    ++next_;
  }
  void put(const Value& value) {
    if (const void* identity = value.identity()) memo_.emplace(identity, next_);
    put();
  }
  void get(std::uint32_t index) {
    if (index < 256) (out_ += 'h') += static_cast<char>(index);
    else out_ += 'j', append_le(out_, index);
  }
  bool recall(const Value& value) {
    const auto found = memo_.find(value.identity());
    if (value.identity() == nullptr || found == memo_.end()) return false;
    if (std::find(path_.begin(), path_.end(), value.identity()) != path_.end()) {
      throw ValueError("a " + value.type_name() + " in a checkpoint contains itself");
    }
    get(found->second);
    return true;
  }

  void save(const Value& value);
  void save_integer(std::int64_t value);
  void save_long(std::string_view little_endian);
  void save_double(double value) {
    out_ += 'G';
    append_le(out_, __builtin_bswap64(std::bit_cast<std::uint64_t>(value)));
  }
  void save_string(std::string_view text);
  void save_global(const Global& global);
  void save_integers(const std::vector<std::int64_t>& numbers);
  void save_items(const List& items);
  void save_list(const Value& list);
  void save_tuple(const Value& tuple);
  void save_set(const Value& set);
  void save_bytes(const std::string& raw);
  void save_bytearray(const Value& value);
  void save_complex(std::complex<double> value);
  void save_plain_dict(const Dict& dict);
  void save_entries_one_by_one(const Dict& dict);
  void save_dict(const Value& value);
  void save_ordered_dict(const Value& value);
  void save_counter(const Value& value);
  void save_object(const Value& value);
  void save_empty_ordered_dict() {
    save_global({"collections", "OrderedDict"});
    out_ += ")R";
    put();
  }
  void save_storage(const TensorRef& tensor);
  void save_plain_tensor(const TensorRef& tensor, bool requires_grad);
  void save_tensor(const Value& value);

  std::string out_;
  std::uint32_t next_ = 0;
  std::vector<const void*> path_;  // the containers that are being written, outermost first
  std::unordered_map<const void*, std::uint32_t> memo_;
  std::unordered_map<std::string_view, std::uint32_t> strings_;
  std::unordered_map<std::string, std::uint32_t> globals_;
  std::vector<std::shared_ptr<const Storage>> storages_;
  struct Numbered {
    std::string key;
    DType dtype;
  };
  std::unordered_map<const Storage*, Numbered> numbered_;
};

void PickleWriter::save_integer(std::int64_t value) {
  if (value >= 0 && value < 256) {
    (out_ += 'K') += static_cast<char>(value);
  } else if (value >= 0 && value < 65536) {
    out_ += 'M', append_le(out_, static_cast<std::uint16_t>(value));
  } else if (value >= std::numeric_limits<std::int32_t>::min() && value <= std::numeric_limits<std::int32_t>::max()) {
    out_ += 'J', append_le(out_, static_cast<std::int32_t>(value));
  } else {
    std::string raw;
    append_le(raw, value);
    save_long(raw);
  }
}

// Without the bytes that only repeat the sign.
void PickleWriter::save_long(std::string_view raw) {
  auto negative = [](char byte) { return (byte & 0x80) != 0; };
  while (raw.size() > 1 && (raw.back() == '\0' || raw.back() == '\xff') &&
         negative(raw.back()) == negative(raw[raw.size() - 2])) {
    raw.remove_suffix(1);
  }
  if (raw.size() < 256) (out_ += '\x8a') += static_cast<char>(raw.size());
  else out_ += '\x8b', append_le(out_, static_cast<std::uint32_t>(raw.size()));
  out_ += raw;
}

void PickleWriter::save_string(std::string_view text) {
  const auto [known, is_new] = strings_.emplace(text, next_);
  if (!is_new) return get(known->second);
  if (!is_python_utf8(text)) throw ValueError("a string in a checkpoint must be UTF-8; use Value::bytes for other bytes");
  if (text.size() > std::numeric_limits<std::uint32_t>::max()) throw ValueError("a string in a checkpoint is longer than 4 GiB");
  out_ += 'X', append_le(out_, static_cast<std::uint32_t>(text.size()));
  out_ += text;
  put();
}

void PickleWriter::save_global(const Global& global) {
  const std::string full = global.module + "." + global.name;
  const auto [known, is_new] = globals_.emplace(full, next_);
  if (!is_new) return get(known->second);
  if (!is_safe_global(global)) {
    throw TypeError("can't save " + full + ": torch.load(weights_only=True) would refuse it. Save plain numbers, strings, "
                    "lists, dicts and tensors instead");
  }
  ((out_ += 'c') += protocol2_module(global.module)) += '\n';
  (out_ += global.name) += '\n';
  put();
}

void PickleWriter::save_items(const List& items) {
  if (items.size() == 1) {
    save(items[0]);
    out_ += 'a';
    return;
  }
  for (std::size_t i = 0; i < items.size();) {
    out_ += '(';
    for (std::size_t end = std::min(items.size(), i + batch_size); i < end; ++i) save(items[i]);
    out_ += 'e';
  }
}

void PickleWriter::save_list(const Value& list) {
  out_ += ']';
  put(list);
  save_items(list.items());
}

void PickleWriter::save_tuple(const Value& tuple) {
  const List& items = tuple.items();
  if (items.empty()) {
    out_ += ')';
    return;
  }
  if (items.size() > 3) out_ += '(';
  for (const Value& item : items) save(item);
  constexpr char by_size[] = {'t', '\x85', '\x86', '\x87'};
  out_ += by_size[items.size() > 3 ? 0 : items.size()];
  put(tuple);
}

void PickleWriter::save_integers(const std::vector<std::int64_t>& numbers) {
  List items;
  for (const std::int64_t number : numbers) items.emplace_back(number);
  if (items.size() > 3) out_ += '(';
  for (const Value& item : items) save_integer(item.as_int());
  constexpr char by_size[] = {')', '\x85', '\x86', '\x87', 't'};
  out_ += by_size[std::min<std::size_t>(items.size(), 4)];
  if (!items.empty()) put();
}

void PickleWriter::save_set(const Value& set) {
  save_global({"builtins", "set"});
  out_ += ']';
  put();
  save_items(set.items());
  out_ += '\x85';
  put();
  out_ += 'R';
  put(set);
}

// Protocol 2 has no bytes: `_codecs.encode(text, "latin1")`. Python has another form for none, but weights_only refuses it.
void PickleWriter::save_bytes(const std::string& raw) {
  save_global({"_codecs", "encode"});
  std::string text;
  for (const char c : raw) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) text += c;
    else (text += static_cast<char>(0xc0 | byte >> 6)) += static_cast<char>(0x80 | (byte & 0x3f));
  }
  out_ += 'X', append_le(out_, static_cast<std::uint32_t>(text.size()));
  out_ += text;
  put();
  save_string("latin1");
  out_ += '\x86';
  put();
  out_ += 'R';
}

void PickleWriter::save_bytearray(const Value& value) {
  save_global({"builtins", "bytearray"});
  if (value.as_bytes().empty()) {
    out_ += ')';
  } else {
    save_bytes(value.as_bytes());
    put();
    out_ += '\x85';
    put();
  }
  out_ += 'R';
  put(value);
}

void PickleWriter::save_complex(std::complex<double> value) {
  save_global({"builtins", "complex"});
  save_double(value.real());
  save_double(value.imag());
  out_ += '\x86';
  put();
  out_ += 'R';
  put();
}

// Python's pickler: a dict of a whole number of batches ends with an empty one.
void PickleWriter::save_plain_dict(const Dict& dict) {
  if (dict.empty()) return;
  if (dict.size() == 1) {
    save(dict.begin()->first), save(dict.begin()->second);
    out_ += 's';
    return;
  }
  auto item = dict.begin();
  for (std::size_t batch = batch_size; batch == batch_size;) {
    out_ += '(';
    for (batch = 0; item != dict.end() && batch < batch_size; ++item, ++batch) save(item->first), save(item->second);
    out_ += 'u';
  }
}

// ... but subclasses of dict are written from an iterator, without one, and a last single entry stands alone.
void PickleWriter::save_entries_one_by_one(const Dict& dict) {
  auto item = dict.begin();
  while (item != dict.end()) {
    const auto left = static_cast<std::size_t>(dict.end() - item);
    if (left == 1) {
      save(item->first), save(item->second);
      out_ += 's';
      return;
    }
    out_ += '(';
    const auto end = item + static_cast<std::ptrdiff_t>(std::min(left, batch_size));
    for (; item != end; ++item) save(item->first), save(item->second);
    out_ += 'u';
  }
}

void PickleWriter::save_dict(const Value& value) {
  switch (value.as_dict().type) {
    case Dict::Type::ordered_dict: return save_ordered_dict(value);
    case Dict::Type::counter: return save_counter(value);
    case Dict::Type::dict: break;
  }
  if (!value.as_dict().attributes.is_none()) throw TypeError("only an OrderedDict can have attributes in a checkpoint");
  out_ += '}';
  put(value);
  save_plain_dict(value.as_dict());
}

void PickleWriter::save_ordered_dict(const Value& value) {
  save_global({"collections", "OrderedDict"});
  out_ += ")R";
  put(value);
  save_entries_one_by_one(value.as_dict());
  if (value.as_dict().attributes.is_none()) return;
  save(value.as_dict().attributes);
  out_ += 'b';
}

void PickleWriter::save_counter(const Value& value) {
  save_global({"collections", "Counter"});
  out_ += '}';
  put();
  save_plain_dict(value.as_dict());
  out_ += '\x85';
  put();
  out_ += 'R';
  put(value);
}

void PickleWriter::save_object(const Value& value) {
  const Object& object = value.as_object();
  if (object.callable.kind() != Value::Kind::global || !object.args.is_tuple() || !object.state.is_none() ||
      storage_type(object.callable.as_global())) {
    throw TypeError("can't save an object of type " + value.type_name() + "; it was read as an inert description and only "
                    "Python knows how to make it");
  }
  save_global(object.callable.as_global());
  save(object.args);
  out_ += object.is_new ? '\x81' : 'R';
  put(value);
}

// The persistent id: ("storage", class, key, location, number of elements).
void PickleWriter::save_storage(const TensorRef& tensor) {
  const Storage* storage = tensor.storage.get();
  if (!storage) throw ValueError("a tensor in a checkpoint has no storage");
  const DType dtype = saved_untyped(tensor.dtype) ? DType::uint8 : tensor.dtype;
  const auto [known, is_new] = numbered_.try_emplace(storage, Numbered{std::to_string(storages_.size()), dtype});
  if (is_new) storages_.push_back(tensor.storage);
  if (known->second.dtype != dtype) {
    throw TypeError("Cannot save multiple tensors or storages that view the same data as different types");
  }
  if (storage->nbytes % itemsize(dtype) != 0) {
    throw ValueError("a storage of " + std::to_string(storage->nbytes) + " bytes can't hold whole elements of " + dtype_name(dtype));
  }
  out_ += '(';
  save_string("storage");
  save_global(storage_class(tensor.dtype));
  save_string(known->second.key);
  save_string(storage->location);
  save_integer(static_cast<std::int64_t>(storage->nbytes / itemsize(dtype)));
  out_ += 't';
  put();
  out_ += 'Q';
}

void PickleWriter::save_plain_tensor(const TensorRef& tensor, bool requires_grad) {
  const bool untyped = saved_untyped(tensor.dtype);
  save_global({"torch._utils", untyped ? "_rebuild_tensor_v3" : "_rebuild_tensor_v2"});
  out_ += '(';
  save_storage(tensor);
  save_integer(tensor.storage_offset);
  save_integers(tensor.sizes);
  save_integers(tensor.strides);
  out_ += requires_grad ? '\x88' : '\x89';
  save_empty_ordered_dict();  // backward hooks are never saved
  if (untyped) save_global({"torch", dtype_name(tensor.dtype)});
  out_ += 't';
  put();
  out_ += 'R';
}

void PickleWriter::save_tensor(const Value& value) {
  const TensorRef& tensor = value.as_tensor();
  if (!tensor.parameter) {
    save_plain_tensor(tensor, tensor.requires_grad);
    return put(value);
  }
  save_global({"torch._utils", "_rebuild_parameter"});
  save_plain_tensor(tensor, false);
  put();
  out_ += tensor.requires_grad ? '\x88' : '\x89';
  save_empty_ordered_dict();
  out_ += '\x87';
  put();
  out_ += 'R';
  put(value);
}

void PickleWriter::save(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::none: out_ += 'N'; return;
    case Value::Kind::boolean: out_ += value.as_bool() ? '\x88' : '\x89'; return;
    case Value::Kind::integer: return save_integer(value.as_int());
    case Value::Kind::big_integer: return save_long(value.as_bytes());
    case Value::Kind::floating: return save_double(value.as_double());
    case Value::Kind::complex: return save_complex(value.as_complex());
    case Value::Kind::string: return save_string(value.as_string());
    case Value::Kind::global: return save_global(value.as_global());
    default: break;
  }
  if (recall(value)) return;
  if (path_.size() >= deepest) {
    throw ValueError("a checkpoint's tree is nested deeper than " + std::to_string(deepest) + " levels");
  }
  path_.push_back(value.identity());
  switch (value.kind()) {
    case Value::Kind::bytes: save_bytes(value.as_bytes()); put(value); break;
    case Value::Kind::bytearray: save_bytearray(value); break;
    case Value::Kind::tensor: save_tensor(value); break;
    case Value::Kind::list: save_list(value); break;
    case Value::Kind::tuple: save_tuple(value); break;
    case Value::Kind::set: save_set(value); break;
    case Value::Kind::dict: save_dict(value); break;
    default: save_object(value); break;
  }
  path_.pop_back();
}

}  // namespace

Pickled write_pickle(const Value& root) { return PickleWriter().run(root); }

}  // namespace levin

#include <algorithm>
#include <optional>

#include "levin/framework/base/codec/globals.h"
#include "levin/framework/base/codec/pickle_state.h"
#include "levin/framework/base/codec/utf8.h"
#include "levin/framework/base/errors.h"

namespace levin {
namespace {

constexpr std::size_t object_cost = 256, entry_cost = 96;

[[noreturn]] void bad_arguments(const Global& name) {
  malformed(name.module + "." + name.name + " has arguments that do not belong to it");
}

std::int64_t non_negative(const Value& value, const char* what) {
  if (!value.is_int() || value.as_int() < 0) malformed(std::string("a tensor has a bad ") + what);
  return value.as_int();
}

// A tuple of ints, or the torch.Size around one.
std::vector<std::int64_t> dimensions(const Value& value, const char* what) {
  const Value* tuple = &value;
  if (value.kind() == Value::Kind::object) {
    const Object& object = value.as_object();
    if (object.callable.kind() == Value::Kind::global &&
        object.callable.as_global() == Global{"torch", "Size"} && object.args.is_tuple() &&
        object.args.size() == 1) {
      tuple = &object.args.items()[0];
    }
  }
  if (!tuple->is_tuple()) malformed(std::string("a tensor has a bad ") + what);
  if (tuple->size() > 64) malformed("a tensor has more than 64 dimensions");
  std::vector<std::int64_t> numbers;
  for (const Value& item : tuple->items()) numbers.push_back(non_negative(item, what));
  return numbers;
}

// A view must lie within its storage: the address of its last element is computed without overflow.
// One without elements may begin anywhere, as a slice of an empty tensor does.
void check_bounds(const TensorRef& tensor) {
  if (tensor.sizes.size() != tensor.strides.size())
    malformed("a tensor has another number of strides than of sizes");
  const bool empty = std::find(tensor.sizes.begin(), tensor.sizes.end(), 0) != tensor.sizes.end();
  std::int64_t count = 1, last = tensor.storage_offset;
  bool overflow = false;
  for (std::size_t d = 0; d < tensor.sizes.size(); ++d) {
    std::int64_t reach = 0;
    const std::int64_t size = std::max<std::int64_t>(tensor.sizes[d], 1);
    overflow |= __builtin_mul_overflow(count, size, &count);
    overflow |= __builtin_mul_overflow(size - 1, tensor.strides[d], &reach);
    overflow |= __builtin_add_overflow(last, reach, &last);
  }
  std::int64_t bytes = 0;
  overflow |=
      __builtin_mul_overflow(count, static_cast<std::int64_t>(itemsize(tensor.dtype)), &bytes);
  const auto available = static_cast<std::int64_t>(tensor.storage->nbytes / itemsize(tensor.dtype));
  if (overflow || (!empty && last >= available)) {
    malformed("a tensor reaches beyond its storage of " + std::to_string(available) + " elements");
  }
}

// No metadata, no attributes.
bool is_nothing(const Value& value) {
  return value.is_none() || (value.is_dict() && value.as_dict().empty());
}

bool is_hashable_kind(const Value& key) {
  switch (key.kind()) {
    case Value::Kind::list:
    case Value::Kind::set:
    case Value::Kind::dict:
    case Value::Kind::bytearray: return false;
    default: return true;
  }
}

// UTF-8 of code points below 256, back to one byte each.
std::optional<std::string> latin1(const std::string& text) {
  std::string raw;
  raw.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x80) {
      raw += text[i];
    } else {
      if (c > 0xc3) return std::nullopt;
      raw += static_cast<char>((c & 3) << 6 | (text[++i] & 0x3f));
    }
  }
  return raw;
}

void charge_key(HeapAccount& heap, const Value& key, int depth) {
  if (!is_hashable_kind(key)) malformed("unhashable type: '" + key.type_name() + "'");
  heap.charge(16 + (key.is_string() ? key.size() : 0));
  if (!key.is_tuple()) return;
  if (depth > 16) malformed("a dict's key is nested too deep");
  for (const Value& item : key.items()) charge_key(heap, item, depth + 1);
}

}  // namespace

void Reducer::check_key(const Value& key) {
  heap_.charge(entry_cost);
  charge_key(heap_, key, 0);
}

void Reducer::set_item(Value& target, const Value& key, Value value) {
  check_key(key);
  if (target.is_dict()) return target.as_dict().set(key, std::move(value));
  if (target.kind() != Value::Kind::object || by_handle_.count(target.identity())) {
    malformed("an entry is set in a " + target.type_name());
  }
  Value& state = target.as_object().state;
  if (state.is_none()) state = keeper_.keep(Value::dict()), heap_.charge(object_cost);
  if (!state.is_dict()) malformed("an entry is set in a " + target.type_name());
  state.as_dict().set(key, std::move(value));
}

void Reducer::append(Value& target, Value item) {
  if (target.is_list()) return target.push_back(std::move(item));
  if (target.kind() != Value::Kind::object || by_handle_.count(target.identity())) {
    malformed("an item is appended to a " + target.type_name());
  }
  Value& state = target.as_object().state;
  if (state.is_none()) state = keeper_.keep(Value::list()), heap_.charge(object_cost);
  if (!state.is_list()) malformed("an item is appended to a " + target.type_name());
  state.push_back(std::move(item));
}

void Reducer::set_add(Value& target, const Value& item) {
  check_key(item);
  target.push_back(item);
}

Value Reducer::persistent(const Value& id) {
  const bool shaped = id.is_tuple() && id.size() == 5 && id.items()[0].is_string() &&
                      id.items()[0].as_string() == "storage" &&
                      id.items()[1].kind() == Value::Kind::global && id.items()[2].is_string() &&
                      id.items()[3].is_string() && id.items()[4].is_int();
  if (!shaped) malformed("a persistent id is not ('storage', type, key, location, numel)");
  const List& parts = id.items();
  const std::string &key = parts[2].as_string(), &location = parts[3].as_string();
  const bool digits =
      !key.empty() && key.size() <= 20 && key.find_first_not_of("0123456789") == std::string::npos;
  if (!digits) malformed("a storage's key is no number");
  if (location.size() > 256) malformed("a storage's location is too long");
  const auto type = storage_type(parts[1].as_global());
  if (!type) malformed("the storage type " + parts[1].type_name() + " is not supported");
  if (parts[4].as_int() < 0) malformed("a storage has a negative size");

  const StorageReference reference{type->dtype, key, location,
                                   static_cast<std::uint64_t>(parts[4].as_int())};
  const auto known = by_key_.find(key);
  if (known != by_key_.end()) {
    const Storage& storage = *known->second.storage;
    if (storage.dtype != type->dtype || storage.nbytes / itemsize(type->dtype) != reference.numel) {
      malformed("storage " + key + " is described in two ways");
    }
    return known->second.handle;
  }
  heap_.charge(2 * object_cost);
  std::shared_ptr<const Storage> storage = find_storage_(reference);
  // To whoever does not build a tensor from it, a storage is an inert object that holds its
  // elements.
  const auto numel = static_cast<std::int64_t>(reference.numel);
  TensorRef whole{.dtype = type->dtype, .sizes = {numel}, .strides = {1}, .storage = storage};
  const Value args = keeper_.keep(Value::tuple({Value(std::move(whole))}));
  const Value handle = keeper_.keep(Object{parts[1], args, {}});
  const Known& entry = by_key_.emplace(key, Known{handle, std::move(storage)}).first->second;
  by_handle_.emplace(handle.identity(), &entry);
  return handle;
}

const std::shared_ptr<const Storage>& Reducer::storage_of(const Value& handle) const {
  const auto found = by_handle_.find(handle.identity());
  if (handle.identity() == nullptr || found == by_handle_.end())
    malformed("a tensor has no storage");
  return found->second->storage;
}

// (storage, offset, size, stride[, requires_grad, hooks][, dtype][, metadata]), of which the first
// `fixed` are always there. One with metadata, conjugated or negated lazily, has other elements
// than its storage: it stays an inert object.
Value Reducer::rebuild_tensor(const List& args, std::size_t fixed, bool& known) {
  TensorRef tensor;
  tensor.storage = storage_of(args[0]);
  tensor.dtype = tensor.storage->dtype;
  if (fixed > 6) {
    const auto dtype =
        args[6].kind() == Value::Kind::global ? dtype_of(args[6].as_global()) : std::nullopt;
    if (!dtype) malformed("a tensor has an unknown dtype");
    tensor.dtype = *dtype;
  }
  tensor.storage_offset = non_negative(args[1], "offset");
  tensor.sizes = dimensions(args[2], "size");
  tensor.strides = dimensions(args[3], "stride");
  if (fixed > 4) {
    if (!args[4].is_bool()) malformed("a tensor has a bad requires_grad");
    tensor.requires_grad = args[4].as_bool();
  }
  check_bounds(tensor);
  known = args.size() <= fixed || is_nothing(args[fixed]);
  return tensor;
}

Value Reducer::parameter(const List& args) {
  if (!args[0].is_tensor() || !args[1].is_bool())
    bad_arguments({"torch._utils", "_rebuild_parameter"});
  TensorRef tensor = args[0].as_tensor();
  tensor.parameter = true;
  tensor.requires_grad = args[1].as_bool();
  if (args.size() > 3 && !is_nothing(args[3]))
    tensor.python = std::make_shared<const Object>(Object{{}, {}, args[3]});
  return tensor;
}

// (function, class, arguments, attributes): a tensor with attributes, or of a subclass.
Value Reducer::with_attributes(const List& args, bool& known) {
  const bool shaped = args[0].kind() == Value::Kind::global && args[2].is_tuple() &&
                      args[0].as_global().module == "torch._utils";
  if (!shaped) bad_arguments({"torch._tensor", "_rebuild_from_type_v2"});
  const Value made = reduce_known(args[0].as_global(), args[2].items(), known);
  known = known && made.is_tensor();
  if (!known) return {};
  const bool subclass =
      args[1].kind() != Value::Kind::global || args[1].as_global() != Global{"torch", "Tensor"};
  if (!subclass && is_nothing(args[3])) return made;
  heap_.charge(object_cost);
  TensorRef tensor = made.as_tensor();
  tensor.python =
      std::make_shared<const Object>(Object{subclass ? args[1] : Value(), {}, args[3]});
  return tensor;
}

Value Reducer::ordered_dict(const List& args) {
  Value made = keeper_.keep(Value::ordered_dict());
  if (args.empty()) return made;
  if (args[0].is_dict()) {
    for (const auto& [key, value] : args[0].as_dict()) set_item(made, key, value);
    return made;
  }
  if (!args[0].is_list() && !args[0].is_tuple()) bad_arguments({"collections", "OrderedDict"});
  for (const Value& pair : args[0].items()) {
    if (!(pair.is_list() || pair.is_tuple()) || pair.size() != 2)
      bad_arguments({"collections", "OrderedDict"});
    set_item(made, pair.items()[0], pair.items()[1]);
  }
  return made;
}

Value Reducer::counter(const List& args) {
  Dict counts;
  counts.type = Dict::Type::counter;
  Value made = keeper_.keep(std::move(counts));
  if (args.empty()) return made;
  if (!args[0].is_dict()) bad_arguments({"collections", "Counter"});
  for (const auto& [key, value] : args[0].as_dict()) set_item(made, key, value);
  return made;
}

Value Reducer::set_of(const List& args) {
  if (args.empty()) return keeper_.keep(Value::set());
  if (!args[0].is_list() && !args[0].is_tuple()) bad_arguments({"builtins", "set"});
  Dict unique;
  for (const Value& item : args[0].items()) {
    check_key(item);
    unique.set(item, {});
  }
  List items;
  items.reserve(unique.size());
  for (const auto& [item, unused] : unique) items.push_back(item);
  return keeper_.keep(Value::set(std::move(items)));
}

Value Reducer::encoded(const List& args) {
  const bool shaped = args[0].is_string() && args[1].is_string() &&
                      (args[1].as_string() == "latin1" || args[1].as_string() == "latin-1");
  if (!shaped) bad_arguments({"_codecs", "encode"});
  heap_.charge(args[0].size());
  auto raw = latin1(args[0].as_string());
  if (!raw) bad_arguments({"_codecs", "encode"});
  return Value::bytes(std::move(*raw));
}

Value Reducer::reduce_known(const Global& name, const List& args, bool& known) {
  known = true;
  const std::size_t n = args.size();
  auto arity = [&](std::size_t least, std::size_t most) {
    if (n < least || n > most) bad_arguments(name);
  };
  if (name.module == "torch._utils") {
    if (name.name == "_rebuild_tensor_v2") {
      arity(6, 7);
      return rebuild_tensor(args, 6, known);
    }
    if (name.name == "_rebuild_tensor_v3") {
      arity(7, 8);
      return rebuild_tensor(args, 7, known);
    }
    if (name.name == "_rebuild_tensor") {
      arity(4, 4);
      return rebuild_tensor(args, 4, known);
    }
    if (name.name == "_rebuild_parameter") {
      arity(3, 3);
      return parameter(args);
    }
    if (name.name == "_rebuild_parameter_with_state") {
      arity(4, 4);
      return parameter(args);
    }
  } else if (name.module == "collections") {
    if (name.name == "OrderedDict") {
      arity(0, 1);
      return ordered_dict(args);
    }
    if (name.name == "Counter") {
      arity(0, 1);
      return counter(args);
    }
  } else if (name.module == "_codecs" && name.name == "encode") {
    arity(2, 2);
    return encoded(args);
  } else if (name.module == "builtins") {
    if (name.name == "set") {
      arity(0, 1);
      return set_of(args);
    }
    if (name.name == "bytes" && n == 0) return Value::bytes("");
    if (name.name == "complex") {
      arity(2, 2);
      if (!args[0].is_number() || !args[1].is_number()) bad_arguments(name);
      return std::complex<double>(args[0].as_double(), args[1].as_double());
    }
    if (name.name == "bytearray") {
      arity(0, 1);
      if (n == 1 && args[0].kind() != Value::Kind::bytes) bad_arguments(name);
      if (n == 1) heap_.charge(args[0].size());
      return Value::bytearray(n == 1 ? args[0].as_bytes() : "");
    }
  } else if (name.module == "torch._tensor" && name.name == "_rebuild_from_type_v2") {
    arity(4, 4);
    return with_attributes(args, known);
  }
  known = false;
  return {};
}

Value Reducer::reduce(const Value& callable, const Value& args, bool is_new) {
  if (callable.kind() == Value::Kind::global) {
    bool known = false;
    heap_.charge(object_cost);
    Value made = reduce_known(callable.as_global(), args.items(), known);
    if (known) return made;
  } else if (callable.kind() != Value::Kind::object || by_handle_.count(callable.identity())) {
    malformed("a " + callable.type_name() + " is called");
  }
  return keeper_.keep(Object{callable, args, {}, is_new});
}

void Reducer::build(Value& target, const Value& state) {
  if (target.is_dict() && target.as_dict().type == Dict::Type::ordered_dict) {
    if (!state.is_dict()) malformed("an OrderedDict's attributes are no dict");
    target.as_dict().attributes = state;
    return;
  }
  if (target.kind() != Value::Kind::object || by_handle_.count(target.identity())) {
    malformed("attributes are set on a " + target.type_name());
  }
  Value& now = target.as_object().state;
  heap_.charge(object_cost);
  now = now.is_none() ? state : keeper_.keep(Value::tuple({now, state}));
}

}  // namespace levin

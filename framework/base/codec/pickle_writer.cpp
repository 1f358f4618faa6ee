#include "levin/framework/base/codec/pickle_writer.h"

#include <algorithm>
#include <string_view>

#include "levin/framework/base/codec/globals.h"
#include "levin/framework/base/codec/pickle_memo.h"
#include "levin/framework/base/codec/pickle_output.h"
#include "levin/framework/base/errors.h"

namespace levin {
namespace {

constexpr std::size_t batch_size = 1000;  // items that Python's pickler puts behind one MARK
constexpr std::size_t deepest = 500;

const char* rebuild_function(const TensorRef& tensor) {
  return saved_untyped(tensor.dtype) ? "_rebuild_tensor_v3" : "_rebuild_tensor_v2";
}

class PickleWriter {
 public:
  Pickled run(const Value& root) {
    save(root);
    return {out_.finish(), storages_.take()};
  }

 private:
  void put(const Value& value) {
    const std::uint32_t number = out_.put();
    if (const void* identity = value.identity()) memo_.add(identity, number);
  }
  bool recall(const Value& value) {
    const void* const identity = value.identity();
    if (!identity) return false;
    const PickleMemo::Number* const number = memo_.find(identity);
    if (!number) return false;
    if (std::find(path_.begin(), path_.end(), identity) != path_.end()) {
      throw ValueError("a " + value.type_name() + " in a checkpoint contains itself");
    }
    out_.get(*number);
    return true;
  }

  void save(const Value& value);
  void save_string(std::string_view text);
  void save_global(std::string_view module, std::string_view name);
  void save_global(const Global& global) { save_global(global.module, global.name); }
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
    save_global("collections", "OrderedDict");
    out_.op(')'), out_.op('R');
    out_.put();
  }
  void save_storage(const TensorRef& tensor, const Global& type);
  void save_plain_tensor(const TensorRef& tensor, bool requires_grad);
  void save_tensor_arguments(const TensorRef& tensor, bool requires_grad);
  void save_parameter(const TensorRef& tensor);
  void save_tensor(const Value& value);

  PickleOutput out_;
  std::vector<const void*> path_;  // the containers that are being written, outermost first
  PickleMemo memo_;
  PickledStorages storages_;
};

void PickleWriter::save_string(std::string_view text) {
  const auto write = [&] {
    out_.text(text);
    return out_.put();
  };
  if (const PickleMemo::Number* known = memo_.text(text, write)) out_.get(*known);
}

void PickleWriter::save_global(std::string_view module, std::string_view name) {
  const auto write = [&] {
    const Global global{std::string(module), std::string(name)};
    if (!is_safe_global(global)) {
      throw TypeError("can't save " + global.module + "." + global.name +
                      ": torch.load(weights_only=True) would refuse it. Save plain numbers, strings, lists, dicts and tensors instead");
    }
    out_.global(module, name);
    return out_.put();
  };
  if (const PickleMemo::Number* known = memo_.global(module, name, write)) out_.get(*known);
}

void PickleWriter::save_items(const List& items) {
  if (items.size() == 1) {
    save(items[0]);
    out_.op('a');
    return;
  }
  for (std::size_t i = 0; i < items.size();) {
    out_.op('(');
    for (std::size_t end = std::min(items.size(), i + batch_size); i < end; ++i) save(items[i]);
    out_.op('e');
  }
}

void PickleWriter::save_list(const Value& list) {
  out_.op(']');
  put(list);
  save_items(list.items());
}

void PickleWriter::save_tuple(const Value& tuple) {
  const List& items = tuple.items();
  if (PickleOutput::tuple_needs_mark(items.size())) out_.op('(');
  for (const Value& item : items) save(item);
  out_.end_tuple(items.size());
  if (!items.empty()) put(tuple);
}

void PickleWriter::save_set(const Value& set) {
  save_global("builtins", "set");
  out_.op(']');
  out_.put();
  save_items(set.items());
  out_.op('\x85');
  out_.put();
  out_.op('R');
  put(set);
}

// Protocol 2 has no bytes: `_codecs.encode(text, "latin1")`. Python has another form for none, but
// weights_only refuses it.
void PickleWriter::save_bytes(const std::string& raw) {
  save_global("_codecs", "encode");
  std::string text;
  for (const char c : raw) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80)
      text += c;
    else
      (text += static_cast<char>(0xc0 | byte >> 6)) += static_cast<char>(0x80 | (byte & 0x3f));
  }
  out_.text(text);
  out_.put();
  save_string("latin1");
  out_.op('\x86');
  out_.put();
  out_.op('R');
}

void PickleWriter::save_bytearray(const Value& value) {
  save_global("builtins", "bytearray");
  if (value.as_bytes().empty()) {
    out_.op(')');
  } else {
    save_bytes(value.as_bytes());
    out_.put();
    out_.op('\x85');
    out_.put();
  }
  out_.op('R');
  put(value);
}

void PickleWriter::save_complex(std::complex<double> value) {
  save_global("builtins", "complex");
  out_.floating(value.real());
  out_.floating(value.imag());
  out_.op('\x86');
  out_.put();
  out_.op('R');
  out_.put();
}

// Python's pickler: a dict of a whole number of batches ends with an empty one.
void PickleWriter::save_plain_dict(const Dict& dict) {
  if (dict.empty()) return;
  if (dict.size() == 1) {
    save(dict.begin()->first), save(dict.begin()->second);
    out_.op('s');
    return;
  }
  auto item = dict.begin();
  for (std::size_t batch = batch_size; batch == batch_size;) {
    out_.op('(');
    for (batch = 0; item != dict.end() && batch < batch_size; ++item, ++batch)
      save(item->first), save(item->second);
    out_.op('u');
  }
}

// ... but subclasses of dict are written from an iterator, without one, and a last single entry
// stands alone.
void PickleWriter::save_entries_one_by_one(const Dict& dict) {
  auto item = dict.begin();
  for (std::size_t left = dict.size(); left > 1;) {
    out_.op('(');
    const std::size_t batch = std::min(left, batch_size);
    for (std::size_t i = 0; i < batch; ++i, ++item) save(item->first), save(item->second);
    out_.op('u');
    left -= batch;
  }
  if (item == dict.end()) return;
  save(item->first), save(item->second);
  out_.op('s');
}

void PickleWriter::save_dict(const Value& value) {
  switch (value.as_dict().type) {
    case Dict::Type::ordered_dict: return save_ordered_dict(value);
    case Dict::Type::counter: return save_counter(value);
    case Dict::Type::dict: break;
  }
  if (!value.as_dict().attributes.is_none())
    throw TypeError("only an OrderedDict can have attributes in a checkpoint");
  out_.op('}');
  put(value);
  save_plain_dict(value.as_dict());
}

void PickleWriter::save_ordered_dict(const Value& value) {
  save_global("collections", "OrderedDict");
  out_.op(')'), out_.op('R');
  put(value);
  save_entries_one_by_one(value.as_dict());
  if (value.as_dict().attributes.is_none()) return;
  save(value.as_dict().attributes);
  out_.op('b');
}

void PickleWriter::save_counter(const Value& value) {
  save_global("collections", "Counter");
  out_.op('}');
  out_.put();
  save_plain_dict(value.as_dict());
  out_.op('\x85');
  out_.put();
  out_.op('R');
  put(value);
}

void PickleWriter::save_object(const Value& value) {
  const Object& object = value.as_object();
  if (object.callable.kind() != Value::Kind::global || !object.args.is_tuple() ||
      !object.state.is_none()) {
    throw TypeError("can't save an object of type " + value.type_name() +
                    "; it was read as an inert description and only "
                    "Python knows how to make it");
  }
  if (storage_type(object.callable.as_global()) && object.args.size() == 1 &&
      object.args.items()[0].is_tensor()) {  // the reader's way to hold a storage
    return save_storage(object.args.items()[0].as_tensor(), object.callable.as_global());
  }
  save_global(object.callable.as_global());
  save(object.args);
  out_.op(object.is_new ? '\x81' : 'R');
  put(value);
}

// The persistent id: ("storage", class, key, location, number of elements).
void PickleWriter::save_storage(const TensorRef& tensor, const Global& type) {
  const Storage* storage = tensor.storage.get();
  if (!storage) throw ValueError("a tensor in a checkpoint has no storage");
  const DType dtype = storage_type(type)->dtype;
  const PickledStorages::Entry& entry = storages_.entry(tensor.storage, dtype);
  if (entry.dtype != dtype) throw TypeError("Cannot save multiple tensors or storages that view the same data as different types");
  if (storage->nbytes % itemsize(dtype) != 0) {
    throw ValueError("a storage of " + std::to_string(storage->nbytes) +
                     " bytes can't hold whole elements of " + dtype_name(dtype));
  }
  out_.op('(');
  save_string("storage");
  save_global(type);
  save_string(*entry.key);
  save_string(storage->location);
  out_.integer(static_cast<std::int64_t>(storage->nbytes / itemsize(dtype)));
  out_.op('t');
  out_.put();
  out_.op('Q');
}

void PickleWriter::save_plain_tensor(const TensorRef& tensor, bool requires_grad) {
  save_global("torch._utils", rebuild_function(tensor));
  save_tensor_arguments(tensor, requires_grad);
  out_.op('R');
}

void PickleWriter::save_tensor_arguments(const TensorRef& tensor, bool requires_grad) {
  out_.op('(');
  save_storage(tensor, storage_class(tensor.dtype));
  out_.integer(tensor.storage_offset);
  out_.integers(tensor.sizes);
  out_.integers(tensor.strides);
  out_.boolean(requires_grad);
  save_empty_ordered_dict();  // backward hooks are never saved
  if (saved_untyped(tensor.dtype)) save_global("torch", dtype_name(tensor.dtype));
  out_.op('t');
  out_.put();
}

void PickleWriter::save_tensor(const Value& value) {
  const TensorRef& tensor = value.as_tensor();
  if (tensor.parameter) {
    save_parameter(tensor);
  } else if (tensor.python) {
    save_global("torch._tensor", "_rebuild_from_type_v2");
    out_.op('(');
    save_global("torch._utils", rebuild_function(tensor));
    if (tensor.python->callable.is_none()) save_global("torch", "Tensor");
    else save(tensor.python->callable);
    save_tensor_arguments(tensor, tensor.requires_grad);
    save(tensor.python->state);
    out_.op('t');
    out_.put();
    out_.op('R');
  } else {
    save_plain_tensor(tensor, tensor.requires_grad);
  }
  put(value);
}

void PickleWriter::save_parameter(const TensorRef& tensor) {
  save_global("torch._utils", tensor.python ? "_rebuild_parameter_with_state" : "_rebuild_parameter");
  if (tensor.python) out_.op('(');
  save_plain_tensor(tensor, false);
  out_.put();
  out_.boolean(tensor.requires_grad);
  save_empty_ordered_dict();
  if (tensor.python) save(tensor.python->state);
  out_.end_tuple(tensor.python ? 4 : 3);
  out_.put();
  out_.op('R');
}

void PickleWriter::save(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::none: out_.op('N'); return;
    case Value::Kind::boolean: out_.boolean(value.as_bool()); return;
    case Value::Kind::integer: return out_.integer(value.as_int());
    case Value::Kind::big_integer: return out_.big_integer(value.as_bytes());
    case Value::Kind::floating: return out_.floating(value.as_double());
    case Value::Kind::complex: return save_complex(value.as_complex());
    case Value::Kind::string: return save_string(value.as_string());
    case Value::Kind::global: return save_global(value.as_global());
    default: break;
  }
  if (recall(value)) return;
  if (path_.size() >= deepest) {
    throw ValueError("a checkpoint's tree is nested deeper than " + std::to_string(deepest) +
                     " levels");
  }
  path_.push_back(value.identity());
  switch (value.kind()) {
    case Value::Kind::bytes:
      save_bytes(value.as_bytes());
      put(value);
      break;
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

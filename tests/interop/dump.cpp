// dump FILE...: describes each checkpoint as levin reads it, a line of JSON each, as describe.py does for Python.
#include <bit>
#include <cstdio>
#include <iostream>
#include <unordered_map>

#include "levin/framework/base/codec/archive.h"

using namespace levin;

namespace {

std::string hex(std::string_view bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    (out += digits[byte >> 4]) += digits[byte & 15];
  }
  return out;
}

std::string float_bits(double number) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(std::bit_cast<std::uint64_t>(number)));
  return text;
}

// The elements in order, whatever the strides.
std::string contiguous_bytes(const TensorRef& tensor) {
  const std::size_t size = itemsize(tensor.dtype);
  const auto* data = static_cast<const char*>(tensor.storage->data);
  std::string out;
  std::vector<std::int64_t> index(tensor.sizes.size());
  for (std::int64_t left = tensor.numel(); left > 0; --left) {
    std::int64_t at = tensor.storage_offset;
    for (std::size_t d = 0; d < index.size(); ++d) at += index[d] * tensor.strides[d];
    out.append(data + static_cast<std::size_t>(at) * size, size);
    for (std::size_t d = index.size(); d-- > 0;) {
      if (++index[d] < tensor.sizes[d]) break;
      index[d] = 0;
    }
  }
  return out;
}

class Description {
 public:
  std::string run(const Value& root) {
    value(root);
    return std::move(out_);
  }

 private:
  void value(const Value& v);
  void container(const Value& v);
  void tensor(const Value& v);
  void object(const Object& object);
  void text(std::string_view utf8);
  void name(const Global& global);
  void number(bool v) { out_ += v ? "true" : "false"; }
  template <class List>
  void numbers(const List& list);
  void items(const List& list);
  void entries(const Dict& dict);
  bool is_shared(const Value& v) const;

  std::string out_;
  std::unordered_map<const void*, std::size_t> seen_, storages_;
};

void Description::text(std::string_view utf8) {
  out_ += '"';
  for (const char c : utf8) {
    char escape[8];
    std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned char>(c));
    if (c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20)
      out_ += escape;
    else
      out_ += c;
  }
  out_ += '"';
}

void Description::name(const Global& global) {
  out_ += "{\"global\": ";
  text(global.module + "." + global.name);
  out_ += '}';
}

template <class List>
void Description::numbers(const List& list) {
  out_ += '[';
  for (const auto& number : list) out_ += (&number == &list.front() ? "" : ", ") + std::to_string(number);
  out_ += ']';
}

void Description::items(const List& list) {
  out_ += '[';
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (i > 0) out_ += ", ";
    value(list[i]);
  }
  out_ += ']';
}

void Description::entries(const Dict& dict) {
  out_ += '[';
  bool first = true;
  for (const auto& [key, item] : dict) {
    out_ += first ? "[" : ", [";
    first = false;
    value(key);
    out_ += ", ";
    value(item);
    out_ += ']';
  }
  out_ += ']';
}

void Description::tensor(const Value& v) {
  const TensorRef& t = v.as_tensor();
  const std::size_t storage = storages_.try_emplace(t.storage.get(), storages_.size()).first->second;
  out_ += "{\"tensor\": \"" + std::string(dtype_name(t.dtype)) + "\", \"shape\": ";
  numbers(t.sizes);
  out_ += ", \"stride\": ";
  numbers(t.strides);
  out_ += ", \"offset\": " + std::to_string(t.storage_offset) + ", \"storage\": " + std::to_string(storage) +
          ", \"storage_bytes\": " + std::to_string(t.storage->nbytes) + ", \"requires_grad\": ";
  number(t.requires_grad);
  out_ += ", \"parameter\": ";
  number(t.parameter);
  out_ += ", \"bytes\": \"" + hex(contiguous_bytes(t)) + "\"";
  if (t.python) {
    out_ += ", \"class\": ";
    value(t.python->callable);
    out_ += ", \"attributes\": ";
    value(t.python->state);
  }
  out_ += '}';
}

void Description::object(const Object& object) {
  out_ += "{\"object\": ";
  value(object.callable);
  out_ += ", \"args\": ";
  items(object.args.items());
  out_ += ", \"state\": ";
  value(object.state);
  out_ += ", \"new\": ";
  number(object.is_new);
  out_ += '}';
}

// What can change, or is a tensor: which of them are one and the same matters.
bool Description::is_shared(const Value& v) const {
  switch (v.kind()) {
    case Value::Kind::list:
    case Value::Kind::dict:
    case Value::Kind::set:
    case Value::Kind::bytearray:
    case Value::Kind::tensor: return true;
    case Value::Kind::object:  // numpy makes new dtypes at will
      return !v.as_object().state.is_none() && v.type_name() != "numpy.dtype";
    default: return false;
  }
}

void Description::container(const Value& v) {
  switch (v.kind()) {
    case Value::Kind::list: return items(v.items());
    case Value::Kind::tuple:
    case Value::Kind::set:
      out_ += v.kind() == Value::Kind::set ? "{\"set\": " : "{\"tuple\": ";
      items(v.items());
      break;
    case Value::Kind::tensor: return tensor(v);
    case Value::Kind::object: return object(v.as_object());
    default: {
      const Dict& dict = v.as_dict();
      out_ += dict.type == Dict::Type::dict           ? "{\"dict\": "
              : dict.type == Dict::Type::ordered_dict ? "{\"OrderedDict\": "
                                                      : "{\"Counter\": ";
      entries(dict);
      if (!dict.attributes.is_none()) {
        out_ += ", \"attributes\": ";
        value(dict.attributes);
      }
    }
  }
  out_ += '}';
}

void Description::value(const Value& v) {
  if (is_shared(v)) {
    const auto [known, is_new] = seen_.try_emplace(v.identity(), seen_.size());
    if (!is_new) {
      out_ += "{\"same\": " + std::to_string(known->second) + "}";
      return;
    }
  }
  switch (v.kind()) {
    case Value::Kind::none: out_ += "null"; return;
    case Value::Kind::boolean: return number(v.as_bool());
    case Value::Kind::integer: out_ += std::to_string(v.as_int()); return;
    case Value::Kind::big_integer: out_ += "{\"int\": \"" + hex(v.as_bytes()) + "\"}"; return;
    case Value::Kind::floating: out_ += "{\"float\": \"" + float_bits(v.as_double()) + "\"}"; return;
    case Value::Kind::complex:
      out_ += "{\"complex\": [\"" + float_bits(v.as_complex().real()) + "\", \"" +
              float_bits(v.as_complex().imag()) + "\"]}";
      return;
    case Value::Kind::string: return text(v.as_string());
    case Value::Kind::bytes: out_ += "{\"bytes\": \"" + hex(v.as_bytes()) + "\"}"; return;
    case Value::Kind::bytearray: out_ += "{\"bytearray\": \"" + hex(v.as_bytes()) + "\"}"; return;
    case Value::Kind::global: return name(v.as_global());
    default: return container(v);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const bool strict = argc > 1 && std::string_view(argv[1]) == "--strict";
  for (int i = strict ? 2 : 1; i < argc; ++i) {
    try {
      std::cout << Description().run(read_archive(argv[i], {.strict = strict})) << "\n";
    } catch (const std::exception& error) {
      std::string message = error.what();
      for (char& c : message) c = c == '"' || c == '\\' || c == '\n' ? '\'' : c;
      std::cout << "{\"error\": \"" << message << "\"}\n";
    }
  }
}

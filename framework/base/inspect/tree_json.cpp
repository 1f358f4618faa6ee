#include "levin/framework/base/inspect/tree_json.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "levin/framework/base/inspect/element.h"
#include "levin/framework/base/python_format.h"
#include "levin/framework/base/utf8.h"

namespace levin {
namespace {

std::string valid_utf8(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t good = utf8::valid_prefix(text);
    out += text.substr(0, good);
    text.remove_prefix(good);
    if (text.empty()) break;
    out += "\xEF\xBF\xBD";
    text.remove_prefix(1);
  }
  return out;
}

// The text of a key in JSON, or nothing if it has none.
bool key_text(const Value& key, std::string& text) {
  switch (key.kind()) {
    case Value::Kind::string: text = valid_utf8(key.as_string()); return true;
    case Value::Kind::none: text = "null"; return true;
    case Value::Kind::boolean: text = key.as_bool() ? "true" : "false"; return true;
    case Value::Kind::integer: case Value::Kind::floating: text = key.repr(); return true;
    default: return false;
  }
}

bool has_plain_keys(const Dict& dict) {
  std::set<std::string> seen;
  std::string text;
  for (const auto& [key, value] : dict)
    if (!key_text(key, text) || !seen.insert(text).second) return false;
  return true;
}

std::string hex_of(const std::string& little_endian) {
  std::string out = "0x";
  for (std::size_t i = little_endian.size(); i-- > 0;) {
    constexpr char digits[] = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(little_endian[i]);
    (out += digits[byte >> 4]) += digits[byte & 15];
  }
  return out;
}

Value typed(const std::string& type) {
  Value out = Value::dict();
  out["type"] = valid_utf8(type);
  return out;
}

class JsonTree {
 public:
  Value convert(const Value& value) {
    switch (value.kind()) {
      case Value::Kind::none: case Value::Kind::boolean: case Value::Kind::integer: case Value::Kind::floating: return value;
      case Value::Kind::string: return valid_utf8(value.as_string());
      case Value::Kind::list: case Value::Kind::tuple: return items(value);
      case Value::Kind::dict: return dict(value.as_dict());
      case Value::Kind::tensor: return tensor(value.as_tensor());
      default: return other(value);
    }
  }

 private:
  Value items(const Value& value) {
    Value out = Value::list();
    for (const Value& item : value.items()) out.push_back(convert(item));
    return out;
  }

  Value dict(const Dict& dict) {
    if (!has_plain_keys(dict)) {
      Value out = typed("dict"), pairs = Value::list();
      for (const auto& [key, value] : dict) pairs.push_back(Value::list({convert(key), convert(value)}));
      out["items"] = pairs;
      return out;
    }
    Value out = Value::dict();
    std::string text;
    for (const auto& [key, value] : dict) {
      key_text(key, text);
      out[text] = convert(value);
    }
    return out;
  }

  static Value numbers(const std::vector<std::int64_t>& from) {
    List out(from.begin(), from.end());
    return Value::list(std::move(out));
  }

  Value tensor(const TensorRef& t) {
    Value out = typed("tensor");
    out["dtype"] = dtype_name(t.dtype);
    out["shape"] = numbers(t.sizes);
    out["bytes"] = static_cast<std::int64_t>(std::min<std::uint64_t>(tensor_bytes(t), INT64_MAX));
    out["storage"] = storages_.emplace(t.storage.get(), storages_.size()).first->second;
    if (!t.is_contiguous()) out["strides"] = numbers(t.strides);
    if (t.storage_offset != 0) out["offset"] = t.storage_offset;
    if (t.parameter) out["parameter"] = true;
    if (tensor_bytes(t) == itemsize(t.dtype)) out["value"] = single(t);
    return out;
  }

  static Value single(const TensorRef& t) {
    const Element e = element(t, t.storage_offset);
    switch (element_kind(t.dtype)) {
      case ElementKind::boolean: return e.integer != 0;
      case ElementKind::integer:
        if (e.integer > INT64_MAX) return std::to_string(static_cast<std::uint64_t>(e.integer));
        return static_cast<std::int64_t>(e.integer);
      case ElementKind::floating: return e.real;
      case ElementKind::complex: break;
    }
    return Value::list({e.real, e.imaginary});
  }

  Value other(const Value& value) {
    switch (value.kind()) {
      case Value::Kind::set: {
        Value out = typed("set");
        out["items"] = items(value);
        return out;
      }
      case Value::Kind::complex: {
        Value out = typed("complex");
        out["real"] = value.as_complex().real(), out["imaginary"] = value.as_complex().imag();
        return out;
      }
      case Value::Kind::big_integer: {
        Value out = typed("int");
        out["hex"] = hex_of(value.as_bytes());
        return out;
      }
      case Value::Kind::bytes: case Value::Kind::bytearray: {
        Value out = typed(value.type_name());
        out["size"] = value.size();
        return out;
      }
      case Value::Kind::global: {
        Value out = typed("global");
        out["name"] = valid_utf8(value.type_name());
        return out;
      }
      default: break;
    }
    const Object& object = value.as_object();
    Value out = typed(value.type_name());
    out["args"] = convert(object.args);
    if (!object.state.is_none()) out["state"] = convert(object.state);
    return out;
  }

  std::unordered_map<const void*, std::size_t> storages_;  // to their numbers, in order of first use
};

}  // namespace

Value json_tree(const ModelFile& file) {
  Value out = Value::dict();
  out["file"] = valid_utf8(file.path);
  out["format"] = file.format == ModelFile::Format::checkpoint ? "checkpoint" : "safetensors";
  out["bytes"] = file.bytes;
  if (const Value* weights = file.weights())
    out["parameters"] = static_cast<std::int64_t>(std::min<std::uint64_t>(count_weights(*weights).elements, INT64_MAX));
  JsonTree tree;
  if (file.format == ModelFile::Format::safetensors) out["metadata"] = tree.convert(file.metadata);
  out["tree"] = tree.convert(file.root);
  return out;
}

}  // namespace levin

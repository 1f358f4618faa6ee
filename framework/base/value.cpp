#include "levin/framework/base/value.h"

#include <array>
#include <cmath>
#include <cstring>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/half.h"
#include "levin/framework/base/python_format.h"
#include "levin/framework/base/tensor_elements.h"

namespace levin {

struct Value::Raw {
  std::string bytes;
};
struct Value::Sequence {
  List items;
};

template <class Content>
Value::Value(Kind kind, Content content) : kind_(kind), data_{.node = new Holding<Content>(std::move(content))} {}

void Value::wrong_type(const char* wanted) const {
  throw TypeError(std::string("expected ") + wanted + ", got " + type_name() + " " + repr(80));
}

void Value::destroy() {
  switch (kind_) {
    case Kind::none: case Kind::boolean: case Kind::integer: case Kind::floating: return;
    case Kind::complex: delete node<std::complex<double>>(); return;
    case Kind::string: delete node<std::string>(); return;
    case Kind::big_integer: case Kind::bytes: case Kind::bytearray: delete node<Raw>(); return;
    case Kind::tensor: delete node<TensorRef>(); return;
    case Kind::list: case Kind::tuple: case Kind::set: delete node<Sequence>(); return;
    case Kind::dict: delete node<Dict>(); return;
    case Kind::global: delete node<Global>(); return;
    case Kind::object: delete node<Object>(); return;
  }
}

namespace {

std::string gathered(const TensorRef& t) {
  const std::size_t width = itemsize(t.dtype);
  std::string bytes;
  if (!t.storage || !t.storage->data) return bytes;
  const char* base = static_cast<const char*>(t.storage->data);
  if (t.is_contiguous()) return std::string(base + t.storage_offset * width, t.numel() * width);
  bytes.reserve(t.numel() * width);
  for_each_element(t, [&](std::int64_t offset) { bytes.append(base + offset * width, width); });
  return bytes;
}

template <class T>
T element(const TensorRef& t) {
  T value;
  std::memcpy(&value, static_cast<const char*>(t.storage->data) + t.storage_offset * sizeof(T), sizeof(T));
  return value;
}

double tensor_number(const TensorRef& t) {
  switch (t.dtype) {
    case DType::float32: return element<float>(t);
    case DType::float64: return element<double>(t);
    case DType::int64: return static_cast<double>(element<std::int64_t>(t));
    case DType::int32: return element<std::int32_t>(t);
    case DType::int16: return element<std::int16_t>(t);
    case DType::int8: return element<std::int8_t>(t);
    case DType::uint8: return element<std::uint8_t>(t);
    case DType::uint16: return element<std::uint16_t>(t);
    case DType::uint32: return element<std::uint32_t>(t);
    case DType::bool_: return element<std::uint8_t>(t) != 0;
    case DType::float16: return half_to_float(element<std::uint16_t>(t));
    case DType::bfloat16: return bfloat16_to_float(element<std::uint16_t>(t));
    default: throw TypeError(std::string("a tensor of dtype ") + dtype_name(t.dtype) + " is no plain number");
  }
}

constexpr struct { const char* name; std::size_t size; } dtypes[] = {
    {"uint8", 1}, {"int8", 1}, {"int16", 2}, {"int32", 4}, {"int64", 8}, {"float16", 2}, {"float32", 4}, {"float64", 8},
    {"complex32", 4}, {"complex64", 8}, {"complex128", 16}, {"bool", 1}, {"bfloat16", 2}, {"float8_e4m3fn", 1},
    {"float8_e5m2", 1}, {"float8_e4m3fnuz", 1}, {"float8_e5m2fnuz", 1}, {"float8_e8m0fnu", 1}, {"uint16", 2}, {"uint32", 4},
    {"uint64", 8}};

}  // namespace

std::size_t itemsize(DType dtype) { return dtypes[static_cast<std::size_t>(dtype)].size; }
const char* dtype_name(DType dtype) { return dtypes[static_cast<std::size_t>(dtype)].name; }

std::int64_t TensorRef::numel() const {
  std::int64_t n = 1;
  for (auto size : sizes) n *= size;
  return n;
}

bool TensorRef::is_contiguous() const {
  std::int64_t expected = 1;
  for (std::size_t d = sizes.size(); d-- > 0;) {
    if (sizes[d] != 1 && strides[d] != expected) return false;
    expected *= sizes[d];
  }
  return true;
}

Value::Value(std::complex<double> v) : Value(Kind::complex, v) {}
Value::Value(std::string v) : Value(Kind::string, std::move(v)) {}
Value::Value(std::string_view v) : Value(std::string(v)) {}
Value::Value(TensorRef v) : Value(Kind::tensor, std::move(v)) {}
Value::Value(Global v) : Value(Kind::global, std::move(v)) {}
Value::Value(Object v) : Value(Kind::object, std::move(v)) {}
Value::Value(Dict v) : Value(Kind::dict, std::move(v)) {}

Value Value::list(List items) { return {Kind::list, Sequence{std::move(items)}}; }
Value Value::tuple(List items) { return {Kind::tuple, Sequence{std::move(items)}}; }
Value Value::set(List items) { return {Kind::set, Sequence{std::move(items)}}; }
Value Value::dict() { return Dict(); }
Value Value::ordered_dict() { Dict d; d.type = Dict::Type::ordered_dict; return d; }
Value Value::bytes(std::string raw) { return {Kind::bytes, Raw{std::move(raw)}}; }
Value Value::bytearray(std::string raw) { return {Kind::bytearray, Raw{std::move(raw)}}; }
Value Value::big_integer(std::string le) { return {Kind::big_integer, Raw{std::move(le)}}; }

Value Value::scalar_tensor(double value, DType dtype) {
  auto buffer = std::make_shared<std::array<char, 8>>();
  auto put = [&](auto element) { std::memcpy(buffer->data(), &element, sizeof element); };
  if (dtype == DType::float32) put(static_cast<float>(value));
  else if (dtype == DType::float64) put(value);
  else if (dtype == DType::int64) put(static_cast<std::int64_t>(value));
  else throw TypeError(std::string("scalar_tensor makes float32, float64 or int64, not ") + dtype_name(dtype));
  Storage storage{.dtype = dtype, .nbytes = itemsize(dtype), .data = buffer->data(), .owner = buffer};
  return TensorRef{.dtype = dtype, .storage = std::make_shared<const Storage>(std::move(storage))};
}

namespace {

bool is_sequence(const Value& v) { return v.kind() == Value::Kind::list || v.kind() == Value::Kind::tuple || v.kind() == Value::Kind::set; }
bool is_raw(const Value& v) {
  return v.kind() == Value::Kind::bytes || v.kind() == Value::Kind::bytearray || v.kind() == Value::Kind::big_integer;
}

}  // namespace

bool Value::as_bool() const { if (is_bool()) return data_.boolean; wrong_type("a bool"); }
std::int64_t Value::as_int() const { if (is_int()) return data_.integer; wrong_type("an int"); }
double Value::as_double() const {
  if (is_float()) return data_.floating;
  if (is_int()) return static_cast<double>(data_.integer);
  wrong_type("a float");
}
std::complex<double> Value::as_complex() const {
  if (kind_ == Kind::complex) return content<std::complex<double>>();
  wrong_type("a complex");
}
const std::string& Value::as_bytes() const { if (is_raw(*this)) return content<Raw>().bytes; wrong_type("bytes"); }
const TensorRef& Value::as_tensor() const { if (is_tensor()) return content<TensorRef>(); wrong_type("a tensor"); }
const Global& Value::as_global() const { if (kind_ == Kind::global) return content<Global>(); wrong_type("a global name"); }
const Object& Value::as_object() const { if (kind_ == Kind::object) return content<Object>(); wrong_type("an object"); }
Object& Value::as_object() { if (kind_ == Kind::object) return content<Object>(); wrong_type("an object"); }
const List& Value::items() const { if (is_sequence(*this)) return content<Sequence>().items; wrong_type("a list"); }
List& Value::items() { if (is_sequence(*this)) return content<Sequence>().items; wrong_type("a list"); }

double Value::number() const {
  if (is_tensor()) {
    if (as_tensor().numel() != 1) wrong_type("a number or a tensor of one element");
    return tensor_number(as_tensor());
  }
  if (is_bool()) return as_bool();
  return as_double();
}

Value& Value::operator[](std::string_view key) {
  if (is_none()) *this = dict();
  return as_dict()[key];
}

const Value& Value::at(std::string_view key) const {
  if (const Value* found = as_dict().find(key)) return *found;
  std::string keys;
  for (const auto& [name, unused] : as_dict()) keys += (keys.empty() ? "" : ", ") + name.repr(40);
  throw KeyError("no key '" + std::string(key) + "'; there are: " + (keys.empty() ? "none" : keys));
}

const Value* Value::find(std::string_view key) const { return is_dict() ? content<Dict>().find(key) : nullptr; }

std::size_t Value::size() const {
  if (is_string()) return as_string().size();
  if (is_raw(*this)) return as_bytes().size();
  if (is_sequence(*this)) return items().size();
  if (is_dict()) return as_dict().size();
  wrong_type("a container");
}

void Value::push_back(Value item) { items().push_back(std::move(item)); }

Value Value::clone() const {
  if (is_sequence(*this)) {
    List copy;
    copy.reserve(items().size());
    for (const Value& item : items()) copy.push_back(item.clone());
    return {kind_, Sequence{std::move(copy)}};
  }
  if (is_dict()) {
    Dict copy;
    copy.type = as_dict().type;
    copy.attributes = as_dict().attributes.clone();
    for (const auto& [key, value] : as_dict()) copy.set(key, value.clone());
    return copy;
  }
  if (kind_ == Kind::object) {
    const Object& o = as_object();
    return Object{o.callable, o.args.clone(), o.state.clone(), o.is_new};
  }
  return *this;
}

bool Value::operator==(const Value& other) const {
  auto same = [](double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); };
  if (kind() != other.kind()) return false;
  if (identity() != nullptr && identity() == other.identity()) return true;
  switch (kind()) {
    case Kind::none: return true;
    case Kind::boolean: return as_bool() == other.as_bool();
    case Kind::integer: return as_int() == other.as_int();
    case Kind::floating: return same(as_double(), other.as_double());
    case Kind::complex: {
      const auto a = as_complex(), b = other.as_complex();
      return same(a.real(), b.real()) && same(a.imag(), b.imag());
    }
    case Kind::string: return as_string() == other.as_string();
    case Kind::bytes: case Kind::bytearray: case Kind::big_integer: return as_bytes() == other.as_bytes();
    case Kind::tensor: {
      const TensorRef &a = as_tensor(), &b = other.as_tensor();
      const bool same_python = a.python == b.python || (a.python && b.python && Value(*a.python) == Value(*b.python));
      return same_python && a.dtype == b.dtype && a.sizes == b.sizes && gathered(a) == gathered(b);
    }
    case Kind::list: case Kind::tuple: case Kind::set: return items() == other.items();
    case Kind::dict: {
      const Dict &a = as_dict(), &b = other.as_dict();
      if (a.size() != b.size() || a.type != b.type || !(a.attributes == b.attributes)) return false;
      for (const auto& [key, value] : a) {
        const Value* found = b.find(key);
        if (!found || !(*found == value)) return false;
      }
      return true;
    }
    case Kind::global: return as_global() == other.as_global();
    case Kind::object: {
      const Object &a = as_object(), &b = other.as_object();
      return a.is_new == b.is_new && a.callable == b.callable && a.args == b.args && a.state == b.state;
    }
  }
  return false;
}

const void* Value::identity() const { return is_shared() && kind_ != Kind::complex ? data_.node : nullptr; }

std::string Value::type_name() const {
  switch (kind()) {
    case Kind::none: return "NoneType";
    case Kind::boolean: return "bool";
    case Kind::integer: case Kind::big_integer: return "int";
    case Kind::floating: return "float";
    case Kind::complex: return "complex";
    case Kind::string: return "str";
    case Kind::bytes: return "bytes";
    case Kind::bytearray: return "bytearray";
    case Kind::tensor: return "Tensor";
    case Kind::list: return "list";
    case Kind::tuple: return "tuple";
    case Kind::set: return "set";
    case Kind::dict: return as_dict().type == Dict::Type::dict ? "dict" : as_dict().type == Dict::Type::counter ? "Counter" : "OrderedDict";
    case Kind::global: return as_global().module + "." + as_global().name;
    case Kind::object: return as_object().callable.type_name();
  }
  return "?";
}

std::string Value::repr(std::size_t limit) const {
  std::string out;
  auto join = [&](const auto& items, auto&& print) {
    bool first = true;
    for (const auto& item : items) {
      if (!first) out += ", ";
      first = false;
      if (out.size() > limit) { out += "..."; return; }
      print(item);
    }
  };
  auto print = [&](const Value& v) { out += v.repr(limit > out.size() ? limit - out.size() : 8); };
  switch (kind()) {
    case Kind::none: return "None";
    case Kind::boolean: return as_bool() ? "True" : "False";
    case Kind::integer: return std::to_string(as_int());
    case Kind::floating: return python_repr(as_double());
    case Kind::complex: return "(" + python_repr(as_complex().real()) + "+" + python_repr(as_complex().imag()) + "j)";
    case Kind::string: return as_string().size() > limit ? python_repr(as_string().substr(0, limit)) + "..." : python_repr(as_string());
    case Kind::bytes: return "b<" + std::to_string(size()) + " bytes>";
    case Kind::bytearray: return "bytearray<" + std::to_string(size()) + " bytes>";
    case Kind::big_integer: return "<int of " + std::to_string(as_bytes().size() * 8) + " bits>";
    case Kind::tensor: {
      out = std::string("tensor(") + dtype_name(as_tensor().dtype) + ", [";
      join(as_tensor().sizes, [&](std::int64_t n) { out += std::to_string(n); });
      return out + "])";
    }
    case Kind::list: out = "["; join(items(), print); return out + "]";
    case Kind::tuple: out = "("; join(items(), print); return out + (items().size() == 1 ? ",)" : ")");
    case Kind::set: out = "{"; join(items(), print); return out + "}";
    case Kind::dict: out = "{"; join(as_dict(), [&](const Dict::Item& i) { print(i.first); out += ": "; print(i.second); }); return out + "}";
    case Kind::global: return as_global().module + "." + as_global().name;
    case Kind::object: return as_object().callable.repr() + as_object().args.repr(limit);
  }
  return out;
}

}  // namespace levin

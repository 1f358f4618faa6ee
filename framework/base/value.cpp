#include "levin/framework/base/value.h"

#include <array>
#include <cmath>
#include <cstring>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/half.h"
#include "levin/framework/base/python_format.h"
#include "levin/framework/base/tensor_elements.h"
#include "levin/framework/base/text_hash.h"

namespace levin {

struct Value::Raw {
  Kind kind;
  std::string bytes;
};
struct Value::Sequence {
  Kind kind;
  List items;
};

namespace {

[[noreturn]] void wrong_type(const char* wanted, const Value& given) {
  throw TypeError(std::string("expected ") + wanted + ", got " + given.type_name() + " " + given.repr(80));
}

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

Value::Value(TensorRef v) : data_(std::make_shared<const TensorRef>(std::move(v))) {}
Value::Value(Global v) : data_(std::make_shared<const Global>(std::move(v))) {}
Value::Value(Object v) : data_(std::make_shared<Object>(std::move(v))) {}
Value::Value(Dict v) : data_(std::make_shared<Dict>(std::move(v))) {}

Value Value::list(List items) { Value v; v.data_ = std::make_shared<Sequence>(Sequence{Kind::list, std::move(items)}); return v; }
Value Value::tuple(List items) { Value v; v.data_ = std::make_shared<Sequence>(Sequence{Kind::tuple, std::move(items)}); return v; }
Value Value::set(List items) { Value v; v.data_ = std::make_shared<Sequence>(Sequence{Kind::set, std::move(items)}); return v; }
Value Value::dict() { return Value(Dict()); }
Value Value::ordered_dict() { Dict d; d.type = Dict::Type::ordered_dict; return Value(std::move(d)); }
Value Value::bytes(std::string raw) { Value v; v.data_ = std::make_shared<const Raw>(Raw{Kind::bytes, std::move(raw)}); return v; }
Value Value::bytearray(std::string raw) { Value v; v.data_ = std::make_shared<const Raw>(Raw{Kind::bytearray, std::move(raw)}); return v; }
Value Value::big_integer(std::string le) { Value v; v.data_ = std::make_shared<const Raw>(Raw{Kind::big_integer, std::move(le)}); return v; }

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

Value::Kind Value::kind() const {
  switch (data_.index()) {
    case 0: return Kind::none;
    case 1: return Kind::boolean;
    case 2: return Kind::integer;
    case 3: return Kind::floating;
    case 4: return Kind::complex;
    case 5: return Kind::string;
    case 6: return std::get<6>(data_)->kind;
    case 7: return Kind::tensor;
    case 8: return std::get<8>(data_)->kind;
    case 9: return Kind::dict;
    case 10: return Kind::global;
    default: return Kind::object;
  }
}

bool Value::as_bool() const { if (auto p = std::get_if<bool>(&data_)) return *p; wrong_type("a bool", *this); }
std::int64_t Value::as_int() const { if (auto p = std::get_if<std::int64_t>(&data_)) return *p; wrong_type("an int", *this); }
double Value::as_double() const {
  if (auto p = std::get_if<double>(&data_)) return *p;
  if (auto p = std::get_if<std::int64_t>(&data_)) return static_cast<double>(*p);
  wrong_type("a float", *this);
}
std::complex<double> Value::as_complex() const {
  if (auto p = std::get_if<std::complex<double>>(&data_)) return *p;
  wrong_type("a complex", *this);
}
const std::string& Value::as_string() const { if (is_string()) return *std::get<5>(data_); wrong_type("a str", *this); }
const std::string& Value::as_bytes() const { if (data_.index() == 6) return std::get<6>(data_)->bytes; wrong_type("bytes", *this); }
const TensorRef& Value::as_tensor() const { if (is_tensor()) return *std::get<7>(data_); wrong_type("a tensor", *this); }
const Global& Value::as_global() const { if (data_.index() == 10) return *std::get<10>(data_); wrong_type("a global name", *this); }
const Object& Value::as_object() const { if (data_.index() == 11) return *std::get<11>(data_); wrong_type("an object", *this); }
Object& Value::as_object() { if (data_.index() == 11) return *std::get<11>(data_); wrong_type("an object", *this); }
const List& Value::items() const { if (data_.index() == 8) return std::get<8>(data_)->items; wrong_type("a list", *this); }
List& Value::items() { if (data_.index() == 8) return std::get<8>(data_)->items; wrong_type("a list", *this); }
const Dict& Value::as_dict() const { if (is_dict()) return *std::get<9>(data_); wrong_type("a dict", *this); }
Dict& Value::as_dict() { if (is_dict()) return *std::get<9>(data_); wrong_type("a dict", *this); }

double Value::number() const {
  if (is_tensor()) {
    if (as_tensor().numel() != 1) wrong_type("a number or a tensor of one element", *this);
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

const Value* Value::find(std::string_view key) const { return is_dict() ? std::get<9>(data_)->find(key) : nullptr; }

std::size_t Value::size() const {
  switch (data_.index()) {
    case 5: return as_string().size();
    case 6: return as_bytes().size();
    case 8: return items().size();
    case 9: return as_dict().size();
    default: wrong_type("a container", *this);
  }
}

void Value::push_back(Value item) { items().push_back(std::move(item)); }

Value Value::clone() const {
  if (data_.index() == 8) {
    Value copy;
    auto sequence = std::make_shared<Sequence>(Sequence{kind(), List()});
    sequence->items.reserve(items().size());
    for (const Value& item : items()) sequence->items.push_back(item.clone());
    copy.data_ = std::move(sequence);
    return copy;
  }
  if (is_dict()) {
    Dict copy;
    copy.type = as_dict().type;
    copy.attributes = as_dict().attributes.clone();
    for (const auto& [key, value] : as_dict()) copy.set(key, value.clone());
    return copy;
  }
  if (data_.index() == 11) {
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

const void* Value::identity() const {
  return std::visit([](const auto& v) -> const void* {
    if constexpr (requires { v.get(); }) return v.get();
    else return nullptr;
  }, data_);
}

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

namespace {

constexpr std::size_t indexed_from = 32;  // a linear search is faster below

// A name for any key, the same for keys that Python holds equal (1, 1.0 and True). A string is its own name, except that
// those which begin with a zero byte, as the names of other keys do, get a prefix.
std::string index_name(const Value& key) {
  auto tagged = [](char tag, const auto& bits) {
    return std::string({'\0', tag}) + std::string(reinterpret_cast<const char*>(&bits), sizeof bits);
  };
  switch (key.kind()) {
    case Value::Kind::string: return key.as_string().starts_with('\0') ? std::string("\0s", 2) + key.as_string() : key.as_string();
    case Value::Kind::none: return std::string("\0n", 2);
    case Value::Kind::boolean: return tagged('i', std::int64_t{key.as_bool()});
    case Value::Kind::integer: return tagged('i', key.as_int());
    case Value::Kind::floating: {
      const double number = key.as_double();
      const bool whole = number >= -0x1p63 && number < 0x1p63 && number == std::floor(number);
      return whole ? tagged('i', static_cast<std::int64_t>(number)) : tagged('f', number);
    }
    case Value::Kind::complex: return tagged('c', key.as_complex());
    case Value::Kind::bytes: return std::string("\0b", 2) + key.as_bytes();
    case Value::Kind::big_integer: return std::string("\0l", 2) + key.as_bytes();
    case Value::Kind::global: return std::string("\0g", 2) + key.as_global().module + "." + key.as_global().name;
    case Value::Kind::tuple: {
      std::string name("\0t", 2);
      for (const Value& item : key.items()) {
        const std::string part = index_name(item);
        name += std::to_string(part.size()) + ":" + part;
      }
      return name;
    }
    default: return tagged('p', key.identity());  // by identity, as Python's objects
  }
}

bool same_key(const Value& a, const Value& b) {
  if (a.is_string() || b.is_string()) return a.is_string() && b.is_string() && a.as_string() == b.as_string();
  if (a.is_int() && b.is_int()) return a.as_int() == b.as_int();
  return index_name(a) == index_name(b);
}

// The names that this thread has made last, by hash: a state of some hundred keys is built of them again at every save.
class Names {
 public:
  static Value get(std::string_view text) {
    constexpr std::size_t longest = 40;
    if (text.size() > longest || closed) return Value(text);
    Value& place = names.places_[text_hash(text) % count];
    if (!place.is_string() || place.as_string() != text) place = Value(text);
    return place;
  }
  ~Names() { closed = true; }  // a value that is made later in the thread's end does without

 private:
  static constexpr std::size_t count = 1024;
  static thread_local Names names;
  static thread_local bool closed;
  std::array<Value, count> places_;
};

thread_local Names Names::names;
thread_local bool Names::closed = false;

}  // namespace

Dict::Dict(std::initializer_list<Item> items) {
  items_.reserve(items.size());
  for (const auto& [key, value] : items) set(key, value);
}

std::size_t Dict::position(std::string_view key) const {
  if (!by_name_.empty()) {
    const auto found = by_name_.find(key.starts_with('\0') ? std::string("\0s", 2).append(key) : std::string(key));
    return found == by_name_.end() ? items_.size() : found->second;
  }
  for (std::size_t i = 0; i < items_.size(); ++i)
    if (items_[i].first.is_string() && items_[i].first.as_string() == key) return i;
  return items_.size();
}

std::size_t Dict::position(const Value& key) const {
  if (key.is_string()) return position(std::string_view(key.as_string()));
  if (!by_name_.empty()) {
    const auto found = by_name_.find(index_name(key));
    return found == by_name_.end() ? items_.size() : found->second;
  }
  for (std::size_t i = 0; i < items_.size(); ++i)
    if (same_key(items_[i].first, key)) return i;
  return items_.size();
}

const Value* Dict::find(std::string_view key) const {
  const std::size_t i = position(key);
  return i < items_.size() ? &items_[i].second : nullptr;
}
Value* Dict::find(std::string_view key) {
  const std::size_t i = position(key);
  return i < items_.size() ? &items_[i].second : nullptr;
}
const Value* Dict::find(const Value& key) const {
  const std::size_t i = position(key);
  return i < items_.size() ? &items_[i].second : nullptr;
}

void Dict::append(const Value& key, Value value) {
  if (items_.empty()) items_.reserve(4);
  items_.emplace_back(key, std::move(value));
  if (items_.size() < indexed_from) return;
  const std::size_t first = by_name_.empty() ? 0 : items_.size() - 1;
  for (std::size_t i = first; i < items_.size(); ++i) by_name_.emplace(index_name(items_[i].first), i);
}

Value& Dict::operator[](std::string_view key) {
  const std::size_t i = position(key);
  if (i == items_.size()) append(Names::get(key), Value());
  return items_[i].second;
}

void Dict::set(const Value& key, Value value) {
  const std::size_t i = position(key);
  if (i == items_.size()) append(key, std::move(value));
  else items_[i].second = std::move(value);
}

bool Dict::erase(std::string_view key) {
  const std::size_t i = position(key);
  if (i == items_.size()) return false;
  items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(i));
  by_name_.clear();
  if (items_.size() >= indexed_from) {
    for (std::size_t k = 0; k < items_.size(); ++k) by_name_.emplace(index_name(items_[k].first), k);
  }
  return true;
}

}  // namespace levin

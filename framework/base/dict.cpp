#include <array>
#include <bit>
#include <cmath>

#include "levin/framework/base/text_hash.h"
#include "levin/framework/base/value.h"

namespace levin {
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

std::uint64_t key_hash(const Value& key) { return key.is_string() ? text_hash(key.as_string()) : text_hash(index_name(key)); }

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

Value Dict::Entry::shared_name(std::string_view name) { return Names::get(name); }

Dict::Dict(std::initializer_list<Entry> entries) {
  items_.reserve(entries.size());
  for (const Entry& entry : entries) set(std::move(entry.key), std::move(entry.value));
}

template <class IsIt>
std::size_t Dict::indexed(std::uint64_t hash, IsIt is_it) const {
  for (std::uint64_t at = hash;; ++at) {
    const std::uint32_t place = index_[at & (index_.size() - 1)];
    if (place == 0) return items_.size();
    if (is_it(items_[place - 1].first)) return place - 1;
  }
}

std::size_t Dict::position(std::string_view key) const {
  const auto is_it = [key](const Value& other) { return other.is_string() && other.as_string() == key; };
  if (!index_.empty()) return indexed(text_hash(key), is_it);
  for (std::size_t i = 0; i < items_.size(); ++i)
    if (is_it(items_[i].first)) return i;
  return items_.size();
}

std::size_t Dict::position(const Value& key) const {
  if (key.is_string()) return position(std::string_view(key.as_string()));
  const auto is_it = [&key](const Value& other) { return same_key(other, key); };
  if (!index_.empty()) return indexed(key_hash(key), is_it);
  for (std::size_t i = 0; i < items_.size(); ++i)
    if (is_it(items_[i].first)) return i;
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

void Dict::append(Value key, Value value) {
  if (items_.empty()) items_.reserve(4);
  items_.emplace_back(std::move(key), std::move(value));
  if (items_.size() < indexed_from) return;
  if (2 * items_.size() > index_.size()) index_all();
  else index(items_.size() - 1);
}

void Dict::index(std::size_t i) {
  std::uint64_t at = key_hash(items_[i].first);
  while (index_[at & (index_.size() - 1)] != 0) ++at;
  index_[at & (index_.size() - 1)] = static_cast<std::uint32_t>(i + 1);
}

void Dict::index_all() {
  index_.assign(items_.size() < indexed_from ? 0 : std::bit_ceil(4 * items_.size()), 0);
  if (index_.empty()) return;
  for (std::size_t i = 0; i < items_.size(); ++i) index(i);
}

Value& Dict::operator[](std::string_view key) {
  const std::size_t i = position(key);
  if (i == items_.size()) append(Names::get(key), Value());
  return items_[i].second;
}

void Dict::set(Value key, Value value) {
  const std::size_t i = position(key);
  if (i == items_.size()) append(std::move(key), std::move(value));
  else items_[i].second = std::move(value);
}

bool Dict::erase(std::string_view key) {
  const std::size_t i = position(key);
  if (i == items_.size()) return false;
  items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(i));
  index_all();
  return true;
}

}  // namespace levin

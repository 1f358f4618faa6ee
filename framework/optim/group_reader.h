#pragma once
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/fields.h"

/// Small helpers of the optimizers' and schedulers' sources.
namespace levin::optim {

/// The entry as numbers: Python keeps a rate as a tensor where it was given one, and a whole number of epochs as a float.
template <class T>
Value plain(const Value& value) {
  if (value.is_tensor()) return value.number();
  if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    if (value.is_float() && std::floor(value.as_double()) == value.as_double() && std::fabs(value.as_double()) < 1e15)
      return static_cast<std::int64_t>(value.as_double());
  }
  if (!value.is_list() && !value.is_tuple()) return value;
  List items = value.items();
  for (Value& item : items)
    if (item.is_tensor()) item = item.number();
  return value.is_list() ? Value::list(std::move(items)) : Value::tuple(std::move(items));
}

/// Sets `out` from an entry if it is there. The error names the key.
template <class T>
void read_entry(const Dict& in, std::string_view key, T& out) {
  const Value* value = in.find(key);
  if (!value) return;
  try {
    out = Field<T>::read(plain<T>(*value));
  } catch (const Error&) {
    rethrow_at(std::string(key));
  }
}

/// `read_entry` for every field of an options struct but one.
template <HasFields O>
void read_entries(const Dict& in, O& options, std::string_view except = {}) {
  fields([&](std::string_view name, auto& member, std::string_view) {
    if (name != except) read_entry(in, name, member);
  }, options);
}

/// ValueError "<message><value>" with the value as Python prints it.
inline void require(bool condition, const char* message, double value) {
  if (!condition) throw ValueError(message + Value(value).repr());
}

}  // namespace levin::optim

#pragma once
#include <string>
#include <string_view>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/fields.h"

/// Small helpers of the optimizers' and schedulers' sources.
namespace levin::optim {

/// Sets `out` from an entry if it is there; a tensor counts as its number. The error names the key.
template <class T>
void read_entry(const Dict& in, std::string_view key, T& out) {
  const Value* value = in.find(key);
  if (!value) return;
  try {
    out = Field<T>::read(value->is_tensor() ? Value(value->number()) : *value);
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

#pragma once
#include <functional>

#include "levin/framework/base/fields.h"

namespace levin {

/// A function among options is code: a configuration can only leave it unset.
template <class R, class... Args>
struct Field<std::function<R(Args...)>> {
  static std::function<R(Args...)> read(const Value& v) {
    if (!v.is_none()) throw ValueError("a function can only be given in C++, here it can only be null; got " + v.type_name() + " " + v.repr(80));
    return {};
  }
  static Value write(const std::function<R(Args...)>&) { return {}; }
  static std::string type() { return "function"; }
};

}  // namespace levin

#pragma once
// How options that hold objects are read from a configuration: by class_path through the registries.
#include "levin/framework/cli/registry.h"

namespace levin {

template <class Base>
struct RegisteredField {
  static std::shared_ptr<Base> make(const Value& v, const Registry<Base>& registry) {
    if (!v.is_string() && !v.is_dict()) throw TypeError("expected a class name or a dict with class_path, got " + v.type_name() + " " + v.repr(60));
    std::shared_ptr<Base> out;
    Problems problems;
    // It is this class that was meant, so other alternatives must not be tried: whatever is wrong is no TypeError of this field.
    problems.collect("", [&] { out = registry.make(v); });
    problems.throw_any();
    return out;
  }
};

template <>
struct Field<std::shared_ptr<Callback>> : RegisteredField<Callback> {
  static std::shared_ptr<Callback> read(const Value& v) { return make(v, callback_registry()); }
  static Value write(const std::shared_ptr<Callback>&) { return {}; }
  static std::string type() { return "callback"; }
};
template <>
struct Field<std::shared_ptr<Logger>> : RegisteredField<Logger> {
  static std::shared_ptr<Logger> read(const Value& v) { return make(v, logger_registry()); }
  static Value write(const std::shared_ptr<Logger>&) { return {}; }
  static std::string type() { return "logger"; }
};
template <>
struct Field<std::shared_ptr<metrics::Metric>> : RegisteredField<metrics::Metric> {
  static std::shared_ptr<metrics::Metric> read(const Value& v) { return make(v, metric_registry()); }
  static Value write(const std::shared_ptr<metrics::Metric>&) { return {}; }
  static std::string type() { return "metric"; }
};

}  // namespace levin

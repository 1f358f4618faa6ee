#pragma once
#include <string>
#include <typeinfo>

#include "levin/framework/base/export.h"

namespace levin {

/// A type's readable name without namespaces: "LitClassifier". Lightning's `__qualname__`.
LEVIN_API std::string class_name(const std::type_info& type);

/// The name of an object's dynamic type.
template <class T>
std::string class_name(const T& object) { return class_name(typeid(object)); }

}  // namespace levin

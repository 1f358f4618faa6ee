#include "levin/framework/base/class_name.h"

#include <cxxabi.h>

#include <cstdlib>
#include <memory>

namespace levin {

std::string class_name(const std::type_info& type) {
  int status = 0;
  std::unique_ptr<char, void (*)(void*)> text(abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), std::free);
  std::string name = status == 0 ? text.get() : type.name();
  // Cut namespaces in front of the class itself, not inside its template arguments.
  const auto arguments = name.find('<');
  const auto colons = name.rfind("::", arguments == std::string::npos ? name.size() : arguments);
  return colons == std::string::npos ? name : name.substr(colons + 2);
}

}  // namespace levin

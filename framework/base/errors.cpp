#include "levin/framework/base/errors.h"

#include <new>

namespace levin {

Error::Error(const std::string& message) : std::runtime_error(message) {}
Error::~Error() = default;

// Out of line, so that each class has one vtable and type_info that every shared library agrees on.
MisconfigurationException::~MisconfigurationException() = default;
CheckpointError::~CheckpointError() = default;
DistributedError::~DistributedError() = default;
ValueError::~ValueError() = default;
TypeError::~TypeError() = default;
KeyError::~KeyError() = default;
AttributeError::~AttributeError() = default;
RuntimeError::~RuntimeError() = default;
NotImplementedError::~NotImplementedError() = default;
ZeroDivisionError::~ZeroDivisionError() = default;
OSError::~OSError() = default;
FileNotFoundError::~FileNotFoundError() = default;

KeyboardInterrupt::KeyboardInterrupt(const std::string& message) : Error(message) {}
KeyboardInterrupt::~KeyboardInterrupt() = default;
SIGTERMException::SIGTERMException(const std::string& message) : Error(message) {}
SIGTERMException::~SIGTERMException() = default;

std::string exception_name(const std::exception& error) {
  if (const auto* ours = dynamic_cast<const Error*>(&error)) return ours->name();
  if (dynamic_cast<const std::bad_alloc*>(&error)) return "MemoryError";
  if (dynamic_cast<const std::out_of_range*>(&error)) return "IndexError";
  if (dynamic_cast<const std::invalid_argument*>(&error)) return "ValueError";
  return "RuntimeError";
}

}  // namespace levin

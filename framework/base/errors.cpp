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

void throw_named(const std::string& name, const std::string& message) {
#define LEVIN_THROW_IF_NAMED(Class) \
  if (name == #Class) throw Class(message);
  LEVIN_THROW_IF_NAMED(MisconfigurationException)
  LEVIN_THROW_IF_NAMED(CheckpointError)
  LEVIN_THROW_IF_NAMED(DistributedError)
  LEVIN_THROW_IF_NAMED(ValueError)
  LEVIN_THROW_IF_NAMED(TypeError)
  LEVIN_THROW_IF_NAMED(KeyError)
  LEVIN_THROW_IF_NAMED(AttributeError)
  LEVIN_THROW_IF_NAMED(NotImplementedError)
  LEVIN_THROW_IF_NAMED(ZeroDivisionError)
  LEVIN_THROW_IF_NAMED(FileNotFoundError)
  LEVIN_THROW_IF_NAMED(OSError)
  LEVIN_THROW_IF_NAMED(KeyboardInterrupt)
  LEVIN_THROW_IF_NAMED(SIGTERMException)
#undef LEVIN_THROW_IF_NAMED
  throw RuntimeError(message);
}

}  // namespace levin

#include "levin/framework/base/distributed/throw_named.h"

namespace levin {

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

#include "levin/framework/logger.h"

namespace levin {
Logger::~Logger() = default;
}  // namespace levin

#pragma once
#include <cstddef>
#include <memory>

#include "levin/framework/base/export.h"

namespace levin {

/// Memory that was never touched, for bytes that are about to be copied in: from 4 MiB on in huge
/// pages where the system gives them on request, because making small pages takes longer than the
/// copy does. Aligned to at least 64 bytes. std::bad_alloc if there is none.
LEVIN_API std::shared_ptr<char> fresh_memory(std::size_t size);

}  // namespace levin

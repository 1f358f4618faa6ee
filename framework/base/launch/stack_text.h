#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "levin/framework/base/export.h"

namespace levin {

/// The calling thread's stack as text, one frame a line: "#3 symbol+0x1f (libtorch_cpu.so) [0x7f...]",
/// symbols as the linker knows them. For signal handlers: it takes no memory of its own, once
/// `prepare_stack_text` has run. Gives the number of bytes written.
std::size_t write_stack_text(char* buffer, std::size_t size) noexcept;
/// Loads what unwinding needs; the first call of `backtrace` allocates.
void prepare_stack_text() noexcept;

/// A stack's text with C++ names as they are written in the source.
LEVIN_API std::string demangled(std::string_view stack);

}  // namespace levin

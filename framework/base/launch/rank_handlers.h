#pragma once
#include "levin/framework/base/export.h"

namespace levin {

/// Makes a process that ends badly say why, and one that hangs say where:
///
/// - SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT: the signal's name and the stack go to `error.json` (see
///   error_file.h) and to stderr; then the process ends by that signal as it would have.
/// - `std::terminate`: the exception's name and text go to `error.json`; then abort, as always.
/// - SIGUSR2: the stacks of all threads go into the file that LEVIN_STACK_FILE names, else to stderr;
///   the process goes on. `levin-run --hang-timeout` sends it.
///
/// Call it early, in the main thread; the second call does nothing. A signal that already has a
/// handler keeps it. Without a launcher (neither TORCHELASTIC_ERROR_FILE nor LEVIN_STACK_FILE is set)
/// nothing is installed.
LEVIN_API void install_rank_handlers();

}  // namespace levin

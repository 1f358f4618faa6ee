#pragma once
#include <functional>

#include "levin/framework/base/export.h"

namespace levin {

/// A program's main in one line: runs `body` and turns an exception into one sentence on stderr and an exit code: 1, or 130 for
/// Ctrl-C and 143 for SIGTERM. Returns 0 when nothing was thrown.
///
///     int main() { return levin::run([&] { ... trainer.fit(model, {.train = loader}); }); }
LEVIN_API int run(const std::function<void()>& body);

/// The command line `fit|validate|test|predict --config FILE.json [--trainer.max_epochs=3 ...]` for all registered classes, and
/// `inspect` and `convert` for the files that come of it. Returns the exit code.
LEVIN_API int cli(int argc, char** argv);

}  // namespace levin

#pragma once
#include <functional>

namespace CLI {
class App;
}

namespace levin {

/// Adds the commands that look at files and train nothing, `inspect` and `convert`. Once one of them has
/// been parsed, `chosen` runs it and returns the exit code.
void add_file_commands(CLI::App& app, std::function<int()>& chosen);

}  // namespace levin

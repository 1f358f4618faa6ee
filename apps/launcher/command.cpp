#include "levin/apps/launcher/command.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "levin/apps/launcher/option_values.h"

namespace levin::launcher {
namespace {

bool is_file(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

bool can_execute(const std::string& path) { return is_file(path) && ::access(path.c_str(), X_OK) == 0; }

// "" if no folder of the PATH has it.
std::string in_path(const std::string& name) {
  const char* const path = std::getenv("PATH");
  for (const std::string& folder : split(path ? path : "/usr/local/bin:/usr/bin:/bin", ':'))
    if (const std::string full = (folder.empty() ? "." : folder) + "/" + name; can_execute(full)) return full;
  return "";
}

// A program as a shell finds it.
std::string program(const std::string& name) {
  const bool bare = name.find('/') == std::string::npos;
  const std::string found = bare ? in_path(name) : name;
  if (bare ? !found.empty() : can_execute(found)) return found;
  if (!bare && is_file(found)) throw CannotRun{"'" + name + "' can't be executed: it lacks the permission (chmod +x)", 126};
  throw CannotRun{"there is no program '" + name + "'", 127};
}

std::vector<std::string> with_python(std::vector<std::string> arguments) {
  const char* const given = std::getenv("PYTHON_EXEC");
  arguments.insert(arguments.begin(), {program(given && *given ? given : "python3"), "-u"});
  return arguments;
}

}  // namespace

std::vector<std::string> command_line(const Options& options) {
  std::vector<std::string> out = options.command;
  const std::string name = out.front();
  if (options.module) {
    out.insert(out.begin(), "-m");
    return with_python(out);
  }
  const bool python = options.run_path || (!options.no_python && (name.ends_with(".py") || (is_file(name) && !can_execute(name))));
  if (python) {
    if (!is_file(name)) throw CannotRun{"there is no file '" + name + "'", 127};
    return with_python(out);
  }
  // A file of this folder, also without "./": torchrun takes scripts so.
  out.front() = !options.no_python && name.find('/') == std::string::npos && can_execute(name) ? "./" + name : program(name);
  return out;
}

std::vector<std::string> with_local_rank(const std::vector<std::string>& arguments, int local_rank) {
  std::vector<std::string> out = arguments;
  const std::string value = std::to_string(local_rank);
  for (std::string& argument : out)
    for (std::size_t at = 0; (at = argument.find('$', at)) != std::string::npos;) {
      const std::string_view rest = std::string_view(argument).substr(at);
      std::size_t size = 0;
      if (rest.starts_with("$$")) {  // as Python's string.Template: one dollar
        argument.erase(at++, 1);
        continue;
      }
      if (rest.starts_with("${local_rank}")) size = 13;
      else if (rest.starts_with("$local_rank") && (rest.size() == 11 || (!std::isalnum(static_cast<unsigned char>(rest[11])) && rest[11] != '_'))) size = 11;
      if (size == 0) ++at;
      else argument.replace(at, size, value), at += value.size();
    }
  return out;
}

}  // namespace levin::launcher

#include "levin/framework/cli/plugin.h"

#include <dlfcn.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "levin/framework/base/errors.h"
#include "levin/framework/cli/registry.h"

namespace levin {
namespace {

std::string read_whole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw OSError("--plugin " + path + ": " + std::strerror(errno));
  return {std::istreambuf_iterator<char>(file), {}};
}

// The mark up to its full stop, "" if there is none.
std::string mark_in(const std::string& bytes) {
  const std::string_view own(plugin_mark);
  const std::string_view start = own.substr(0, own.find(' '));
  const auto at = bytes.find(start);
  if (at == bytes.npos) return "";
  const auto end = bytes.find('\0', at);
  return bytes.substr(at, end == bytes.npos ? end : end - at);
}

}  // namespace

void load_plugin(const std::string& path) {
  // Looked for in the file, since loading a library runs its constructors.
  const std::string mark = mark_in(read_whole(path));
  if (mark.empty()) throw ValueError("--plugin " + path + ": registers no class; a plug-in is a shared library with LEVIN_REGISTER(...) in it");
  if (mark != plugin_mark) {
    const auto versions = [](const std::string& m) { return m.substr(m.find(' ') + 1); };
    throw ValueError("--plugin " + path + ": was compiled with " + versions(mark) + " This program has " + versions(plugin_mark) + " Compile the plug-in anew.");
  }
  if (!dlopen(std::filesystem::absolute(path).c_str(), RTLD_NOW | RTLD_GLOBAL)) throw OSError("--plugin " + path + ": " + dlerror());
}

}  // namespace levin

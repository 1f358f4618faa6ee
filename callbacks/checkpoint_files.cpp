#include "levin/callbacks/checkpoint_files.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

namespace levin::checkpoint_files {

namespace fs = std::filesystem;

std::vector<std::string> named_like(const std::string& folder, const std::string& stem, const std::string& extension) {
  std::vector<std::string> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const fs::path& path = entry.path();
    if (path.extension() == extension && path.stem().string().starts_with(stem)) out.push_back(path.string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::string real_path(const std::string& path) {
  std::string expanded = path;
  if (const char* home = std::getenv("HOME"); home && (path == "~" || path.starts_with("~/"))) expanded = home + path.substr(1);
  std::string real = fs::weakly_canonical(fs::absolute(expanded)).string();
  while (real.size() > 1 && real.back() == '/') real.pop_back();
  return real;
}

bool is_nonempty_folder(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error) && !fs::is_empty(path, error) && !error;
}

}  // namespace levin::checkpoint_files

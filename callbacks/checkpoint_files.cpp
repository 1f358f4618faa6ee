#include "levin/callbacks/checkpoint_files.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "levin/framework/base/codec/durable_file.h"
#include "levin/framework/strategies/strategy.h"

namespace levin::checkpoint_files {

namespace fs = std::filesystem;

bool exists(Strategy& strategy, const std::string& path) {
  return strategy.broadcast(strategy.is_global_zero() && fs::exists(fs::symlink_status(path)));
}

void link(Strategy& strategy, const std::string& target, const std::string& link) {
  if (strategy.is_global_zero() && fs::absolute(target) != fs::absolute(link)) {
    if (fs::is_directory(fs::symlink_status(link))) fs::remove_all(link);
    replace_symlink(real_files(), fs::relative(target, fs::path(link).parent_path()).string(), link);
  }
  strategy.barrier("link_checkpoint");
}

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

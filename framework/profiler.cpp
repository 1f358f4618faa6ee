#include "levin/framework/profiler.h"

#include <cerrno>
#include <cctype>
#include <filesystem>
#include <fstream>

#include "levin/framework/base/console.h"
#include "levin/framework/base/files.h"

namespace levin {

Profiler::Profiler(std::optional<std::string> dirpath, std::optional<std::string> filename)
    : dirpath_(std::move(dirpath)), filename_(std::move(filename)) {}

Profiler::~Profiler() = default;

void Profiler::setup(std::string_view stage, std::optional<int> local_rank, const std::string& log_dir) {
  stage_ = std::string(stage);
  local_rank_ = local_rank;
  if (!dirpath_) dirpath_ = log_dir;
}

std::string Profiler::title() const {
  if (!stage_) return "";
  std::string out = *stage_;
  for (char& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out + " ";
}

std::string Profiler::file_name(const std::string& extension) const {
  std::string base = stage_.value_or("");
  const auto add = [&](const std::string& part) { base += (base.empty() ? "" : "-") + part; };
  if (filename_ && !filename_->empty()) add(*filename_);
  if (local_rank_) add(std::to_string(*local_rank_));
  std::string out;
  for (const char c : base) {
    const char safe = std::string_view("\\/:*?\"<>|\n\r\t").find(c) == std::string_view::npos ? c : '_';
    if (safe != '_' || out.empty() || out.back() != '_') out += safe;
  }
  return (out.empty() ? "profile" : out) + extension;
}

void Profiler::describe() {
  const std::string text = summary();
  if (!text.empty()) {
    if (filename_ && !filename_->empty() && dirpath_) {
      std::filesystem::create_directories(*dirpath_);
      const std::string path = *dirpath_ + "/" + file_name(".txt");
      std::ofstream file(path, std::ios::app);
      file << text << std::flush;
      if (!file) throw_os_error(errno, path);
    } else {
      rank_zero_info(text);
    }
  }
  teardown();
}

ProfiledAction::ProfiledAction(Profiler* profiler, std::string_view action) {
  if (!profiler) return;
  state_ = std::make_unique<State>(State{profiler, std::string(action)});
  profiler->start(state_->action);
}

void ProfiledAction::end() noexcept {
  try {
    state_->profiler->stop(state_->action);
  } catch (const std::exception& error) {
    console_error(error.what());
  }
}

}  // namespace levin

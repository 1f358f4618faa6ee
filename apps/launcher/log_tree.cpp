#include "levin/apps/launcher/log_tree.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "levin/framework/base/console.h"
#include "levin/framework/base/files.h"
#include "levin/framework/base/launch/heartbeat.h"

namespace levin::launcher {
namespace {

std::string make_folder(const std::string& prefix) {
  std::string path = prefix + "XXXXXX";
  if (!::mkdtemp(path.data())) throw_os_error(errno, path);
  return path;
}

// An id may hold anything, a file's name not.
std::string as_name(std::string id) {
  for (char& c : id)
    if (c == '/') c = '_';
  return id.substr(0, 200);
}

}  // namespace

LogTree::LogTree(const Options& options) : options_(options), logs_(options.log_dir != "/dev/null") {
  keep_ = logs_ && !options.log_dir.empty();
  std::string base = options.log_dir;
  if (!keep_) base = std::filesystem::temp_directory_path();
  else if (const int error = real_files().make_directories(base); error < 0) throw_os_error(-error, base);
  folder_ = keep_ ? make_folder(base + "/" + as_name(options.rdzv_id) + "_") : make_folder(base + "/levin-run-");
}

std::vector<RankFiles> LogTree::round(int number) {
  round_folder_ = folder_ + "/attempt_" + std::to_string(number);
  std::vector<RankFiles> out;
  for (int rank = 0; rank < options_.nproc_per_node; ++rank) {
    RankFiles files;
    files.folder = round_folder_ + "/" + std::to_string(rank);
    if (const int error = real_files().make_directories(files.folder); error < 0) throw_os_error(-error, files.folder);
    files.heartbeat = files.folder + "/heartbeat";
    files.stack = files.folder + "/stack.txt";
    if (!heartbeat::map(files.heartbeat, true)) throw_os_error(errno, files.heartbeat);
    const bool shown = options_.local_ranks_filter.empty() || options_.local_ranks_filter.contains(rank);
    if (logs_) {
      const int tee = options_.tee.of(rank), redirects = options_.redirects.of(rank) | tee;
      files.error = files.folder + "/error.json";
      if (redirects & Streams::out) files.out = files.folder + "/stdout.log";
      if (redirects & Streams::err) files.err = files.folder + "/stderr.log";
      files.tee_out = (tee & Streams::out) && shown;
      files.tee_err = (tee & Streams::err) && shown;
    }
    if (!shown && files.out.empty()) files.out = "/dev/null";
    if (!shown && files.err.empty()) files.err = "/dev/null";
    out.push_back(files);
  }
  return out;
}

void LogTree::finish(bool success) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  bool worth_reading = false;
  for (fs::recursive_directory_iterator i(folder_, ignored), end; i != end; i.increment(ignored)) {
    if (i->path().filename() == "heartbeat") fs::remove(i->path(), ignored);
    else worth_reading |= i->is_regular_file(ignored) && i->file_size(ignored) > 0;
  }
  if (!keep_ && (success || !logs_ || !worth_reading)) fs::remove_all(folder_, ignored);
  else if (!success) rank_zero_info("levin-run: logs and error files are in " + folder_);
}

}  // namespace levin::launcher

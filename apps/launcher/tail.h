#pragma once
#include <cstdio>
#include <string>
#include <vector>

#include "levin/apps/launcher/log_tree.h"

namespace levin::launcher {

/// Shows what ranks write into their log files, line by line, each behind "[default0]:"
/// ($TORCHELASTIC_LOG_LINE_PREFIX_TEMPLATE), and copies lines that the filters want. Ranks write to the files themselves and
/// never wait for the launcher.
class Tail {
 public:
  Tail(const Options& options, int first_rank, const std::vector<RankFiles>& files, const std::string& filtered_folder);
  ~Tail();
  Tail(const Tail&) = delete;
  Tail& operator=(const Tail&) = delete;

  bool empty() const { return sources_.empty(); }
  /// Shows whole lines that are new; at the `end` also one that no newline ends.
  void pump(bool end = false);

 private:
  struct Source {
    std::string path, prefix;
    std::FILE* to;
    std::FILE* filtered;
    const std::vector<std::string>& filters;
    int fd = -1;
    std::string rest = {};  // the begun line
  };
  void show(Source& source, bool end);

  std::vector<Source> sources_;
  std::FILE* filtered_out_ = nullptr;
  std::FILE* filtered_err_ = nullptr;
};

}  // namespace levin::launcher

#pragma once
#include <string>
#include <vector>

#include "levin/apps/launcher/options.h"

namespace levin::launcher {

/// Where one rank's files of one round are. "" where there is none.
struct RankFiles {
  std::string folder;
  std::string out, err;            ///< "": the console
  bool tee_out = false, tee_err = false;  ///< what is written to `out` and `err` is shown too
  std::string error, heartbeat, stack;
};

/// The folders of a job, as torchrun lays them out:
/// `<log_dir>/<rdzv_id>_xxxxxx/attempt_<round>/<local rank>/{stdout.log,stderr.log,error.json}`.
///
/// Without --log-dir they are in a folder of $TMPDIR that goes when the job succeeds, or leaves nothing to read; for /dev/null there are
/// no logs and no error files, and the folder goes in any case.
class LogTree {
 public:
  /// OSError if the folders can't be made.
  explicit LogTree(const Options& options);
  /// Makes a round's folders and files.
  std::vector<RankFiles> round(int number);
  /// The folder of the round's `filtered_stdout.log`.
  const std::string& round_folder() const { return round_folder_; }
  /// Removes what nobody asked to keep, and says where the rest is if the job failed.
  void finish(bool success);

 private:
  const Options& options_;
  bool keep_ = false, logs_ = true;
  std::string folder_, round_folder_;
};

}  // namespace levin::launcher

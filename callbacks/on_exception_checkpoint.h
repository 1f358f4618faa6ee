#pragma once
#include <string>

#include "levin/framework/base/fields.h"
#include "levin/framework/callback.h"

namespace levin {

struct OnExceptionCheckpointOptions {
  /// Folder of the file; it must be given, since an exception may come before any logger has a folder.
  std::string dirpath;
  /// Without the extension.
  std::string filename = "on_exception";
};
template <class V>
void fields(V&& f, OnExceptionCheckpointOptions& o) {
  f("dirpath", o.dirpath, "folder of the file; must be given");
  f("filename", o.filename, "name of the file, without .ckpt");
}

/// Saves a checkpoint when an exception leaves the run, and goes on from it: `fit` without a `ckpt_path` then means `"last"`. The file
/// is removed when a later run ends well.
class LEVIN_API OnExceptionCheckpoint : public Checkpoint {
 public:
  using Options = OnExceptionCheckpointOptions;
  /// ValueError for an empty filename.
  explicit OnExceptionCheckpoint(Options options);
  std::string FILE_EXTENSION = ".ckpt";
  std::string ckpt_path() const;

  std::string best_model_path() const override { return ""; }
  std::string last_model_path() const override { return ""; }
  std::vector<std::string> last_candidates(Trainer& trainer) const override;
  bool resumes_by_default() const override { return true; }
  void on_exception(Trainer& trainer, LightningModule& module, const std::exception& exception) override;
  void teardown(Trainer& trainer, LightningModule& module, std::string_view stage) override;

 private:
  Options options_;
};

}  // namespace levin

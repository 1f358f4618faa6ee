#pragma once
#include <string>

#include "levin/framework/callback.h"

namespace levin {

/// Writes the run's whole configuration as `config.json` into the log folder (the first logger's, else `default_root_dir`) when a run
/// is set up, but not with `fast_dev_run`. RuntimeError if there is one already: it tells of an earlier run.
class SaveConfigCallback final : public Callback {
 public:
  /// `overwrite`: replace it instead.
  explicit SaveConfigCallback(bool overwrite) : overwrite_(overwrite) {}
  /// The text to write; known once everything has been made.
  void set_config(std::string json) { json_ = std::move(json); }
  void setup(Trainer& trainer, LightningModule& module, std::string_view stage) override;

 private:
  bool overwrite_, saved_ = false;
  std::string json_;
};

}  // namespace levin

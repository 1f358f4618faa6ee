#include "levin/framework/cli/save_config_callback.h"

#include <filesystem>

#include "levin/framework/base/codec/durable_file.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/strategies/strategy.h"
#include "levin/framework/trainer/trainer.h"

namespace levin {

void SaveConfigCallback::setup(Trainer& trainer, LightningModule&, std::string_view) {
  if (saved_ || trainer.fast_dev_run()) return;
  const std::string path = (std::filesystem::path(trainer.log_dir()) / "config.json").string();
  const bool is_first = trainer.is_global_zero();
  if (!overwrite_ && trainer.strategy().broadcast(is_first && std::filesystem::is_regular_file(path))) {
    throw RuntimeError("SaveConfigCallback expected " + path + " to NOT exist. Aborting to avoid overwriting results of a previous run. You can " +
                       "delete the previous config file, pass --no_save_config to disable config saving, or pass --overwrite_config to overwrite it.");
  }
  if (is_first) {
    real_files().make_directories(trainer.log_dir());
    write_durably(real_files(), path, [&](ByteSink& sink) { sink.write(json_.data(), json_.size()); });
  }
  saved_ = true;
}

}  // namespace levin

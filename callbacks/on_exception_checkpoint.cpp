#include "levin/callbacks/on_exception_checkpoint.h"

#include "levin/framework/base/errors.h"
#include "levin/framework/strategies/strategy.h"
#include "levin/framework/trainer/trainer.h"

namespace levin {

OnExceptionCheckpoint::OnExceptionCheckpoint(Options options) : options_(std::move(options)) {
  if (options_.filename.empty()) throw ValueError("The filename cannot be empty");
}

std::string OnExceptionCheckpoint::ckpt_path() const {
  const bool slash = options_.dirpath.empty() || options_.dirpath.ends_with('/');
  return options_.dirpath + (slash ? "" : "/") + options_.filename + FILE_EXTENSION;
}

std::vector<std::string> OnExceptionCheckpoint::last_candidates(Trainer& trainer) const {
  if (!trainer.strategy().checkpoint_exists(ckpt_path())) return {};
  return {ckpt_path()};
}

void OnExceptionCheckpoint::on_exception(Trainer& trainer, LightningModule&, const std::exception&) {
  // The error parts the ranks, and rank 0 is the one that writes.
  if (trainer.is_global_zero()) trainer.save_checkpoint(ckpt_path());
}

void OnExceptionCheckpoint::teardown(Trainer& trainer, LightningModule&, std::string_view) {
  trainer.strategy().remove_checkpoint(ckpt_path());
}

}  // namespace levin

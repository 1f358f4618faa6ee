#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "levin/framework/base/export.h"

/// Which checkpoints stay besides those that `save_top_k` keeps: beyond Lightning, as small objects that combine.
namespace levin {

/// A file that a ModelCheckpoint has saved.
struct SavedCheckpoint {
  std::string path;
  std::int64_t epoch = 0;        ///< current_epoch at the save
  std::int64_t global_step = 0;
};

/// Asked after each save about every file that is not among the top k (with `save_top_k=-1`: about every file but the best and the
/// newest). A file stays if it says so.
class LEVIN_API Retention {
 public:
  virtual ~Retention();
  /// Whether `files[index]` stays; `files` are oldest first, the one just saved is the last.
  virtual bool keeps(const std::vector<SavedCheckpoint>& files, std::size_t index) const = 0;
};

/// The newest `n`. ValueError if `n` is negative.
LEVIN_API std::shared_ptr<const Retention> keep_last(std::int64_t n);
/// Those whose epoch (counted from 1, as people do: after the n-th, the 2n-th, ... epoch) is a multiple. ValueError below 1.
LEVIN_API std::shared_ptr<const Retention> keep_every_n_epochs(std::int64_t n);
/// Those whose global step is a multiple. ValueError below 1.
LEVIN_API std::shared_ptr<const Retention> keep_every_n_steps(std::int64_t n);
/// What at least one of them keeps: `keep_any({keep_last(3), keep_every_n_epochs(10)})`.
LEVIN_API std::shared_ptr<const Retention> keep_any(std::vector<std::shared_ptr<const Retention>> several);

}  // namespace levin

#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "levin/framework/base/value.h"

namespace levin {

/// When a checkpoint was saved, as the file itself tells it. Clocks, names and file dates lie after a copy or a restore.
struct SaveOrder {
  std::string run_id;          ///< of a run and all that resume it; "" in a file of Python Lightning
  std::int64_t sequence = 0;   ///< grows with each save of a run
  std::int64_t global_step = 0, epoch = 0;
};
/// CheckpointError for what is no checkpoint.
SaveOrder order_of(const Value& checkpoint);

struct OrderedCheckpoint {
  std::string path;
  SaveOrder order;
};
/// Newest first. Within one run by the order of its saves; among runs the one whose newest file is furthest by global step, then
/// epoch, comes first.
void sort_newest_first(std::vector<OrderedCheckpoint>& checkpoints);

/// The files of the same extension in the folder of `path`, itself included, by name.
std::vector<std::string> checkpoints_beside(const std::string& path);

}  // namespace levin

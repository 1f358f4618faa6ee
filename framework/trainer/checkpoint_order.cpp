#include "levin/framework/trainer/checkpoint_order.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <tuple>

#include "levin/framework/base/errors.h"

namespace levin {

SaveOrder order_of(const Value& checkpoint) {
  const Value* epoch = checkpoint.find("epoch");
  const Value* step = checkpoint.find("global_step");
  if (!epoch || !step || !epoch->is_int() || !step->is_int()) throw CheckpointError("it has no 'epoch' and 'global_step'");
  SaveOrder out{"", 0, step->as_int(), epoch->as_int()};
  const Value* levin = checkpoint.find("levin");
  const Value* run_id = levin ? levin->find("run_id") : nullptr;
  if (run_id) {
    out.run_id = run_id->as_string();
    out.sequence = levin->at("sequence").as_int();
  }
  return out;
}

void sort_newest_first(std::vector<OrderedCheckpoint>& checkpoints) {
  // Where each run has got to: its newest file. A file without a run is one of its own.
  const auto run_of = [](const OrderedCheckpoint& c) { return c.order.run_id.empty() ? "file " + c.path : c.order.run_id; };
  std::map<std::string, const SaveOrder*> newest;
  for (const auto& checkpoint : checkpoints) {
    const SaveOrder*& held = newest[run_of(checkpoint)];
    if (!held || held->sequence < checkpoint.order.sequence) held = &checkpoint.order;
  }
  std::map<std::string, std::tuple<std::int64_t, std::int64_t, std::string>> reached;
  for (const auto& [run, order] : newest) reached[run] = {order->global_step, order->epoch, run};
  std::stable_sort(checkpoints.begin(), checkpoints.end(), [&](const OrderedCheckpoint& a, const OrderedCheckpoint& b) {
    const auto& run_a = reached.at(run_of(a));
    const auto& run_b = reached.at(run_of(b));
    return run_a != run_b ? run_a > run_b : a.order.sequence > b.order.sequence;
  });
}

std::vector<std::string> checkpoints_beside(const std::string& path) {
  namespace fs = std::filesystem;
  std::vector<std::string> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(fs::absolute(path).parent_path(), error))
    if (entry.path().extension() == fs::path(path).extension()) out.push_back(entry.path().string());
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace levin

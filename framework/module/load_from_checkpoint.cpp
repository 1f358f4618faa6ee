#include "levin/framework/module/load_from_checkpoint.h"

#include "levin/framework/base/class_name.h"
#include "levin/framework/base/codec/archive.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"

namespace levin::detail {

OpenCheckpoint open_checkpoint(const std::string& path, const char* key) {
  OpenCheckpoint out{path, read_archive(path), Value::dict()};
  const Value* saved = out.content.find(key);
  if (!saved) return out;
  // An argparse.Namespace holds its values as state.
  const bool is_namespace = saved->kind() == Value::Kind::object && saved->as_object().state.is_dict();
  if (saved->is_dict()) out.hyper_parameters = *saved;
  else if (is_namespace) out.hyper_parameters = saved->as_object().state;
  else throw CheckpointError(path + ": its " + key + " are no dict but a " + saved->type_name() + "; make the module and use load_state_dict");
  return out;
}

void load_into(LightningModule& module, OpenCheckpoint& checkpoint, std::optional<bool> strict) {
  const Value* weights = checkpoint.content.find("state_dict");
  if (!weights || !weights->is_dict())
    throw CheckpointError(checkpoint.path + ": no 'state_dict' in it; this is no checkpoint of Lightning or levin");
  if (weights->size() == 0) rank_zero_warn("The state dict in '" + checkpoint.path + "' contains no parameters.");
  module.configure_model();
  module.on_load_checkpoint(checkpoint.content);
  module.load_state_dict(checkpoint.content.at("state_dict"), strict.value_or(module.strict_loading));
}

void load_into(LightningDataModule& data, OpenCheckpoint& checkpoint, std::optional<bool>) {
  if (const Value* state = checkpoint.content.find(data.state_key())) data.load_state_dict(*state);
}

}  // namespace levin::detail

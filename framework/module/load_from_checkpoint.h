#pragma once
#include <algorithm>
#include <concepts>
#include <memory>
#include <optional>
#include <string>

#include "levin/framework/module/data_module.h"
#include "levin/framework/module/lightning_module.h"

namespace levin {

namespace detail {
/// A checkpoint with its hyperparameters as a dict.
struct OpenCheckpoint {
  std::string path;
  Value content, hyper_parameters;
};
/// `key` is "hyper_parameters" or "datamodule_hyper_parameters".
LEVIN_API OpenCheckpoint open_checkpoint(const std::string& path, const char* key);
LEVIN_API void load_into(LightningModule& module, OpenCheckpoint& checkpoint, std::optional<bool> strict);
LEVIN_API void load_into(LightningDataModule& data, OpenCheckpoint& checkpoint, std::optional<bool> strict);

/// The file's hyperparameters that M knows, then the overrides, which M must know all.
template <class M>
typename M::Options options_from(const OpenCheckpoint& checkpoint, const Value& overrides) {
  typename M::Options options{};
  Value known = Value::dict();
  for (const FieldDescription& field : describe_fields(options))
    if (const Value* saved = checkpoint.hyper_parameters.find(field.name)) known[field.name] = *saved;
  read_fields(known, options, checkpoint.path + ": hyper_parameters");
  if (!overrides.is_none()) read_fields(overrides, options, "load_from_checkpoint's overrides");
  return options;
}
}  // namespace detail

/// A module (or data module) as a checkpoint has it, ready to use:
///
///     auto model = levin::load_from_checkpoint<LitClassifier>("best.ckpt");
///     auto model = levin::load_from_checkpoint<LitClassifier>("best.ckpt", levin::Dict{{"lr", 1e-4}});
///
/// It is made from the hyperparameters in the file (`save_hyperparameters`; those that `M::Options` does not have are left out, as in
/// Lightning), changed by `overrides`; a class without `Options` is made by its default constructor. Then `configure_model`,
/// `on_load_checkpoint`, and the weights, on the CPU. The file may be Python Lightning's.
///
/// `strict` (unset: the module's `strict_loading`, true): missing and unexpected weights are a RuntimeError in torch's words; else a
/// warning. FileNotFoundError; CheckpointError for a damaged file or one without `state_dict`; TypeError or KeyError that names a
/// hyperparameter which does not fit.
template <class M>
  requires std::derived_from<M, LightningModule> || std::derived_from<M, LightningDataModule>
std::shared_ptr<M> load_from_checkpoint(const std::string& path, const Value& overrides = {}, std::optional<bool> strict = std::nullopt) {
  constexpr bool is_module = std::derived_from<M, LightningModule>;
  detail::OpenCheckpoint checkpoint = detail::open_checkpoint(path, is_module ? "hyper_parameters" : "datamodule_hyper_parameters");
  std::shared_ptr<M> out;
  if constexpr (requires { typename M::Options; }) out = std::make_shared<M>(detail::options_from<M>(checkpoint, overrides));
  else out = std::make_shared<M>();
  if constexpr (is_module) out->note_overrides(overrides_of<M>());
  detail::load_into(*out, checkpoint, strict);
  return out;
}

}  // namespace levin

#include "levin/framework/base/inspect/convert.h"

#include "levin/framework/base/codec/archive.h"
#include "levin/framework/base/codec/durable_file.h"
#include "levin/framework/base/codec/safetensors.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/inspect/model_file.h"
#include "levin/framework/base/inspect/tree_path.h"
#include "levin/framework/base/python_format.h"

namespace levin {
namespace {

const Value& chosen(const ModelFile& file, const std::string& key) {
  const Value* found = key.empty() ? file.weights() : find_path(file.root, key);
  if (!found)
    throw KeyError("'" + file.path + "' has no " + (key.empty() ? "state_dict" : key) + "; levin inspect shows what is in it");
  if (!found->is_dict()) throw TypeError(key + " in '" + file.path + "' is of type " + found->type_name() + ", not a dict of tensors");
  for (const auto& [name, value] : found->as_dict()) {
    if (!value.is_tensor())
      throw TypeError(name.repr(60) + " is of type " + value.type_name() + ", and safetensors holds tensors only; --key can name a part without it");
  }
  return *found;
}

void check_suffix(const ConvertOptions& options, const ModelFile& file) {
  const auto ends = [&](const char* suffix) { return options.output.ends_with(suffix); };
  if (file.format == ModelFile::Format::checkpoint && !ends(".safetensors"))
    throw ValueError("'" + options.input + "' is a checkpoint and is converted to safetensors, so the output must end in .safetensors, not '" +
                     options.output + "'");
  if (file.format == ModelFile::Format::safetensors && !ends(".ckpt") && !ends(".pt") && !ends(".pth"))
    throw ValueError("'" + options.input + "' is a safetensors file and is converted to a checkpoint, so the output must end in .ckpt, .pt or .pth, not '" +
                     options.output + "'");
  if (file.format == ModelFile::Format::safetensors && !options.key.empty())
    throw ValueError("a key chooses a part of a checkpoint; '" + options.input + "' is a safetensors file");
}

// As Lightning leaves it with save_weights_only, less the loops, which loading does not read.
Value checkpoint_of(const Value& tensors) {
  Value out = Value::dict();
  out["epoch"] = 0;
  out["global_step"] = 0;
  out["pytorch-lightning_version"] = "2.6.6";
  out["state_dict"] = tensors;
  return out;
}

}  // namespace

std::string convert_weights(const ConvertOptions& options, Files& files) {
  const ModelFile file = open_model_file(options.input, true);
  check_suffix(options, file);
  if (!options.force && files.exists(options.output) == 1)
    throw OSError("'" + options.output + "' exists; --force replaces it");
  const Value& tensors = chosen(file, options.key);
  const WeightCount count = count_weights(tensors);
  std::string notes;
  const auto write = [&](ByteSink& sink) {
    if (file.format == ModelFile::Format::safetensors) return write_archive(checkpoint_of(tensors), sink);
    write_safetensors({.tensors = tensors, .metadata = Value(Dict{{"format", "pt"}})}, sink);
  };
  const bool synced = write_durably(files, options.output, write, {.expected_bytes = count.bytes});
  if (const std::size_t tied = tensors.size() - count.tensors; tied > 0) notes += "; " + counted(tied, "name") + " tied to others";
  if (file.metadata.size() > 1 || (file.metadata.size() == 1 && !file.metadata.contains("format")))
    notes += "; the metadata has no place in a checkpoint and was dropped";
  if (!synced) notes += "; the file system can't sync folders, so a power cut may lose it";
  return "wrote " + options.output + ": " + counted(count.tensors, "tensor") + ", " + human_bytes(count.bytes) + notes;
}

}  // namespace levin

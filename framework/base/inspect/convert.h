#pragma once
#include <string>

#include "levin/framework/base/export.h"
#include "levin/framework/base/files.h"

namespace levin {

struct ConvertOptions {
  std::string input, output;
  /// Which part of a checkpoint: a path to a dict of tensors, "state_dict" if empty; a file that is nothing but tensors, as
  /// `torch.save(model.state_dict())` writes it, is then taken whole.
  std::string key;
  bool force = false;  ///< replace an existing file
};

/// Weights between a checkpoint and safetensors; which way is decided by what the input is. Returns a
/// sentence that says what was written.
///
/// To safetensors: the tensors under `key`; metadata {"format": "pt"}; tied tensors as `write_safetensors`
/// describes. To a checkpoint: one that `LightningModule.load_from_checkpoint` takes: epoch and
/// global_step 0, `pytorch-lightning_version` "2.6.6" and the tensors as an OrderedDict `state_dict`;
/// ties are restored, metadata is dropped (the sentence says so).
///
/// The file is written durably (`write_durably`) or not at all. ValueError for an output name that does
/// not end in .safetensors, or .ckpt, .pt or .pth, as the direction wants; OSError for an existing output
/// without `force`; KeyError for an unknown key; TypeError for a key that is no dict of tensors; else as
/// `open_model_file` and `write_safetensors`.
LEVIN_API std::string convert_weights(const ConvertOptions& options, Files& files = real_files());

}  // namespace levin

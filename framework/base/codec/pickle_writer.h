#pragma once
#include <memory>
#include <string>
#include <vector>

#include "levin/framework/base/export.h"
#include "levin/framework/base/value.h"

namespace levin {

struct Pickled {
  std::string bytes;  ///< the contents of `data.pkl`
  std::vector<std::shared_ptr<const Storage>>
      storages;  ///< number i is the record `data/i`, in order of first use
};

/// Writes the tree as `torch.save` pickles it (protocol 2, the same opcodes and memo numbers), so
/// that `torch.load(weights_only=True)` takes it. Containers, tensors and storages that are shared
/// stay shared; equal strings are written once. TypeError for what can't be written: classes
/// outside the list of `weights_only=True`, tensors of two types on one storage. ValueError for a
/// tree that contains itself or is nested deeper than 500 levels. An int of more than 255 bytes is
/// written, but only `weights_only=False` takes it.
LEVIN_API Pickled write_pickle(const Value& root);

}  // namespace levin

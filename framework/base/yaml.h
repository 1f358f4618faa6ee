#pragma once
#include <string>

#include "levin/framework/base/export.h"
#include "levin/framework/base/value.h"

namespace levin {

/// A value as PyYAML's `yaml.dump` writes it, byte for byte: block style, keys sorted, strings quoted
/// where they would read as something else, text beyond ASCII escaped, lines folded after column 80.
/// This is what Lightning puts into `hparams.yaml`.
///
/// Tuples are written as lists, as `yaml.safe_dump` does, and a list or dict that occurs twice is
/// written twice, without an anchor. A tensor of one element is a number.
/// TypeError for what YAML has no plain form for (bytes, sets, objects, larger tensors), ValueError
/// for text that is not UTF-8.
LEVIN_API std::string dump_yaml(const Value& value);

}  // namespace levin

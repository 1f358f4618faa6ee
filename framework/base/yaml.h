#pragma once
#include <string>

#include "levin/framework/base/export.h"
#include "levin/framework/base/value.h"

namespace levin {

/// A dict as PyYAML's `yaml.dump` writes it: keys sorted, block style, strings quoted where they would read as something else.
/// This is what Lightning puts into `hparams.yaml`.
LEVIN_API std::string dump_yaml(const Value& value);

}  // namespace levin

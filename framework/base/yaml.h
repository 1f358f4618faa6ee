#pragma once
#include <string>

#include "levin/framework/base/export.h"
#include "levin/framework/base/value.h"

namespace levin {

/// The text of PyYAML's `yaml.dump(value, default_flow_style=False)`, to the letter: what an `hparams.yaml` holds.
///
/// Keys are sorted (as they come if they don't compare: str and int mixed), lines are folded after column 80, a str is quoted
/// where it would read back as something else, characters beyond ASCII are escaped ("\xE9"), a container that occurs twice
/// gets an anchor (&id001) and its further places refer to it, a tuple is tagged `!!python/tuple`.
/// Differing from PyYAML an OrderedDict or Counter is written as a dict, and a tensor of one element as its number.
///
/// TypeError names the place and the type of what has no plain YAML: other tensors, bytes, sets, objects, complex numbers,
/// ints beyond 64 bits, tuples as keys. ValueError for a str that is not UTF-8.
LEVIN_API std::string dump_yaml(const Value& value);

}  // namespace levin

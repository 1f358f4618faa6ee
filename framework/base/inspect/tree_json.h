#pragma once
#include "levin/framework/base/export.h"
#include "levin/framework/base/inspect/model_file.h"

namespace levin {

/// A file as a tree that JSON can hold (`dump_json`): `file`, `format` ("checkpoint" or "safetensors"),
/// `bytes`, `parameters`, `metadata` (safetensors only) and the whole `tree`.
///
/// None, bools, ints, floats and strings are themselves, dicts objects, lists and tuples arrays. What JSON
/// lacks is an object with a `type`: a tensor is {"type": "tensor", "dtype", "shape", "bytes", "storage"}, where
/// tensors with the same number in `storage` share it, with `strides` where it is not contiguous,
/// `offset` where not 0, `parameter` where it is one, and the `value` of a single element; a set has `items`, a dict with keys that
/// are no str, int, float, bool or None, or whose texts coincide, `items` of [key, value]; an unknown
/// class its name as `type`, `args` and `state`; bytes their `size`; a class or dtype {"type": "global",
/// "name"}; an int beyond 64 bits its digits in `hex`. Bytes of a str that are no UTF-8 become U+FFFD.
///
/// ValueError where shared containers, spelt out, make more than a million values.
LEVIN_API Value json_tree(const ModelFile& file);

}  // namespace levin

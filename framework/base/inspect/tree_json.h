#pragma once
#include "levin/framework/base/export.h"
#include "levin/framework/base/inspect/model_file.h"

namespace levin {

/// A file as a tree that JSON can hold (`dump_json`): `file`, `format` ("checkpoint" or "safetensors"),
/// `bytes`, `parameters`, `metadata` (safetensors only) and the whole `tree`.
///
/// None, bools, ints, floats and strings are themselves, dicts objects, lists and tuples arrays. What
/// JSON lacks is an object with a `type`:
/// - "tensor": `dtype`, `shape`, `bytes`, `storage` (tensors with the same number share it), `strides`
///   unless it is contiguous, `offset` if not 0, `parameter` if it is one, `value` of a single element;
/// - "set": `items`; "complex": `real`, `imaginary`; "bytes" and "bytearray": `size`; "int" (beyond 64
///   bits): two's complement in `hex`; "global" (a class, a dtype): `name`;
/// - "dict", for keys that are no str, int, float, bool or None or whose texts coincide: `items` of
///   [key, value];
/// - any other class under its own name: `args` and `state`.
/// What is no UTF-8 in a str becomes U+FFFD.
/// Shared containers are spelt out each time; the checkpoint reader bounds how often that can be.
LEVIN_API Value json_tree(const ModelFile& file);

}  // namespace levin

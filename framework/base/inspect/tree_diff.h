#pragma once
#include <cstddef>

#include "levin/framework/base/export.h"
#include "levin/framework/base/inspect/describe.h"

namespace levin {

/// Compares two files and prints a line for each difference: `- key` is only in the first, `+ key` only in
/// the second, `~ key` differs, with both values or, for tensors, how many elements differ and the
/// greatest absolute difference. Then a line that sums up. Returns the number of differences.
///
/// Tensors are equal if their bytes are, so NaN equals the same NaN and -0.0 differs from 0.0. The order
/// of keys, sharing and strides do not count. Of a checkpoint and a safetensors file the weights are compared.
LEVIN_API std::size_t diff_files(const ModelFile& first, const ModelFile& second, const PrintLine& print);

}  // namespace levin

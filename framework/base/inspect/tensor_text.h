#pragma once
#include <string>

#include "levin/framework/base/export.h"
#include "levin/framework/base/value.h"

namespace levin {

/// `str(tensor)` in PyTorch's default print options, to the letter: four digits, edge items beyond
/// 1000 elements, 80 columns, the dtype where it is not a default. Device and requires_grad are left
/// out. ValueError where even the edge items are more than 100,000 numbers.
LEVIN_API std::string tensor_text(const TensorRef& tensor);

/// What a look at all elements gives.
struct TensorStatistics {
  std::int64_t elements = 0, nans = 0, infinities = 0, zeros = 0;
  /// Over the finite elements: integers exactly, floats with the fewest digits that read back the
  /// same as that type. Empty without finite elements and for complex tensors.
  std::string min, max;
  /// Over the finite elements; NaN without any (`standard_deviation`: without two). The standard
  /// deviation is the unbiased one, as `Tensor.std()`.
  double mean = 0, standard_deviation = 0;
};

/// Reads every element once. ValueError for an expanded view of more than 16 million elements that
/// its storage does not have.
LEVIN_API TensorStatistics tensor_statistics(const TensorRef& tensor);

}  // namespace levin

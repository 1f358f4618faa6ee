#pragma once
#include "levin/framework/metrics/metric.h"

namespace levin::metrics {

/// A tensor of every rank, whatever their shapes: `all_gather` itself needs equal ones. Ranks that have an empty tensor of another
/// number of dimensions or type than the others (no batch came) give an empty one of the others' kind.
LEVIN_API std::vector<at::Tensor> gather_all_tensors(const at::Tensor& tensor, const AllGather& all_gather);

}  // namespace levin::metrics

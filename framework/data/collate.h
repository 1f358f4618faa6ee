#pragma once
#include <span>

#include "levin/framework/base/export.h"
#include "levin/framework/module/batch.h"

namespace levin {

/// Makes one batch of samples, in the manner of torch's `default_collate`:
/// - tensors are stacked along a new first dimension; their shapes must be equal;
/// - lists and dicts are collated item by item, nested as deep as they come;
/// - a `Batch::any` (a string, a number, a struct of yours) is kept: the batch holds the list of
/// them. A number that should
///   become an element of a tensor is put into the sample as a 0-dim tensor;
/// - nothing (`is_none()`) stays nothing if all samples have nothing there.
/// RuntimeError names the place and the two samples that differ; ValueError if there are no
/// samples.
LEVIN_API Batch collate(std::span<const Batch> samples);

}  // namespace levin

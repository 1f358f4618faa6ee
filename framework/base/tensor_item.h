#pragma once
#include "levin/framework/base/export.h"
#include "levin/framework/base/value.h"

namespace levin {

/// `tensor.item()`: the one element as a bool, an int or a float. TypeError for more or fewer elements and for dtypes that are
/// no plain number.
LEVIN_API Value tensor_item(const TensorRef& tensor);

}  // namespace levin

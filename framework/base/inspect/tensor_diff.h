#pragma once
#include <string>

#include "levin/framework/base/value.h"

namespace levin {

/// How two tensors differ, in a few words; "" if they are equal: same type, shape and bytes.
std::string tensor_difference(const TensorRef& a, const TensorRef& b);

}  // namespace levin

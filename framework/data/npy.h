#pragma once
#include <ATen/core/Tensor.h>

#include <string>

#include "levin/framework/base/export.h"

namespace levin {

/// The array in a NumPy file (`numpy.save`) as a tensor, mapped and not read: pages come from the disk when they are touched, and
/// several processes share them. Writing to the tensor does not change the file, which must not be changed in place while the tensor
/// lives. An array that was saved in Fortran's order comes with such strides. OSError if the file can't be opened, ValueError if it is
/// no NumPy file or has a type that no tensor has.
LEVIN_API at::Tensor load_npy(const std::string& path);

/// A file of nothing but numbers, such as tokens: a 1-dim tensor, mapped as above. `dtype`: "uint8", "uint16", "int32", "int64".
/// ValueError for another one, or a size that is no multiple of it.
LEVIN_API at::Tensor load_raw(const std::string& path, const std::string& dtype);

}  // namespace levin

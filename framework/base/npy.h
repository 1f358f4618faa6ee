#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "levin/framework/base/export.h"
#include "levin/framework/base/value.h"

namespace levin {

/// What stands at the beginning of a NumPy file (`numpy.save`): https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
struct NpyHeader {
  DType dtype = DType::float32;
  bool fortran_order = false;      ///< columns first, as a transposed array is saved
  std::vector<std::int64_t> shape;
  std::size_t data_offset = 0;     ///< where the elements begin
};

/// Takes the header apart and checks that the elements are there. ValueError, with `name` in front, for a file of another format, a
/// type that has no tensor (objects, text, big-endian numbers), or too few bytes.
LEVIN_API NpyHeader read_npy_header(std::string_view bytes, const std::string& name);

}  // namespace levin

#pragma once
#include <cstdint>
#include <string>

#include "levin/framework/base/value.h"

namespace levin {

/// One element of a tensor of any dtype. Which members hold it depends on the dtype's kind.
struct Element {
  double real = 0, imaginary = 0;  ///< floating-point and complex; integers rounded
  __extension__ __int128 integer = 0;  ///< integers exactly; bool as 0 or 1
};

/// What the elements are: decides how they are counted and printed.
enum class ElementKind : std::uint8_t { boolean, integer, floating, complex };

LEVIN_API ElementKind element_kind(DType dtype);
/// The element `offset` elements from the storage's beginning.
LEVIN_API Element element(const TensorRef& tensor, std::int64_t offset);

/// A float8 to a float.
LEVIN_API float float8_to_float(DType dtype, std::uint8_t bits);

/// Whether a walk over all elements is sensible: a view with far more elements than its storage (by
/// stride 0) can claim any number of them. False beyond 2^24 elements that the storage does not have.
LEVIN_API bool is_walkable(const TensorRef& tensor);

}  // namespace levin

#include "levin/framework/base/inspect/tensor_diff.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "levin/framework/base/inspect/element.h"
#include "levin/framework/base/inspect/model_file.h"
#include "levin/framework/base/python_format.h"
#include "levin/framework/base/tensor_elements.h"

namespace levin {
namespace {

std::string type_and_shape(const TensorRef& t) { return std::string(dtype_name(t.dtype)) + " " + shape_text(t); }

// Goes through two tensors of one shape together.
struct Comparison {
  std::int64_t different = 0, nan_on_one_side = 0;
  double greatest = 0;

  Comparison(const TensorRef& a, const TensorRef& b) {
    // The second tensor's offsets are found by walking it beside the first.
    std::vector<std::int64_t> index(a.sizes.size(), 0);
    std::int64_t other = b.storage_offset;
    for_each_element(a, [&](std::int64_t offset) {
      compare(a, offset, b, other);
      for (std::size_t d = index.size(); d-- > 0;) {
        other += b.strides[d];
        if (++index[d] < b.sizes[d]) return;
        other -= b.strides[d] * b.sizes[d];
        index[d] = 0;
      }
    });
  }

 private:
  void compare(const TensorRef& a, std::int64_t i, const TensorRef& b, std::int64_t j) {
    if (a.dtype == b.dtype) {
      const std::size_t width = itemsize(a.dtype);
      const char* left = static_cast<const char*>(a.storage->data) + static_cast<std::size_t>(i) * width;
      const char* right = static_cast<const char*>(b.storage->data) + static_cast<std::size_t>(j) * width;
      if (std::memcmp(left, right, width) == 0) return;
    }
    const Element x = element(a, i), y = element(b, j);
    const bool integers = element_kind(a.dtype) == ElementKind::integer && element_kind(b.dtype) == ElementKind::integer;
    if (a.dtype != b.dtype && (integers ? x.integer == y.integer : x.real == y.real && x.imaginary == y.imaginary)) return;
    ++different;
    const bool left_nan = std::isnan(x.real) || std::isnan(x.imaginary), right_nan = std::isnan(y.real) || std::isnan(y.imaginary);
    if (left_nan != right_nan) ++nan_on_one_side;
    if (left_nan || right_nan) return;
    if (integers) greatest = std::max(greatest, std::fabs(static_cast<double>(x.integer - y.integer)));
    else if (x.real != y.real || x.imaginary != y.imaginary)
      greatest = std::max(greatest, std::hypot(x.real - y.real, x.imaginary - y.imaginary));
  }
};

bool same_bytes(const TensorRef& a, const TensorRef& b) {
  const std::uint64_t bytes = tensor_bytes(a);
  return bytes == 0 || std::memcmp(first_byte(a), first_byte(b), bytes) == 0;
}

}  // namespace

std::string tensor_difference(const TensorRef& a, const TensorRef& b) {
  if (a.sizes != b.sizes) return type_and_shape(a) + " -> " + type_and_shape(b);
  const std::string types = a.dtype == b.dtype ? type_and_shape(a) : type_and_shape(a) + " -> " + type_and_shape(b);
  if (tensor_bytes(a) == 0) return a.dtype == b.dtype ? "" : types;
  if (a.dtype == b.dtype && a.is_contiguous() && b.is_contiguous() && same_bytes(a, b)) return "";
  if (!is_walkable(a) || !is_walkable(b)) return types + ", an expanded view whose elements are not looked at";
  const Comparison c(a, b);
  if (c.different == 0) return a.dtype == b.dtype ? "" : types + ", equal in value";
  std::string out = types + ", " + with_commas(static_cast<std::uint64_t>(c.different)) + " of " +
                    counted(static_cast<std::uint64_t>(a.numel()), "element") + ", max abs difference " +
                    python_format(c.greatest, ".6g");
  if (c.nan_on_one_side > 0) out += ", " + with_commas(static_cast<std::uint64_t>(c.nan_on_one_side)) + " nan on one side only";
  return out;
}

}  // namespace levin

#include "levin/framework/base/tensor_item.h"

#include <cstring>
#include <string_view>

namespace levin {

Value tensor_item(const TensorRef& tensor) {
  const double number = Value(tensor).number();  // checks the shape and the dtype
  if (tensor.dtype == DType::bool_) return number != 0;
  if (tensor.dtype == DType::int64) {  // beyond 2^53 a double does not hold it
    std::int64_t exact = 0;
    std::memcpy(&exact, static_cast<const char*>(tensor.storage->data) + tensor.storage_offset * 8, sizeof exact);
    return exact;
  }
  if (std::string_view(dtype_name(tensor.dtype)).find("int") != std::string_view::npos)
    return static_cast<std::int64_t>(number);
  return number;
}

}  // namespace levin

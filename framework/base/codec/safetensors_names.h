#pragma once
#include <optional>
#include <string_view>

#include "levin/framework/base/value.h"

/// safetensors' names of element types.
namespace levin::safetensors {

inline constexpr struct {
  std::string_view name;
  DType dtype;
} dtypes[] = {
    {"BOOL", DType::bool_},
    {"U8", DType::uint8},
    {"I8", DType::int8},
    {"F8_E5M2", DType::float8_e5m2},
    {"F8_E4M3", DType::float8_e4m3fn},
    {"F8_E8M0", DType::float8_e8m0fnu},
    {"F8_E4M3FNUZ", DType::float8_e4m3fnuz},
    {"F8_E5M2FNUZ", DType::float8_e5m2fnuz},
    {"I16", DType::int16},
    {"U16", DType::uint16},
    {"F16", DType::float16},
    {"BF16", DType::bfloat16},
    {"I32", DType::int32},
    {"U32", DType::uint32},
    {"F32", DType::float32},
    {"C64", DType::complex64},
    {"F64", DType::float64},
    {"I64", DType::int64},
    {"U64", DType::uint64},
};

inline std::optional<DType> dtype_of(std::string_view name) {
  for (const auto& known : dtypes)
    if (known.name == name) return known.dtype;
  return std::nullopt;
}
/// "" if the format lacks the type.
inline std::string_view name_of(DType dtype) {
  for (const auto& known : dtypes)
    if (known.dtype == dtype) return known.name;
  return {};
}

inline constexpr std::string_view metadata_key = "__metadata__";

}  // namespace levin::safetensors

#include "levin/framework/base/inspect/element.h"

#include <cmath>
#include <limits>

#include "levin/framework/base/half.h"
#include "levin/framework/base/tensor_elements.h"

namespace levin {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

Element floating(double real, double imaginary = 0) { return {.real = real, .imaginary = imaginary}; }

template <class T>
Element integer(T value) {
  return {.real = static_cast<double>(value), .integer = value};
}

// Sign, exponent and mantissa; what stands for NaN and infinity differs and is the caller's.
float decode(std::uint8_t bits, int mantissa_bits, int bias) {
  const int exponent = (bits & 0x7f) >> mantissa_bits, fraction = bits & ((1 << mantissa_bits) - 1);
  const float sign = bits & 0x80 ? -1.0f : 1.0f;
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(fraction), 1 - bias - mantissa_bits);
  return sign * std::ldexp(static_cast<float>(fraction | 1 << mantissa_bits), exponent - bias - mantissa_bits);
}

}  // namespace

float float8_to_float(DType dtype, std::uint8_t bits) {
  const int magnitude = bits & 0x7f;
  switch (dtype) {
    case DType::float8_e4m3fn: return magnitude == 0x7f ? nan : decode(bits, 3, 7);
    case DType::float8_e5m2:
      if (magnitude > 0x7c) return nan;
      return magnitude == 0x7c ? (bits & 0x80 ? -infinity : infinity) : decode(bits, 2, 15);
    case DType::float8_e4m3fnuz: return bits == 0x80 ? nan : decode(bits, 3, 8);
    case DType::float8_e5m2fnuz: return bits == 0x80 ? nan : decode(bits, 2, 16);
    default: return bits == 0xff ? nan : std::ldexp(1.0f, bits - 127);  // e8m0: an exponent alone
  }
}

ElementKind element_kind(DType dtype) {
  switch (dtype) {
    case DType::bool_: return ElementKind::boolean;
    case DType::uint8: case DType::int8: case DType::int16: case DType::int32: case DType::int64:
    case DType::uint16: case DType::uint32: case DType::uint64: return ElementKind::integer;
    case DType::complex32: case DType::complex64: case DType::complex128: return ElementKind::complex;
    default: return ElementKind::floating;
  }
}

Element element(const TensorRef& t, std::int64_t at) {
  switch (t.dtype) {
    case DType::bool_: return integer(element_at<std::uint8_t>(t, at) != 0 ? 1 : 0);
    case DType::uint8: return integer(element_at<std::uint8_t>(t, at));
    case DType::int8: return integer(element_at<std::int8_t>(t, at));
    case DType::int16: return integer(element_at<std::int16_t>(t, at));
    case DType::int32: return integer(element_at<std::int32_t>(t, at));
    case DType::int64: return integer(element_at<std::int64_t>(t, at));
    case DType::uint16: return integer(element_at<std::uint16_t>(t, at));
    case DType::uint32: return integer(element_at<std::uint32_t>(t, at));
    case DType::uint64: return integer(element_at<std::uint64_t>(t, at));
    case DType::float16: return floating(half_to_float(element_at<std::uint16_t>(t, at)));
    case DType::bfloat16: return floating(bfloat16_to_float(element_at<std::uint16_t>(t, at)));
    case DType::float32: return floating(element_at<float>(t, at));
    case DType::float64: return floating(element_at<double>(t, at));
    case DType::complex32: {
      const auto bits = element_at<std::uint32_t>(t, at);
      return floating(half_to_float(static_cast<std::uint16_t>(bits)), half_to_float(static_cast<std::uint16_t>(bits >> 16)));
    }
    case DType::complex64: {
      const auto z = element_at<std::complex<float>>(t, at);
      return floating(z.real(), z.imag());
    }
    case DType::complex128: {
      const auto z = element_at<std::complex<double>>(t, at);
      return floating(z.real(), z.imag());
    }
    default: return floating(float8_to_float(t.dtype, element_at<std::uint8_t>(t, at)));
  }
}

bool is_walkable(const TensorRef& t) {
  std::uint64_t count = 1;
  for (const std::int64_t size : t.sizes)
    if (__builtin_mul_overflow(count, static_cast<std::uint64_t>(size), &count)) return false;
  const std::uint64_t stored = t.storage ? t.storage->nbytes / itemsize(t.dtype) : 0;
  return count <= stored || count <= std::uint64_t{1} << 24;
}

}  // namespace levin

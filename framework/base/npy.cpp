#include "levin/framework/base/npy.h"

#include <array>
#include <charconv>
#include <utility>

#include "levin/framework/base/errors.h"

namespace levin {
namespace {

constexpr std::array<std::pair<std::string_view, DType>, 14> types{{
    {"b1", DType::bool_}, {"u1", DType::uint8}, {"i1", DType::int8}, {"i2", DType::int16}, {"i4", DType::int32}, {"i8", DType::int64},
    {"u2", DType::uint16}, {"u4", DType::uint32}, {"u8", DType::uint64}, {"f2", DType::float16}, {"f4", DType::float32},
    {"f8", DType::float64}, {"c8", DType::complex64}, {"c16", DType::complex128},
}};

[[noreturn]] void fail(const std::string& name, const std::string& what) { throw ValueError(name + ": " + what); }

// What follows `'key':` in the header's dict, without leading spaces.
std::string_view entry(std::string_view header, std::string_view key, const std::string& name) {
  const auto at = header.find("'" + std::string(key) + "'");
  const auto colon = at == header.npos ? at : header.find(':', at);
  const auto begin = colon == header.npos ? colon : header.find_first_not_of(' ', colon + 1);
  if (begin == header.npos) fail(name, "its header has no '" + std::string(key) + "'; no NumPy file");
  return header.substr(begin);
}

DType dtype_of(std::string_view descr, const std::string& name) {
  if (descr.size() < 4 || descr[0] != '\'') fail(name, "holds records with fields; save one array of numbers a file");
  const std::string text(descr.substr(1, descr.find('\'', 1) - 1));
  if (text[0] == '>') fail(name, "its numbers are big-endian (" + text + "); save array.astype(array.dtype.newbyteorder('<'))");
  for (const auto& [code, dtype] : types)
    if (std::string_view(text).substr(1) == code) return dtype;
  fail(name, "there is no tensor of its type " + text + "; save numbers or bools");
}

std::vector<std::int64_t> shape_of(std::string_view text, const std::string& name) {
  std::vector<std::int64_t> shape;
  const auto close = text.find(')');
  if (text.empty() || text[0] != '(' || close == text.npos) fail(name, "its header has no shape; no NumPy file");
  text = text.substr(1, close - 1);
  while (true) {
    const auto begin = text.find_first_not_of(" ,");
    if (begin == text.npos) return shape;
    text.remove_prefix(begin);
    std::int64_t size = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
    if (error != std::errc() || size < 0) fail(name, "its shape can't be read: " + std::string(text.substr(0, 40)));
    shape.push_back(size);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  }
}

}  // namespace

NpyHeader read_npy_header(std::string_view bytes, const std::string& name) {
  if (bytes.size() < 12 || bytes.substr(0, 6) != "\x93NUMPY") fail(name, "this is no NumPy file; numpy.save(path, array) makes one");
  const auto byte = [&](std::size_t at) { return static_cast<std::size_t>(static_cast<unsigned char>(bytes[at])); };
  const std::size_t version = byte(6);
  if (version < 1 || version > 3) fail(name, "a NumPy file of the unknown version " + std::to_string(version));
  const std::size_t start = version == 1 ? 10 : 12;
  const std::size_t length = byte(8) | byte(9) << 8 | (version == 1 ? 0 : byte(10) << 16 | byte(11) << 24);
  if (length > bytes.size() - start) fail(name, "ends within its header");
  const std::string_view text = bytes.substr(start, length);

  NpyHeader out;
  out.dtype = dtype_of(entry(text, "descr", name), name);
  out.fortran_order = entry(text, "fortran_order", name).starts_with("True");
  out.shape = shape_of(entry(text, "shape", name), name);
  out.data_offset = start + length;
  std::size_t wanted = itemsize(out.dtype);
  for (const std::int64_t size : out.shape)
    if (__builtin_mul_overflow(wanted, static_cast<std::size_t>(size), &wanted)) fail(name, "its shape is too large");
  if (const std::size_t there = bytes.size() - out.data_offset; there < wanted)
    fail(name, "is cut short: " + std::to_string(wanted) + " bytes of elements expected, " + std::to_string(there) + " there");
  return out;
}

}  // namespace levin

#include "levin/framework/accelerators/device_parser.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <numeric>
#include <set>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/python_format.h"
#include "levin/framework/base/strip.h"

namespace levin {
namespace {

using Indices = std::vector<std::int64_t>;

// Python's int(text).
std::int64_t to_int(std::string_view text) {
  std::string_view digits = stripped(text);
  if (digits.starts_with('+')) digits.remove_prefix(1);
  std::int64_t n = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), n);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size())
    throw ValueError("invalid literal for int() with base 10: " + python_repr(text));
  return n;
}

Indices first(std::int64_t n) {
  Indices out(static_cast<std::size_t>(std::max<std::int64_t>(n, 0)));
  std::iota(out.begin(), out.end(), 0);
  return out;
}

Indices split(std::string_view text) {
  Indices out;
  while (true) {
    const auto comma = text.find(',');
    if (const auto part = text.substr(0, comma); !part.empty()) out.push_back(to_int(part));
    if (comma == text.npos) return out;
    text.remove_prefix(comma + 1);
  }
}

std::string text_of(const Indices& indices) {
  std::string out = "[";
  for (const std::int64_t index : indices) out += (out.size() > 1 ? ", " : "") + std::to_string(index);
  return out + "]";
}

Indices counted(std::int64_t n, std::int64_t available) { return first(n == -1 ? available : n); }

Indices normalized(const Devices& devices, std::int64_t available) {
  if (const auto* n = std::get_if<std::int64_t>(&devices)) return counted(*n, available);
  if (const auto* list = std::get_if<Indices>(&devices)) return *list;
  const std::string& given = std::get<std::string>(devices);
  return given.find(',') != given.npos ? split(given) : counted(to_int(given), available);
}

// Under torchrun each rank may see one device of its own, whatever numbers it is given.
bool sees_its_own_only(const Indices& indices, std::int64_t available) {
  return indices.size() != 1 && available == 1 && std::getenv("TORCHELASTIC_RUN_ID");
}

}  // namespace

std::string repr(const Devices& devices) {
  if (const auto* n = std::get_if<std::int64_t>(&devices)) return std::to_string(*n);
  if (const auto* list = std::get_if<Indices>(&devices)) return text_of(*list);
  return python_repr(std::string_view(std::get<std::string>(devices)));
}

Indices parse_gpu_ids(const Devices& devices, std::int64_t available) {
  const Indices indices = normalized(devices, available);
  if (indices.empty()) throw MisconfigurationException("GPUs requested but none are available.");
  if (sees_its_own_only(indices, available)) return indices;
  if (std::set(indices.begin(), indices.end()).size() != indices.size())
    throw MisconfigurationException("Device ID's (GPU) must be unique.");
  for (const std::int64_t index : indices) {
    if (index < 0 || index >= available)
      throw MisconfigurationException("You requested gpu: " + text_of(indices) + "\n But your machine only has: " + text_of(first(available)));
  }
  return indices;
}

std::int64_t parse_cpu_cores(const Devices& devices) {
  const auto wrong = [] { return TypeError("`devices` selected with `CPUAccelerator` should be an int > 0."); };
  if (const auto* n = std::get_if<std::int64_t>(&devices)) {
    if (*n <= 0) throw wrong();
    return *n;
  }
  const auto* given = std::get_if<std::string>(&devices);
  if (!given) throw wrong();
  const std::string_view digits = stripped(*given);
  const bool number = !digits.empty() && digits.size() < 6 && digits.find_first_not_of("0123456789") == digits.npos;
  if (!number || to_int(digits) == 0) throw wrong();
  return to_int(digits);
}

}  // namespace levin

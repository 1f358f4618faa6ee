#include "levin/framework/base/codec/pickle_output.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "levin/framework/base/codec/globals.h"
#include "levin/framework/base/codec/little_endian.h"
#include "levin/framework/base/codec/utf8.h"
#include "levin/framework/base/errors.h"

namespace levin {

std::string PickleOutput::finish() {
  op('.');
  out_.resize(size_);
  return std::move(out_);
}

void PickleOutput::wide_integer(std::int64_t value) {
  using Narrow = std::numeric_limits<std::int32_t>;
  if (value >= 0 && value < 65536) {
    op('M', static_cast<std::uint16_t>(value));
  } else if (value >= Narrow::min() && value <= Narrow::max()) {
    op('J', static_cast<std::int32_t>(value));
  } else {
    std::string raw;
    append_le(raw, value);
    big_integer(raw);
  }
}

void PickleOutput::big_integer(std::string_view raw) {
  auto negative = [](char byte) { return (byte & 0x80) != 0; };
  while (raw.size() > 1 && (raw.back() == '\0' || raw.back() == '\xff') &&
         negative(raw.back()) == negative(raw[raw.size() - 2])) {
    raw.remove_suffix(1);
  }
  if (raw.size() < 256)
    op('\x8a', static_cast<std::uint8_t>(raw.size()));
  else
    op('\x8b', static_cast<std::uint32_t>(raw.size()));
  bytes(raw);
}

void PickleOutput::floating(double value) {
  op('G', __builtin_bswap64(std::bit_cast<std::uint64_t>(value)));
}

void PickleOutput::text(std::string_view utf8) {
  if (!is_python_utf8(utf8)) {
    throw ValueError("a string in a checkpoint must be UTF-8; use Value::bytes for other bytes");
  }
  if (utf8.size() > std::numeric_limits<std::uint32_t>::max()) {
    throw ValueError("a string in a checkpoint is longer than 4 GiB");
  }
  op('X', static_cast<std::uint32_t>(utf8.size()));
  bytes(utf8);
}

void PickleOutput::global(std::string_view module, std::string_view name) {
  op('c');
  bytes(protocol2_module(module)), op('\n');
  bytes(name), op('\n');
}

void PickleOutput::end_tuple(std::size_t items) {
  constexpr char by_size[] = {')', '\x85', '\x86', '\x87', 't'};
  op(by_size[std::min<std::size_t>(items, 4)]);
}

void PickleOutput::integers(const std::vector<std::int64_t>& numbers) {
  if (tuple_needs_mark(numbers.size())) op('(');
  for (const std::int64_t number : numbers) integer(number);
  end_tuple(numbers.size());
  if (!numbers.empty()) put();
}

}  // namespace levin

#include "levin/framework/base/inspect/describe.h"
#include "levin/framework/base/utf8.h"

namespace levin {
namespace {

bool steers(std::uint32_t point) {
  return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x61c || point == 0x200e || point == 0x200f ||
         (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069) || point == 0xfeff;
}

std::string escape(std::uint32_t number, bool wide) {
  constexpr char hex[] = "0123456789abcdef";
  std::string out = wide ? "\\u" : "\\x";
  for (int shift = wide ? 12 : 4; shift >= 0; shift -= 4) out += hex[(number >> shift) & 15];
  return out;
}

}  // namespace

std::string harmless(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const utf8::Character c = utf8::decode(text, at);
    if (c.bytes == 0) out += escape(static_cast<unsigned char>(text[at]), false);
    else if (steers(c.point)) out += escape(c.point, c.point > 0xff);
    else out += text.substr(at, c.bytes);
    at += c.bytes == 0 ? 1 : c.bytes;
  }
  return out;
}

}  // namespace levin

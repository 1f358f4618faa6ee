#include "levin/framework/base/rich_style.h"

#include <array>
#include <cctype>
#include <sstream>

#include "levin/framework/base/errors.h"

namespace levin {
namespace {

struct Word {
  std::string_view name, code;
};
constexpr std::array<Word, 7> attributes{{{"bold", "1"}, {"dim", "2"}, {"italic", "3"}, {"underline", "4"}, {"blink", "5"}, {"reverse", "7"},
                                          {"strike", "9"}}};
constexpr std::array<std::string_view, 8> colours{"black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"};

// Of a colour in front (or behind: the same codes plus 10); "" if it is none.
std::string colour_code(std::string_view word, int behind) {
  if (word == "default") return std::to_string(39 + behind);
  if (word == "grey23") return std::to_string(38 + behind) + ";5;237";
  if (word.size() == 7 && word[0] == '#' && word.find_first_not_of("0123456789abcdef", 1) == word.npos) {
    std::string out = std::to_string(38 + behind) + ";2";
    for (int i = 1; i < 7; i += 2) out += ";" + std::to_string(std::stoi(std::string(word.substr(static_cast<std::size_t>(i), 2)), nullptr, 16));
    return out;
  }
  const bool bright = word.starts_with("bright_");
  if (bright) word.remove_prefix(7);
  for (std::size_t i = 0; i < colours.size(); ++i)
    if (word == colours[i]) return std::to_string((bright ? 90 : 30) + behind + static_cast<int>(i));
  return "";
}

std::string attribute_code(std::string_view word) {
  for (const Word& attribute : attributes)
    if (word == attribute.name) return std::string(attribute.code);
  return "";
}

}  // namespace

std::string rich_style(std::string_view style) {
  std::string text(style), codes;
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  std::istringstream words(text);
  bool behind = false;
  for (std::string word; words >> word;) {
    if (word == "none") continue;
    if (word == "on" && !behind) {
      behind = true;
      continue;
    }
    std::string code = behind ? "" : attribute_code(word);
    if (code.empty()) code = colour_code(word, behind ? 10 : 0);
    if (code.empty())
      throw ValueError("the style '" + std::string(style) + "': '" + word +
                       "' is neither an attribute (bold, dim, italic, underline, blink, reverse, strike) nor a colour (red, bright_red, "
                       "#rrggbb, ...; after 'on' the colour behind)");
    codes += (codes.empty() ? "" : ";") + code;
    behind = false;
  }
  if (behind) throw ValueError("the style '" + std::string(style) + "': a colour is missing after 'on'");
  return codes.empty() ? "" : "\x1b[" + codes + "m";
}

}  // namespace levin

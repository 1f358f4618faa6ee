#pragma once
#include <string>
#include <string_view>

#include "levin/framework/base/export.h"

namespace levin {

/// The escape sequence that switches a terminal to a style as the Python package rich spells it: words such as "bold", "dim",
/// "italic", "underline", "blink", "reverse" and "strike", a colour ("red", "bright_blue", "grey23", "#6206E0"), and "on" with the
/// colour behind the text. "" and "none" give "". ValueError names a word that is not known.
LEVIN_API std::string rich_style(std::string_view style);

}  // namespace levin

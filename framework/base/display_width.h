#pragma once
#include <string>
#include <string_view>

#include "levin/framework/base/export.h"

/// How wide UTF-8 text is on a terminal. Independent of the locale.
namespace levin {

/// The columns that `text` takes: 2 for a wide character (CJK, most emoji), 0 for a combining mark,
/// a zero-width or a control character and for an escape sequence such as "\x1b[31m", else 1. A byte
/// that is no UTF-8 counts 1. Characters are measured one by one: an emoji joined from several
/// counts as its parts do.
LEVIN_API int display_width(std::string_view text);

/// The longest beginning of `text` that takes at most `columns`, never ending within a character.
LEVIN_API std::string_view fit_to_width(std::string_view text, int columns);

/// `text` followed by spaces up to `columns`; text that is wider stays whole.
LEVIN_API std::string pad_to_width(std::string_view text, int columns);

/// `text` with spaces on both sides up to `columns`, the odd one on the right, as Python's `:^`.
LEVIN_API std::string center_in_width(std::string_view text, int columns);

}  // namespace levin

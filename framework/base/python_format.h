#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "levin/framework/base/export.h"

/// Python's ways to write a number or a string, to the letter: file names, table cells and messages depend on them.
namespace levin {

/// `repr(float)`: the shortest text that reads back the same, with ".0", "1e-07", "nan" and "inf" as Python prints them.
LEVIN_API std::string python_repr(double value);
/// The same behind `out`, for who writes many.
LEVIN_API void append_python_repr(std::string& out, double value);
/// `repr(str)`: single quotes unless the text has one and no double quote; backslash escapes.
LEVIN_API std::string python_repr(std::string_view text);

/// What `format(value, spec)` is given: Python's int or float.
using FormatArgument = std::variant<std::int64_t, double>;
/// `format(value, spec)` for numbers: `[[fill]align][sign][z][#][0][width][,_][.precision][type]` with the types
/// `d f F e E g G %  n x X o b c` where Python allows them. An empty spec is `str(value)`.
/// ValueError with Python's words for a bad spec ("Unknown format code 'd' for object of type 'float'").
LEVIN_API std::string python_format(FormatArgument value, std::string_view spec);

}  // namespace levin

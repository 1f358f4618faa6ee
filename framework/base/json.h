#pragma once
#include <string>
#include <string_view>

#include "levin/framework/base/export.h"
#include "levin/framework/base/origins.h"
#include "levin/framework/base/value.h"

/// JSON as configurations, metrics and reports use it.
namespace levin {

/// The value in `text`: objects become dicts that keep their order, `1` an int, `1.0` and `1e3` a
/// float.
///
/// Strict RFC 8259 in UTF-8, but for `// to the end of the line` and `/* anywhere */` comments.
/// Refused are, besides bad syntax: a key given twice, NaN and Infinity, an int beyond 64 bits, a
/// number beyond the range of a float, a trailing comma, a byte order mark, more than 64 levels of
/// nesting and more than 16 MiB. Each is a ValueError "configs/digits.json:7:12: what is wrong";
/// line and column count from 1, columns in characters. `source_name` is the name in front.
///
/// `origins`, if given, gets the place of every key and value, under its path.
LEVIN_API Value parse_json(std::string_view text, const std::string& source_name, Origins* origins = nullptr);

/// `parse_json` of a file's text. FileNotFoundError "configs/x.json: No such file or directory";
/// OSError with the system's reason for anything else that keeps it from being read.
LEVIN_API Value read_json_file(const std::string& path, Origins* origins = nullptr);

/// The JSON of `value`, in the layout of Python's `json.dumps(value, indent=indent,
/// ensure_ascii=False)`, without a newline at the end. A negative `indent` gives one line: `{"a":
/// 1, "b": [2, 3]}`.
///
/// Floats are written with the fewest digits that read back the same, as Python's repr. NaN and the
/// infinities, which JSON lacks, become the strings "nan", "inf" and "-inf". A tensor of one
/// element becomes its number; a tuple becomes a list; keys that are int, float, bool or None
/// become their text. Anything else is a TypeError in Python's words ("Object of type set is not
/// JSON serializable") with the place in the tree; a container inside itself and a str that is not
/// UTF-8 are ValueErrors.
LEVIN_API std::string dump_json(const Value& value, int indent = 2);

}  // namespace levin

#pragma once
#include <string>
#include <string_view>

#include "levin/framework/base/export.h"
#include "levin/framework/base/value.h"

namespace levin {

/// Reads JSON with // and /* */ comments. Strict: duplicate keys, NaN and Infinity, more than 64 levels, more than 16 MiB, bad
/// UTF-8, numbers out of range and trailing text are refused. ValueError "<source>:<line>:<column>: ..." (from 1). Whole numbers
/// become ints, others floats; objects keep their order.
LEVIN_API Value parse_json(std::string_view text, const std::string& source_name);
/// The same from a file. FileNotFoundError, OSError.
LEVIN_API Value read_json_file(const std::string& path);
/// JSON text. Floats are the shortest that read back the same; NaN and infinities, which JSON lacks, become the strings "nan",
/// "inf", "-inf"; a tensor of one element is a number, any other tensor a TypeError. `indent` < 0: one line.
LEVIN_API std::string dump_json(const Value& value, int indent = 2);

}  // namespace levin

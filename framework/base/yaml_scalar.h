#pragma once
#include <cstdint>
#include <string_view>

/// How YAML 1.1 wants a str to be written. Internal to `dump_yaml`.
namespace levin::yaml {

enum class Style : std::uint8_t { plain, single_quoted, double_quoted };

/// Whether the text, unquoted, would read back as a bool, a number, a date, null or a merge key.
bool reads_as_other_than_str(std::string_view text);
/// The plainest style in which `text`, valid UTF-8, survives in block context.
Style style_of(std::string_view text);

}  // namespace levin::yaml

#pragma once
#include <string>
#include <string_view>

#include "levin/framework/base/export.h"

/// Writing that readers can follow: whoever has the file open sees whole records only.
namespace levin {

/// Appends `content` with a single write; the file and its folder are made if they are missing. On an OSError, with the
/// file and the system's reason, the file is as it was before: a write that a full disk cut short is taken back.
LEVIN_API void append_to_file(const std::string& path, std::string_view content);

/// Replaces the file by one with this content through a temporary file beside it and a rename. On an OSError the old
/// file stands. Not synced: for what a power cut may cost (see `write_durably` for the rest).
LEVIN_API void replace_file(const std::string& path, std::string_view content);

}  // namespace levin

#pragma once
#include <string>
#include <vector>

#include "levin/framework/base/export.h"

namespace levin {

/// What ModelCheckpoint asks of the file system beside CheckpointIO.
namespace checkpoint_files {

/// Files in `folder` with this extension whose name begins with `stem`, exactly or before "-".
LEVIN_API std::vector<std::string> named_like(const std::string& folder, const std::string& stem, const std::string& extension);
/// `~` expanded, made absolute, links resolved as far as the path exists.
LEVIN_API std::string real_path(const std::string& path);
LEVIN_API bool is_nonempty_folder(const std::string& path);

}  // namespace checkpoint_files
}  // namespace levin

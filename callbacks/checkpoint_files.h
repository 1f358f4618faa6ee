#pragma once
#include <string>
#include <vector>

#include "levin/framework/base/export.h"

namespace levin {

class Strategy;

/// The file side of ModelCheckpoint: rank 0 looks at the file system and acts, every rank learns the same.
namespace checkpoint_files {

/// Whether a file is there, as rank 0 sees it.
LEVIN_API bool exists(Strategy& strategy, const std::string& path);
/// Makes `link` a relative symbolic link to `target`, whatever it was before. It is made under another name and renamed over, so
/// that `link` never dangles and never is absent.
LEVIN_API void link(Strategy& strategy, const std::string& target, const std::string& link);
/// Files in `folder` with this extension whose name begins with `stem`, exactly or before "-".
LEVIN_API std::vector<std::string> named_like(const std::string& folder, const std::string& stem, const std::string& extension);
/// `~` expanded, made absolute, links resolved as far as the path exists.
LEVIN_API std::string real_path(const std::string& path);
LEVIN_API bool is_nonempty_folder(const std::string& path);

}  // namespace checkpoint_files
}  // namespace levin

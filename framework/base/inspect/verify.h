#pragma once
#include <string>

#include "levin/framework/base/export.h"
#include "levin/framework/base/inspect/describe.h"

namespace levin {

/// Reads every byte of a file and prints "good" or "bad" for each record of a checkpoint (its CRC-32),
/// for the bytes between the records, and for what the pickle describes; then a line that sums up.
/// A safetensors file has no checksums: its structure alone is checked, and the line says so. Returns
/// whether all is good. FileNotFoundError or OSError if the file can't be opened.
LEVIN_API bool verify_file(const std::string& path, const PrintLine& print);

}  // namespace levin

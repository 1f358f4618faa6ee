#pragma once
#include <exception>
#include <string>
#include <string_view>

#include "levin/framework/base/export.h"

/// `error.json`, by which a rank tells its launcher why it ends. Torchrun's schema, so that torchrun
/// prints it as the root cause too:
///
///     {"message": {"message": "ValueError: ...", "extraInfo": {"py_callstack": "...", "timestamp": "1767225600"}}}
///
/// The file is the one that the variable TORCHELASTIC_ERROR_FILE names; without it nothing is written.
namespace levin {

/// Says why this rank fails: `what` in one line, `stack` in as many as it takes. The first call of a
/// process wins, since later errors mostly follow from the first; true if this was it and the file is
/// written. Any thread; never throws.
LEVIN_API bool write_error_file(std::string_view what, std::string_view stack) noexcept;
/// "ValueError: text", with what is known of the rank in place of a stack.
LEVIN_API bool write_error_file(const std::exception& error) noexcept;

/// What an error file says.
struct ErrorFile {
  std::string message;
  std::string stack;      ///< "" if there is none
  long long timestamp = 0;  ///< seconds since 1970
};
/// Reads a file in torchrun's schema, or in its short form {"message": "text"}. False if there is none
/// or it can't be understood.
LEVIN_API bool read_error_file(const std::string& path, ErrorFile& out);

}  // namespace levin

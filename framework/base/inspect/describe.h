#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "levin/framework/base/export.h"
#include "levin/framework/base/inspect/model_file.h"

/// What a file holds, for a person to read.
namespace levin {

/// Takes one line, without a newline.
using PrintLine = std::function<void(std::string_view)>;

struct DescribeOptions {
  bool all = false;   ///< nothing elided, and with the attributes of OrderedDicts
  int columns = 100;  ///< what fits is written on one line
};

/// A file's summary (size, format, who wrote it, epoch, global_step, parameters), an empty line, and the
/// tree, one line per entry. Containers that are shared are shown once; so the number of lines is
/// bounded by the file's size.
LEVIN_API void describe_file(const ModelFile& file, const DescribeOptions& options, const PrintLine& print);

/// One tensor: type, shape, statistics, and its values as torch prints them.
LEVIN_API void describe_tensor(const std::string& path, const TensorRef& tensor, const PrintLine& print);

/// `text` with what could steer a terminal (control and bidirectional characters, bytes that are no
/// UTF-8) written as \xNN or \uNNNN.
LEVIN_API std::string harmless(std::string_view text);

}  // namespace levin

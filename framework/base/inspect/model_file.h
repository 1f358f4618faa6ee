#pragma once
#include <cstdint>
#include <string>

#include "levin/framework/base/export.h"
#include "levin/framework/base/value.h"

namespace levin {

/// A file with weights in it, in either format, opened to be looked at.
struct ModelFile {
  enum class Format : std::uint8_t { checkpoint, safetensors };

  std::string path;
  Format format = Format::checkpoint;
  std::uint64_t bytes = 0;
  std::size_t records = 0;  ///< of a checkpoint's zip
  Value root;               ///< a checkpoint's tree; name to tensor for safetensors
  Value metadata = Value::dict();  ///< safetensors only

  /// The state_dict: the checkpoint's, or all of a safetensors file; the tree itself if it is a dict of
  /// nothing but tensors. nullptr if there is none.
  LEVIN_API const Value* weights() const;
};

/// Opens a file by what it begins with. Tensors are views of the mapped file. Of a checkpoint only the
/// pickle's checksum is checked, and those of the tensors with `verify`. Errors as `read_archive` and
/// `read_safetensors`.
LEVIN_API ModelFile open_model_file(const std::string& path, bool verify = false);

/// Elements and bytes of a dict's tensors, tied ones once. Saturates.
struct WeightCount {
  std::uint64_t elements = 0, bytes = 0;
  std::size_t tensors = 0;
};
LEVIN_API WeightCount count_weights(const Value& weights);

/// "320 B", "9.4 KiB", "44.6 MiB".
LEVIN_API std::string human_bytes(std::uint64_t bytes);
/// "1,234,567".
LEVIN_API std::string with_commas(std::uint64_t number);
/// "1 entry", "3 entries", "2 tensors".
LEVIN_API std::string counted(std::uint64_t number, const std::string& noun);
/// The bytes of a tensor's elements, were it contiguous. Saturates.
LEVIN_API std::uint64_t tensor_bytes(const TensorRef& tensor);
/// "[8, 10]".
LEVIN_API std::string shape_text(const TensorRef& tensor);

}  // namespace levin

#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "levin/framework/base/codec/byte_sink.h"
#include "levin/framework/base/export.h"
#include "levin/framework/base/value.h"

/// Weights in the safetensors format: a length of 8 bytes, a JSON header, the tensors' elements.
/// It has no checksums, no strides and no sharing.
namespace levin {

/// What such a file holds.
struct Safetensors {
  Value tensors = Value::ordered_dict();  ///< name to tensor, in the header's order
  Value metadata = Value::dict();         ///< str to str: `__metadata__`, without the notes of ties
};

/// Reads a file. Its tensors are views of the mapped file, as with `ReadOptions::copy == false`.
///
/// Where `__metadata__` maps a name without a tensor to one that has a tensor, as
/// `safetensors.torch.save_model` notes the tied names that it leaves out, the name gets that same
/// tensor: ties come back, behind the other names.
///
/// FileNotFoundError or OSError if the file can't be opened. CheckpointError, which names the file,
/// for what is not sound: a header that does not fit, is longer than 100 MB or no strict JSON; a
/// name given twice; an unknown dtype; a shape that disagrees with the bytes; bytes that belong to
/// no tensor or to two.
LEVIN_API Safetensors read_safetensors(const std::string& path);
/// The same from memory; `name` stands for the file in messages. Tensors are copied.
LEVIN_API Safetensors read_safetensors_bytes(std::string_view bytes,
                                             const std::string& name = "<memory>");

/// Whether the bytes begin as a safetensors file does.
LEVIN_API bool looks_like_safetensors(std::string_view bytes);

/// Writes a file. The header names the tensors in the dict's order; the elements follow those of the
/// widest type first, so that each tensor is aligned. Equal input gives equal bytes.
///
/// A tensor that is the same view of the same storage as an earlier one is left out, and
/// `__metadata__` maps its name to the earlier name. Tensors that share a storage otherwise, and
/// those whose name `metadata` uses itself, are written one by one.
///
/// Before anything is written: TypeError for keys that are no str and values that are no tensor or,
/// in `metadata`, no str; ValueError for a name that is "__metadata__" or no UTF-8, for dtypes that
/// the format lacks (complex32, complex128), and for views with more elements than their storage by
/// a factor above 16 that would take more than 1 GiB.
LEVIN_API void write_safetensors(const Safetensors& content, ByteSink& sink);
/// The same into a string.
LEVIN_API std::string safetensors_bytes(const Safetensors& content);

}  // namespace levin

#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "levin/framework/base/value.h"

/// The names that a checkpoint's pickle refers to, and what they stand for.
namespace levin {

/// A storage class of torch: `torch.FloatStorage` has float32, `torch.storage.UntypedStorage` has
/// bytes.
struct StorageType {
  DType dtype;
  bool untyped;
};
/// nullopt if the name is no storage class that can be read.
std::optional<StorageType> storage_type(const Global& name);
/// The class that `torch.save` names for a tensor of this type. Types younger than the typed
/// storages are untyped.
const Global& storage_class(DType dtype);
/// Whether torch saves tensors of this type on an untyped storage, with `_rebuild_tensor_v3`.
bool saved_untyped(DType dtype);
/// `torch.float32` to its DType; nullopt for other names.
std::optional<DType> dtype_of(const Global& name);

/// Python 2's names, which protocol 2 uses, to Python 3's: `__builtin__.xrange` to
/// `builtins.range`.
Global modern_name(std::string_view module, std::string_view name);
/// The other way, for writing.
std::string_view protocol2_module(std::string_view module);

/// Whether `torch.load(weights_only=True)` accepts the name. Only such names are written, and
/// strict reading takes no other.
bool is_safe_global(const Global& name);

}  // namespace levin

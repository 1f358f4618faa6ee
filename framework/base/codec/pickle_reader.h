#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "levin/framework/base/export.h"
#include "levin/framework/base/value.h"

namespace levin {

/// What a pickle says of a storage: `("storage", torch.FloatStorage, "0", "cpu", 80)`.
struct StorageReference {
  DType dtype = DType::float32;  ///< uint8 if untyped
  std::string key;               ///< digits
  std::string location;          ///< "cpu", "cuda:0"
  std::uint64_t numel = 0;       ///< elements; bytes if untyped
};

/// How much a pickle may ask for. A pickle within the limits is read in time linear in its size.
struct PickleLimits {
  std::size_t depth = 500;  ///< containers in containers
  /// Bytes of heap that it may cost; `read_archive` adds the file's size. Enough for some 200,000
  /// strings or numbers in dicts and lists; checkpoints of models have thousands.
  std::size_t heap = std::size_t{64} << 20;
};

struct PickleOptions {
  /// Refuse names outside torch's list for `weights_only=True`. Otherwise they become inert
  /// objects, see Value.
  bool strict = false;
  PickleLimits limits;
};

/// Gives the storage for a reference, the same object for the same key; CheckpointError if there is
/// none that fits.
using FindStorage = std::function<std::shared_ptr<const Storage>(const StorageReference&)>;

/// Reads a pickle of protocol 2 to 5. Nothing in it is executed.
/// OrderedDict, Counter, set, bytes, complex, tensors and parameters become values of their kind;
/// torch.Size, torch.device, tensors that are sparse, quantized or lazily conjugated, storages by
/// themselves (their class around a tensor of all elements) and unknown classes become objects.
/// What is shared in the pickle is shared in the tree (the same container, string or tensor).
/// CheckpointError names the byte for whatever is malformed, contains itself, is nested deeper than
/// the limit, asks for more memory than its size explains, or describes a tensor that lies outside
/// its storage.
LEVIN_API Value read_pickle(std::string_view pickle, const FindStorage& find_storage,
                            const PickleOptions& options = {});

}  // namespace levin

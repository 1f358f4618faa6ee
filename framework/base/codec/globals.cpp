#include "levin/framework/base/codec/globals.h"

#include <algorithm>
#include <array>

namespace levin {
namespace {

struct Typed {
  DType dtype;
  const char* storage;
};
constexpr Typed typed_storages[] = {{DType::float64, "DoubleStorage"},
                                    {DType::float32, "FloatStorage"},
                                    {DType::float16, "HalfStorage"},
                                    {DType::int64, "LongStorage"},
                                    {DType::int32, "IntStorage"},
                                    {DType::int16, "ShortStorage"},
                                    {DType::int8, "CharStorage"},
                                    {DType::uint8, "ByteStorage"},
                                    {DType::bool_, "BoolStorage"},
                                    {DType::bfloat16, "BFloat16Storage"},
                                    {DType::complex128, "ComplexDoubleStorage"},
                                    {DType::complex64, "ComplexFloatStorage"},
                                    // Bytes of quantized tensors, which are inert objects.
                                    {DType::int8, "QInt8Storage"},
                                    {DType::int32, "QInt32Storage"},
                                    {DType::uint8, "QUInt8Storage"},
                                    {DType::uint8, "QUInt4x2Storage"},
                                    {DType::uint8, "QUInt2x4Storage"}};

constexpr std::array rebuild_functions = {"_rebuild_parameter",
                                          "_rebuild_parameter_with_state",
                                          "_rebuild_qtensor",
                                          "_rebuild_tensor",
                                          "_rebuild_tensor_v2",
                                          "_rebuild_tensor_v3",
                                          "_rebuild_sparse_tensor",
                                          "_rebuild_meta_tensor_no_storage",
                                          "_rebuild_nested_tensor",
                                          "_rebuild_wrapper_subclass",
                                          "_rebuild_device_tensor_from_numpy",
                                          "_rebuild_device_tensor_from_cpu_tensor"};
constexpr std::array other_torch_names = {"Size",
                                          "device",
                                          "Tensor",
                                          "per_tensor_affine",
                                          "per_tensor_symmetric",
                                          "per_channel_affine",
                                          "per_channel_symmetric",
                                          "per_channel_affine_float_qparams",
                                          "quint8",
                                          "qint8",
                                          "qint32",
                                          "quint4x2",
                                          "quint2x4",
                                          "bits8",
                                          "bits16",
                                          "bits1x8",
                                          "bits2x4",
                                          "bits4x2",
                                          "float4_e2m1fn_x2"};

constexpr DType last_dtype = DType::uint64;

bool is_small_integer_type(std::string_view name) {  // int1 to int7, uint1 to uint7
  if (name.substr(0, 1) == "u") name.remove_prefix(1);
  return name.size() == 4 && name.substr(0, 3) == "int" && name[3] >= '1' && name[3] <= '7';
}

bool is_safe_torch_name(std::string_view name) {
  auto is_name = [&](const char* known) { return name == known; };
  return dtype_of({"torch", std::string(name)}) || storage_type({"torch", std::string(name)}) ||
         is_small_integer_type(name) ||
         std::any_of(other_torch_names.begin(), other_torch_names.end(), is_name);
}

}  // namespace

std::optional<StorageType> storage_type(const Global& name) {
  if (name.module == "torch.storage" && name.name == "UntypedStorage")
    return StorageType{DType::uint8, true};
  if (name.module != "torch") return std::nullopt;
  if (name.name == "UntypedStorage") return StorageType{DType::uint8, true};
  for (const Typed& type : typed_storages) {
    if (name.name == type.storage) return StorageType{type.dtype, false};
  }
  return std::nullopt;
}

const Global& storage_class(DType dtype) {
  static const auto classes = [] {
    std::array<Global, static_cast<std::size_t>(last_dtype) + 1> out;
    out.fill({"torch.storage", "UntypedStorage"});
    for (auto type = std::rbegin(typed_storages); type != std::rend(typed_storages); ++type)
      out[static_cast<std::size_t>(type->dtype)] = {"torch", type->storage};
    return out;
  }();
  return classes[static_cast<std::size_t>(dtype)];
}

bool saved_untyped(DType dtype) { return storage_class(dtype).module != "torch"; }

std::optional<DType> dtype_of(const Global& name) {
  if (name.module != "torch") return std::nullopt;
  for (int i = 0; i <= static_cast<int>(last_dtype); ++i) {
    if (name.name == dtype_name(static_cast<DType>(i))) return static_cast<DType>(i);
  }
  return std::nullopt;
}

Global modern_name(std::string_view module, std::string_view name) {
  struct Renamed {
    std::string_view module, name, now;
  };
  constexpr Renamed renamed[] = {
      {"__builtin__", "xrange", "range"}, {"__builtin__", "long", "int"},
      {"__builtin__", "unicode", "str"},  {"__builtin__", "unichr", "chr"},
      {"itertools", "izip", "zip"},       {"itertools", "imap", "map"},
      {"itertools", "ifilter", "filter"}};
  for (const Renamed& entry : renamed) {
    if (module == entry.module && name == entry.name) return {"builtins", std::string(entry.now)};
  }
  if (module == "__builtin__" || module == "exceptions") module = "builtins";
  if (module == "copy_reg") module = "copyreg";
  return {std::string(module), std::string(name)};
}

std::string_view protocol2_module(std::string_view module) {
  if (module == "builtins") return "__builtin__";
  return module == "copyreg" ? "copy_reg" : module;
}

bool is_safe_global(const Global& global) {
  const std::string &module = global.module, &name = global.name;
  if (module == "torch") return is_safe_torch_name(name);
  if (module == "collections") return name == "OrderedDict" || name == "Counter";
  if (module == "builtins") return name == "bytearray" || name == "set" || name == "complex";
  if (module == "_codecs") return name == "encode";
  if (module == "torch.nn.parameter") return name == "Parameter";
  if (module == "torch.serialization") return name == "_get_layout";
  if (module == "torch.storage") return name == "UntypedStorage" || name == "TypedStorage";
  if (module == "torch._tensor") return name == "_rebuild_from_type_v2";
  return module == "torch._utils" && std::find(rebuild_functions.begin(), rebuild_functions.end(),
                                               name) != rebuild_functions.end();
}

}  // namespace levin

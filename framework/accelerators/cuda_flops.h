#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "levin/framework/base/export.h"

namespace levin {

/// The FLOP/s that an NVIDIA GPU of this name reaches at best, by Lightning's table, whose numbers its `mfu` is a share of. `precision` is the
/// Trainer's ("bf16-mixed"); `tf32`: whether float32 products may use it. None, with Lightning's warning, for what is not in it.
LEVIN_API std::optional<double> cuda_flops(const std::string& device_name, std::string_view precision, bool tf32);

}  // namespace levin

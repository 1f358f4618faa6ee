#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "levin/framework/base/value.h"

namespace levin {

/// The state of ATen's default generators, to put back later: around a sanity check, and in checkpoints.
class RngState {
 public:
  static RngState capture();
  /// As after seeding with these two numbers.
  static RngState seeded(std::uint64_t seed, std::uint64_t stream);
  void restore() const;

  /// {"cpu": a uint8 tensor}; `load` ignores what this machine has no device for.
  Value state_dict() const;
  static RngState from_state_dict(const Value& state);

 private:
  at::Tensor cpu_;
};

}  // namespace levin

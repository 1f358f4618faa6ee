#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "levin/framework/base/value.h"

namespace levin {

/// The state of ATen's default generators, to put back later: around a sanity check, and in checkpoints.
class RngState {
 public:
  static RngState capture();
  /// As after seeding with these two numbers.
  static RngState seeded(std::uint64_t seed, std::uint64_t stream);
  void restore() const;

  /// {"cpu": a uint8 tensor}, and where CUDA is in use "cuda": a list of one for each device. What this machine has no device for stays
  /// unused.
  Value state_dict() const;
  static RngState from_state_dict(const Value& state);

 private:
  at::Tensor cpu_;
  std::vector<at::Tensor> cuda_;
  std::optional<std::uint64_t> cuda_seed_;  ///< in place of states
};

}  // namespace levin

#pragma once
#include <cstdint>
#include <optional>

#include "levin/framework/base/export.h"

namespace levin {

/// Seeds ATen's default generators, and from here on the default of everything in levin that takes
/// a seed (loaders, samplers, `random_split`): call it before they are made. Returns the seed in
/// use.
///
/// As in Lightning, the seed is exported as PL_GLOBAL_SEED, so that processes started from here get
/// the same, and `workers` as PL_SEED_WORKERS; in levin, samples are always seeded from (seed,
/// epoch, index), with or without it. Without a seed: PL_GLOBAL_SEED, else 0. Prints nothing; the
/// caller may say "Seed set to 1". CUDA's generators are seeded too if CUDA is loaded by now; who
/// loads it later seeds them with `global_seed()`. ValueError outside 0 .. 2^32-1, or if
/// PL_GLOBAL_SEED is no such number. Call it while no other thread reads the environment.
LEVIN_API std::int64_t seed_everything(std::optional<std::int64_t> seed = std::nullopt,
                                       bool workers = false);

/// The seed of the last `seed_everything`, here or in the process that started this one
/// (PL_GLOBAL_SEED); none if there was none.
LEVIN_API std::optional<std::uint64_t> global_seed();

}  // namespace levin

#include "levin/framework/data/seed.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <charconv>
#include <cstdlib>
#include <mutex>
#include <string>
#include <string_view>

#include "levin/framework/accelerators/cuda_backend.h"
#include "levin/framework/base/errors.h"

namespace levin {
namespace {

constexpr const char* seed_variable = "PL_GLOBAL_SEED";

/// The whole of PL_GLOBAL_SEED as a number; none if it is unset. ValueError if it is set to
/// something else.
std::optional<std::int64_t> environment_seed() {
  const char* text = std::getenv(seed_variable);
  if (!text) return std::nullopt;
  const std::string_view view(text);
  std::int64_t seed = 0;
  const auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), seed);
  if (error != std::errc() || end != view.data() + view.size())
    throw ValueError(std::string(seed_variable) +
                     ": expected a whole number from 0 to 4294967295, got '" + text + "'");
  return seed;
}

std::int64_t in_bounds(std::int64_t seed) {
  constexpr std::int64_t max = 4294967295;
  if (seed < 0 || seed > max)
    throw ValueError(std::to_string(seed) + " is not in bounds, numpy accepts from 0 to " +
                     std::to_string(max));
  return seed;
}

void seed_aten(std::uint64_t seed) {
  // at::manual_seed asks ATen for its CUDA hooks, which fixes for good that there are none if CUDA
  // isn't loaded yet. levin_cuda seeds its generators as it is loaded.
  if (CudaBackend* cuda = loaded_cuda_backend()) cuda->seed(seed);
  else if (c10::impl::hasDeviceGuardImpl(c10::DeviceType::CUDA)) return at::manual_seed(seed);
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  const std::lock_guard lock(generator.mutex());
  generator.set_current_seed(seed);
}

}  // namespace

std::int64_t seed_everything(std::optional<std::int64_t> seed, bool workers) {
  const std::int64_t used = in_bounds(seed ? *seed : environment_seed().value_or(0));
  ::setenv(seed_variable, std::to_string(used).c_str(), 1);
  ::setenv("PL_SEED_WORKERS", workers ? "1" : "0", 1);
  seed_aten(static_cast<std::uint64_t>(used));
  return used;
}

std::optional<std::uint64_t> global_seed() {
  const auto seed = environment_seed();
  if (!seed) return std::nullopt;
  return static_cast<std::uint64_t>(in_bounds(*seed));
}

}  // namespace levin

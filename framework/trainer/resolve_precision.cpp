// The option `precision`: checked in Lightning's order and words, and made a plugin.
#include <algorithm>
#include <array>

#include "levin/framework/base/class_name.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/python_format.h"
#include "levin/framework/trainer/trainer_impl.h"

namespace levin {
namespace {

constexpr std::array<std::string_view, 2> precisions{"32-true", "32"};
// Lightning's that this version does not have.
constexpr std::array<std::string_view, 10> other_precisions{
    "transformer-engine", "transformer-engine-float16", "16-true", "16-mixed", "bf16-true", "bf16-mixed", "64-true", "64", "16", "bf16"};

bool contains(const auto& names, std::string_view name) { return std::find(names.begin(), names.end(), name) != names.end(); }

}  // namespace

std::string checked_precision(const PrecisionOption& option) {
  const auto* n = std::get_if<std::int64_t>(&option);
  const std::string given = n ? std::to_string(*n) : std::get<std::string>(option);
  if (contains(precisions, given)) return "32-true";
  if (contains(other_precisions, given)) {
    throw NotImplementedError("`Trainer(precision=" + (n ? given : "'" + given + "'") + ")` is not supported by this version, which computes in " +
                              "'32-true' only");
  }
  throw ValueError("Precision " + (n ? given : python_repr(std::string_view(given))) + " is invalid. Allowed precision values: ('32-true', 32, '32')");
}

void check_precision(const TrainerOptions& o, const Run& run) {
  if (!o.precision) return;
  const std::string name = checked_precision(*o.precision);
  if (run.precision)
    throw ValueError("Received both `precision=" + name + "` and `plugins=" + class_name(*run.precision) + "`. Choose one.");
}

std::shared_ptr<Precision> make_precision(const TrainerOptions&, at::Device) { return std::make_shared<Precision>(); }

}  // namespace levin

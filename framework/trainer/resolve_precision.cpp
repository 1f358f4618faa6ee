// The option `precision`: checked in Lightning's order and words, and made a plugin.
#include <algorithm>
#include <array>

#include "levin/framework/base/class_name.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/python_format.h"
#include "levin/framework/precision/mixed_precision.h"
#include "levin/framework/precision/true_precision.h"
#include "levin/framework/trainer/trainer_impl.h"

namespace levin {
namespace {

constexpr std::array<std::string_view, 6> names{"16-true", "16-mixed", "bf16-true", "bf16-mixed", "32-true", "64-true"};
struct Alias {
  std::string_view given, full;
};
constexpr std::array<Alias, 4> aliases{{{"64", "64-true"}, {"32", "32-true"}, {"16", "16-mixed"}, {"bf16", "bf16-mixed"}}};

bool is_number(std::string_view alias) { return alias != "bf16"; }

// "'16-true', ..., 64, 32, 16, '64', ...": names, numbers, and the short names as text.
std::string allowed(std::string_view separator, const std::function<std::string(std::string_view)>& quoted) {
  std::string out;
  const auto add = [&](const std::string& value) { out += (out.empty() ? "" : std::string(separator)) + value; };
  for (const std::string_view name : names) add(quoted(name));
  for (const Alias& alias : aliases)
    if (is_number(alias.given)) add(std::string(alias.given));
  for (const Alias& alias : aliases) add(quoted(alias.given));
  return out;
}

std::string text(const PrecisionOption& option) {
  const auto* n = std::get_if<std::int64_t>(&option);
  return n ? std::to_string(*n) : std::get<std::string>(option);
}

std::string repr(const PrecisionOption& option) {
  return std::holds_alternative<std::int64_t>(option) ? text(option) : python_repr(std::string_view(text(option)));
}

const Alias* alias_named(const PrecisionOption& option) {
  const std::string given = text(option);
  const auto found = std::find_if(aliases.begin(), aliases.end(), [&](const Alias& alias) { return alias.given == given; });
  return found == aliases.end() ? nullptr : found;
}

}  // namespace

PrecisionOption Field<PrecisionOption>::read(const Value& v) {
  if (v.is_int()) return v.as_int();
  if (v.is_string()) return v.as_string();
  throw TypeError("expected a precision's name, got " + v.type_name() + " " + v.repr(80));
}

Value Field<PrecisionOption>::write(const PrecisionOption& v) {
  const auto* n = std::get_if<std::int64_t>(&v);
  return n ? Value(*n) : Value(std::get<std::string>(v));
}

std::string Field<PrecisionOption>::type() {
  return allowed(" or ", [](std::string_view name) { return '"' + std::string(name) + '"'; });
}

std::string checked_precision(const PrecisionOption& option) {
  const std::string given = text(option);
  if (std::find(names.begin(), names.end(), given) != names.end()) return given;
  if (const Alias* alias = alias_named(option)) return std::string(alias->full);
  if (given.starts_with("transformer-engine")) {
    throw NotImplementedError("`Trainer(precision=" + repr(option) + ")` is not supported by this version: NVIDIA's Transformer Engine is a " +
                              "library of Python layers. Use 'bf16-mixed' or 'bf16-true'.");
  }
  throw ValueError("Precision " + repr(option) + " is invalid. Allowed precision values: (" +
                   allowed(", ", [](std::string_view name) { return python_repr(name); }) + ")");
}

void check_precision(const TrainerOptions& o, const Run& run) {
  if (!o.precision) return;
  const std::string name = checked_precision(*o.precision);
  const Alias* alias = alias_named(*o.precision);
  if (alias && alias->given != "32" && alias->given != "64") {
    rank_zero_warn("`precision=" + text(*o.precision) + "` is supported for historical reasons but its usage is discouraged. Please set your " +
                   "precision to " + name + " instead!");
  }
  if (run.precision)
    throw ValueError("Received both `precision=" + name + "` and `plugins=" + class_name(*run.precision) + "`. Choose one.");
}

std::shared_ptr<Precision> make_precision(const TrainerOptions& o, at::Device device) {
  std::string name = o.precision ? checked_precision(*o.precision) : "32-true";
  if (name == "32-true") return std::make_shared<Precision>();
  if (name == "64-true") return std::make_shared<DoublePrecision>();
  if (name == "16-true" || name == "bf16-true") return std::make_shared<HalfPrecision>(name);
  if (name == "16-mixed" && device.is_cpu()) {
    rank_zero_warn("You passed `Trainer(accelerator='cpu', precision='16-mixed')` but AMP with fp16 is not supported on CPU. Using " +
                   std::string("`precision='bf16-mixed'` instead."));
    name = "bf16-mixed";
  }
  rank_zero_info(std::string("Using ") + (name == "16-mixed" ? "16bit" : "bfloat16") + " Automatic Mixed Precision (AMP)");
  return std::make_shared<MixedPrecision>(name, device.is_cpu() ? "cpu" : "cuda");
}

}  // namespace levin

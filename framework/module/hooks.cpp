#include "levin/framework/module/hooks.h"

#include <string>

#include "levin/framework/base/errors.h"

namespace levin {
namespace {

enum class Rule : std::uint8_t { no, step, batch, epoch };

struct Entry {
  const char* name;
  Rule rule;
};

constexpr Entry entries[] = {
#define LEVIN_HOOK_ENTRY(name, rule) {#name, Rule::rule},
    LEVIN_HOOKS(LEVIN_HOOK_ENTRY)
#undef LEVIN_HOOK_ENTRY
};

}  // namespace

const char* hook_name(Hook hook) { return entries[static_cast<std::size_t>(hook)].name; }

LogLevels log_levels(Hook hook, std::optional<bool> on_step, std::optional<bool> on_epoch) {
  const auto& [name, rule] = entries[static_cast<std::size_t>(hook)];
  if (rule == Rule::no) {
    throw MisconfigurationException(std::string("You can't `self.log()` inside `") + name +
                                    "`. HINT: You can still log directly to the logger by using `self.logger.experiment`.");
  }
  const LogLevels levels{on_step.value_or(rule == Rule::step), on_epoch.value_or(rule != Rule::step)};
  if (rule == Rule::epoch) {
    const auto refuse = [&](const char* level, const char* given, const char* allowed) {
      throw MisconfigurationException(std::string("You can't `self.log(") + level + "=" + given + ")` inside `" + name +
                                      "`, must be one of " + allowed + ".");
    };
    if (levels.on_step) refuse("on_step", "True", "(False,)");
    if (!levels.on_epoch) refuse("on_epoch", "False", "(True,)");
  }
  return levels;
}

}  // namespace levin

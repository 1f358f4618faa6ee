// A strategy in a configuration: one of the Trainer's names, or a registered class.
#include "levin/framework/base/fields.h"
#include "levin/framework/cli/class_fields.h"
#include "levin/framework/strategies/strategy.h"
#include "levin/framework/trainer/trainer_options.h"

namespace levin {

Registry<Strategy>& strategy_registry() {
  static Registry<Strategy> registry("strategy");
  return registry;
}

StrategyOption Field<StrategyOption>::read(const Value& v) {
  register_builtins();
  if (v.is_dict()) return RegisteredField<Strategy>::make(v, strategy_registry());
  if (!v.is_string()) throw TypeError("expected a strategy's name or {\"class_path\": ..., \"init_args\": {...}}, got " + v.type_name() + " " + v.repr(80));
  // Names such as "ddp" or "DDP" are the Trainer's to know; what is a class, or nearly one, is not.
  const std::string name = ClassConfig::read(v).name();
  std::vector<std::string> classes;
  for (const auto& [known, unused] : strategy_registry().entries()) classes.push_back(known);
  if (!nearest_name(name, classes).empty()) return strategy_registry().make(v);
  return v.as_string();
}

}  // namespace levin

// A strategy in a configuration: one of the Trainer's names, or a registered class.
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
  // Names such as "ddp" are the Trainer's to know; a class begins with a capital letter, or is registered.
  const std::string name = ClassConfig::read(v).name();
  const bool is_class = (!name.empty() && name[0] >= 'A' && name[0] <= 'Z') || strategy_registry().entries().contains(name);
  if (is_class) return strategy_registry().make(v);
  return v.as_string();
}

}  // namespace levin

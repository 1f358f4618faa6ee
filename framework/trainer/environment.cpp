// Defaults from the environment: PL_TRAINER_MAX_EPOCHS=3 stands for Trainer({.max_epochs = 3}).
#include <cstdlib>
#include <cctype>

#include "levin/framework/base/class_name.h"
#include "levin/framework/base/json.h"
#include "levin/framework/base/python_format.h"
#include "levin/framework/trainer/trainer_impl.h"

namespace levin {
namespace {

// A Python literal as far as options need it: None, True, False, numbers, lists and dicts; any other text is itself.
Value literal(const std::string& text) {
  if (text == "None") return {};
  if (text == "True") return true;
  if (text == "False") return false;
  if (text.size() >= 2 && (text.front() == '\'' || text.front() == '"') && text.back() == text.front()) return text.substr(1, text.size() - 2);
  try {
    return parse_json(text, "environment");
  } catch (const Error&) {
    return text;
  }
}

std::optional<Value> variable(std::string_view option, std::string& name) {
  name = "PL_TRAINER_";
  for (const char c : option) name += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  const char* text = std::getenv(name.c_str());
  if (!text || !*text) return std::nullopt;
  return literal(text);
}

}  // namespace

Value Field<StrategyOption>::write(const StrategyOption& v) {
  const auto* name = std::get_if<std::string>(&v);
  return name ? Value(*name) : Value(class_name(*std::get<std::shared_ptr<Strategy>>(v)));
}

Plugins Field<Plugins>::read(const Value& v) {
  if (v.is_none() || (v.is_list() && v.size() == 0)) return {};
  throw MisconfigurationException("Found invalid type for plugin " + (v.is_list() ? v.items()[0] : v).repr(60) + ". Expected one of: Precision, CheckpointIO, ClusterEnvironment, " +
                                  "or LayerSync.");
}

ProfilerOption Field<ProfilerOption>::read(const Value& v) {
  if (v.is_none()) return {};
  return v.as_string();
}
Value Field<ProfilerOption>::write(const ProfilerOption& v) {
  const auto* name = std::get_if<std::string>(&v);
  return name ? Value(*name) : Value();
}

TrainerOptions with_environment(TrainerOptions options) {
  TrainerOptions defaults;
  // An option given as its default cannot be told from one not given.
  const auto each = [](TrainerOptions& o, auto&& visit) {
    fields([&](std::string_view name, auto& member, std::string_view) {
      using T = std::remove_cvref_t<decltype(member)>;
      if constexpr (!std::is_same_v<T, Callbacks> && !std::is_same_v<T, Plugins>) visit(name, member);
    }, o);
  };
  std::vector<Value> of_defaults;
  const auto written = [](const auto& member) {
    using T = std::remove_cvref_t<decltype(member)>;
    if constexpr (std::is_same_v<T, LoggerOption>) return Value(static_cast<std::int64_t>(member.index()));
    else if constexpr (std::is_same_v<T, ProfilerOption>) return Value(static_cast<std::int64_t>(member.index()));
    else return Field<T>::write(member);
  };
  each(defaults, [&](std::string_view, auto& member) { of_defaults.push_back(written(member)); });
  std::size_t i = 0;
  each(options, [&](std::string_view option, auto& member) {
    using T = std::remove_cvref_t<decltype(member)>;
    const Value& default_value = of_defaults[i++];
    std::string name;
    const auto given = variable(option, name);
    if (!given || written(member).repr() != default_value.repr()) return;
    try {
      if constexpr (std::is_same_v<T, LoggerOption>) member = given->as_bool();
      else member = Field<T>::read(*given);
    } catch (const Error&) {
      rethrow_at(name);
    }
  });
  return options;
}

}  // namespace levin

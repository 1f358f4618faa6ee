#include "levin/framework/cli/run_config.h"

#include <filesystem>
#include <unistd.h>

#include "levin/framework/base/codec/archive.h"
#include "levin/framework/base/config/catalog.h"
#include "levin/framework/base/config/report.h"
#include "levin/framework/base/console.h"
#include "levin/framework/cli/class_fields.h"
#include "levin/framework/cli/optimizer_registry.h"
#include "levin/framework/data/seed.h"

namespace levin {
namespace {

// A program for one class takes that class's options without its name: {"lr": 0.1} is {"class_path": Class, "init_args": {"lr": 0.1}}.
void wrap_fixed_class(Config& config, const std::string& section, const std::string& class_name) {
  Value* given = class_name.empty() ? nullptr : config.value.as_dict().find(section);
  if (!given || !given->is_dict() || given->find("class_path")) return;
  if (given->find("init_args") && given->size() == 1) {
    (*given)["class_path"] = class_name;
    return;
  }
  const Origins within = config.origins.within(section);
  Value wrapped = Value::dict();
  wrapped["class_path"] = class_name;
  wrapped["init_args"] = *given;
  config.value[section] = std::move(wrapped);
  config.origins.overlay(within, section + ".init_args");
}

void wrap_fixed_classes(Config& config, const CliOptions& options) {
  wrap_fixed_class(config, "model", options.model_class);
  wrap_fixed_class(config, "data", options.data_class);
}

void use_fixed_class(Config& config, const std::string& section, const std::string& class_name) {
  if (class_name.empty()) return;
  Value& given = config.value[section];
  if (given.is_none()) given = Value::dict();
  if (given.is_dict() && !given.find("class_path")) given["class_path"] = class_name;
}

std::vector<std::string> environment_variables() {
  std::vector<std::string> out;
  for (char** at = environ; at && *at; ++at) out.emplace_back(*at);
  return out;
}

std::optional<std::string> config_of_environment(std::string command) {
  for (char& c : command) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  const char* path = std::getenv(("PL_" + command + "__CONFIG").c_str());
  return path && *path ? std::optional<std::string>(path) : std::nullopt;
}

// As in Lightning: what the checkpoint's model was made from takes precedence over the configuration.
void lay_hyperparameters(Config& config) {
  const Value* path = config.value.find("ckpt_path");
  if (!path || !path->is_string() || !std::filesystem::is_regular_file(path->as_string())) return;
  const Value checkpoint = read_archive(path->as_string(), {.verify = false});
  const Value* saved = checkpoint.find("hyper_parameters");
  if (!saved || !saved->is_dict() || saved->size() == 0) return;
  Config over;
  Value model = Value::dict(), init_args = Value::dict();
  for (const auto& [key, value] : saved->as_dict()) {
    if (!key.is_string() || key.as_string() == "_instantiator") continue;
    if (key.as_string() == "_class_path") model["class_path"] = value;
    else init_args[key.as_string()] = value;
  }
  model["init_args"] = init_args;
  over.value["model"] = model;
  over.origins.replace("model", {path->as_string() + " (hyper_parameters)"});
  // A class known by its name alone takes init_args too.
  if (Value* own = config.value.as_dict().find("model"); own && own->is_string()) {
    Value named = Value::dict();
    named["class_path"] = *own;
    *own = std::move(named);
  }
  config.merge(over);
}

Value links_of(const Config& config, const CliOptions& options) {
  Value links = Value::dict();
  for (const auto& [source, target] : options.link_arguments) {
    if (!links.find(source)) links[source] = Value::list();
    links[source].push_back(target);
  }
  const Value* own = config.value.find("link");
  return own && !own->is_none() ? merge_configs(links, *own) : links;
}

// True and nothing: PL_GLOBAL_SEED, else 0; false: none.
std::optional<std::int64_t> seed(const Value& given) {
  if (given.is_bool() && !given.as_bool()) return std::nullopt;
  if (given.is_none() || given.is_bool()) return seed_everything(std::nullopt, /*workers=*/true);
  return seed_everything(Field<std::int64_t>::read(given), /*workers=*/true);
}

}  // namespace

Config gather_config(const CommandLine& line, const CliOptions& options) {
  Config config;
  if (options.trainer_defaults.size() > 0) config.value["trainer"] = options.trainer_defaults.clone();
  for (const Assignment& one : environment_assignments(line.command, environment_variables())) assign(config, one);
  wrap_fixed_classes(config, options);
  std::vector<std::string> files = line.configs;
  if (const auto path = config_of_environment(line.command)) files.insert(files.begin(), *path);
  for (const std::string& path : files) {
    Config file = read_config_file(path, line.command);
    wrap_fixed_classes(file, options);
    config.merge(file);
  }
  use_fixed_class(config, "model", options.model_class);
  use_fixed_class(config, "data", options.data_class);
  for (const Assignment& one : parse_assignments(line.assignments)) assign(config, one);
  if (line.ckpt_path) {
    config.value["ckpt_path"] = *line.ckpt_path;
    config.origins.replace("ckpt_path", {"--ckpt_path=" + *line.ckpt_path});
  }
  lay_hyperparameters(config);
  return config;
}

Value resolve_config(const Config& config, const CliOptions& options) {
  Value out = complete_config(config.value, registered_classes());
  Problems problems;
  problems.collect("link", [&] { apply_links(out, links_of(config, options), config.value); });
  throw_located(config, problems);
  return out;
}

Instances instantiate(const Config& config, Value& resolved, const std::vector<std::shared_ptr<Callback>>& extra) {
  Instances out;
  Problems problems;
  const bool seed_known = resolved.at("seed_everything").is_int() || global_seed();
  std::optional<std::int64_t> seed_used;
  problems.collect("seed_everything", [&] {
    seed_used = seed(resolved.at("seed_everything"));
    resolved["seed_everything"] = seed_used ? Value(*seed_used) : Value(false);
  });
  TrainerOptions trainer_options;
  problems.collect("trainer", [&] {
    Problems within;
    read_fields(resolved.at("trainer"), trainer_options, within);
    within.throw_any();
    trainer_options.callbacks.insert(trainer_options.callbacks.end(), extra.begin(), extra.end());
    out.trainer = std::make_unique<Trainer>(trainer_options);
  });
  if (const Value& data = resolved.at("data"); !data.is_none()) problems.collect("data", [&] { out.data = data_registry().make(data); });
  if (const Value& model = resolved.at("model"); !model.is_none()) {
    problems.collect("model", [&] { out.model = module_registry().make(model); });
    const auto optimizers = read_optimizer_sections(resolved.at("optimizer"), resolved.at("lr_scheduler"), problems);
    if (optimizers && out.model) out.model->set_optimizer_source(optimizers);
  } else {
    std::string names;
    for (const std::string& name : module_registry().names()) names += " " + name;
    problems.add({"", "no model is given; add \"model\": {\"class_path\": ...} to the configuration or --model NAME. Known models:" + names});
  }
  problems.collect("ckpt_path", [&] { out.ckpt_path = Field<std::optional<std::string>>::read(resolved.at("ckpt_path")); });
  throw_located(config, problems);
  if (seed_used && !seed_known) rank_zero_warn("No seed found, seed set to 0");
  if (seed_used) rank_zero_info("Seed set to " + std::to_string(*seed_used));
  return out;
}

}  // namespace levin

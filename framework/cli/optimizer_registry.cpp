#include "levin/framework/cli/optimizer_registry.h"

#include "levin/framework/optim/lbfgs.h"
#include "levin/framework/optim/optimizers.h"
#include "levin/framework/optim/schedulers.h"

namespace levin {
namespace {

using Schedulers = std::vector<std::shared_ptr<SchedulerRecipe>>;

// A list of schedulers within `init_args`, each with its own problems.
Schedulers read_schedulers(const Value& init_args) {
  Schedulers out;
  Problems problems;
  problems.collect("init_args.schedulers", [&] {
    const Value* list = init_args.find("schedulers");
    if (!list || !list->is_list() || list->size() == 0) throw ValueError("expected a list of at least one scheduler, as {\"class_path\": ..., \"init_args\": {...}}");
    Problems each;
    for (std::size_t i = 0; i < list->size(); ++i)
      each.collect(i, [&] { out.push_back(lr_scheduler_registry().make(list->items()[i])); });
    each.throw_any();
  });
  problems.throw_any();
  return out;
}

std::vector<std::shared_ptr<optim::LRScheduler>> make_all(const Schedulers& recipes, const std::shared_ptr<optim::Optimizer>& optimizer) {
  std::vector<std::shared_ptr<optim::LRScheduler>> out;
  for (const auto& recipe : recipes) out.push_back(recipe->make(optimizer));
  return out;
}

// Their options hold schedulers, which are recipes here.
template <class Options, class Make>
void register_composed(const std::string& name, Make make) {
  lr_scheduler_registry().add(name, {
      [make](const Value& init_args) {
        Value rest = init_args.clone();
        const Schedulers recipes = read_schedulers(init_args);
        rest.as_dict().erase("schedulers");
        SchedulerRecipe recipe{[make, recipes, options = read_init_args<Options>(rest)](const std::shared_ptr<optim::Optimizer>& optimizer) mutable {
          options.schedulers = make_all(recipes, optimizer);
          return make(optimizer, options);
        }};
        return std::make_shared<SchedulerRecipe>(std::move(recipe));
      },
      [] { return describe_fields(Options{}); }});
}

void register_schedulers() {
  register_lr_scheduler<optim::StepLR>("StepLR");
  register_lr_scheduler<optim::MultiStepLR>("MultiStepLR");
  register_lr_scheduler<optim::ConstantLR>("ConstantLR");
  register_lr_scheduler<optim::LinearLR>("LinearLR");
  register_lr_scheduler<optim::ExponentialLR>("ExponentialLR");
  register_lr_scheduler<optim::PolynomialLR>("PolynomialLR");
  register_lr_scheduler<optim::CosineAnnealingLR>("CosineAnnealingLR");
  register_lr_scheduler<optim::CosineAnnealingWarmRestarts>("CosineAnnealingWarmRestarts");
  register_lr_scheduler<optim::CyclicLR>("CyclicLR");
  register_lr_scheduler<optim::OneCycleLR>("OneCycleLR");
  register_lr_scheduler<optim::ReduceLROnPlateau>("ReduceLROnPlateau");
  register_composed<optim::SequentialLROptions>("SequentialLR", [](const auto& optimizer, const optim::SequentialLROptions& options) {
    return std::make_shared<optim::SequentialLR>(optimizer, options);
  });
  register_composed<optim::ChainedSchedulerOptions>("ChainedScheduler", [](const auto& optimizer, const optim::ChainedSchedulerOptions& options) {
    return std::make_shared<optim::ChainedScheduler>(options.schedulers, optimizer);
  });
}

void register_optimizers() {
  register_optimizer<optim::Adadelta>("Adadelta");
  register_optimizer<optim::Adagrad>("Adagrad");
  register_optimizer<optim::Adam>("Adam");
  register_optimizer<optim::AdamW>("AdamW");
  register_optimizer<optim::LBFGS>("LBFGS");
  register_optimizer<optim::Lion>("Lion");
  register_optimizer<optim::Muon>("Muon");
  register_optimizer<optim::NAdam>("NAdam");
  register_optimizer<optim::RAdam>("RAdam");
  register_optimizer<optim::RMSprop>("RMSprop");
  register_optimizer<optim::SGD>("SGD");
}

// When a scheduler steps: what stands beside class_path and init_args.
struct Schedule {
  std::optional<std::string> name = std::nullopt;
  std::string interval = "epoch";
  std::int64_t frequency = 1;
  std::optional<std::string> monitor = std::nullopt;
  bool strict = true;
};
template <class V>
void fields(V&& f, Schedule& o) {
  f("name", o.name, "what LearningRateMonitor calls it; null: lr- and the optimizer's name");
  f("interval", o.interval, "when it steps: epoch or step");
  f("frequency", o.frequency, "it steps every n-th epoch or batch");
  f("monitor", o.monitor, "the metric that ReduceLROnPlateau watches");
  f("strict", o.strict, "a metric that is missing is an error; false: a warning");
}

// Takes the schedule out of the section and leaves the class.
Schedule take_schedule(Value& section) {
  Schedule schedule;
  if (!section.is_dict()) return schedule;
  Value given = Value::dict();
  fields([&](std::string_view name, auto&, std::string_view) {
    if (const Value* value = section.find(name)) given[name] = *value;
    section.as_dict().erase(name);
  }, schedule);
  Problems problems;
  read_fields(given, schedule, problems);
  if (schedule.interval != "epoch" && schedule.interval != "step")
    problems.add({"interval", "can be \"epoch\" or \"step\", got '" + schedule.interval + "'"});
  problems.throw_any();
  return schedule;
}

}  // namespace

Registry<OptimizerRecipe>& optimizer_registry() {
  static Registry<OptimizerRecipe> registry("optimizer");
  return registry;
}
Registry<SchedulerRecipe>& lr_scheduler_registry() {
  static Registry<SchedulerRecipe> registry("lr scheduler");
  return registry;
}

void register_builtin_optimizers() {
  register_optimizers();
  register_schedulers();
}

std::vector<FieldDescription> describe_schedule() { return describe_fields(Schedule{}); }

std::function<OptimizerConfig(LightningModule&)> read_optimizer_sections(const Value& optimizer, const Value& lr_scheduler, Problems& problems) {
  std::shared_ptr<OptimizerRecipe> recipe;
  std::shared_ptr<SchedulerRecipe> scheduler_recipe;
  Schedule schedule;
  if (!optimizer.is_none()) problems.collect("optimizer", [&] { recipe = optimizer_registry().make(optimizer); });
  if (!lr_scheduler.is_none()) {
    problems.collect("lr_scheduler", [&] {
      Value section = lr_scheduler.clone();
      schedule = take_schedule(section);
      scheduler_recipe = lr_scheduler_registry().make(section);
    });
    if (optimizer.is_none()) problems.add({"lr_scheduler", "needs an \"optimizer\" section, as in \"optimizer\": {\"class_path\": \"AdamW\"}"});
  }
  if (!recipe) return {};
  return [recipe, scheduler_recipe, schedule](LightningModule& module) -> OptimizerConfig {
    OptimizerWithScheduler out{.optimizer = recipe->make(module.parameters())};
    if (scheduler_recipe) {
      out.lr_scheduler = LRSchedulerConfig{.scheduler = scheduler_recipe->make(out.optimizer),
                                           .name = schedule.name,
                                           .interval = schedule.interval,
                                           .frequency = schedule.frequency,
                                           .monitor = schedule.monitor,
                                           .strict = schedule.strict};
    }
    return out;
  };
}

}  // namespace levin

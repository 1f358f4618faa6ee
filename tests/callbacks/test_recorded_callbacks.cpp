// Trainings with callbacks, recorded from Python Lightning by tests/conformance/record_callbacks.py and repeated here.
#include <algorithm>
#include <filesystem>

#include "levin/callbacks/backbone_finetuning.h"
#include "levin/callbacks/lambda_callback.h"
#include "levin/callbacks/model_checkpoint.h"
#include "levin/callbacks/throughput_monitor.h"
#include "levin/framework/base/codec/archive.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/json.h"
#include "levin/framework/checkpoint/checkpoint_io.h"
#include "levin/framework/cli/class_fields.h"
#include "levin/framework/cli/registry.h"
#include "support/callback_net.h"
#include "support/catch.h"
#include "support/temporary_folder.h"

using callback_net::Net;
using callback_net::number;
using callback_net::Rows;
using levin::Value;

namespace {

constexpr double tolerance = 1e-6;

/// Files as Lightning's: a resume then goes on where Lightning would.
class WithoutLevin final : public levin::CheckpointIO {
  void save_checkpoint(const Value& checkpoint, const std::string& path) override {
    Value plain = checkpoint.clone();
    plain.as_dict().erase("levin");
    CheckpointIO::save_checkpoint(plain, path);
  }
};

/// Goes on by half a second whenever it is read.
class Ticks final : public levin::Clock {
 public:
  double now() const override { return now_ += 0.5; }
  double wall() const override { return 0; }
  mutable double now_ = 0;
};
Ticks ticks;

std::shared_ptr<levin::Callback> make_throughput_monitor(const Value& init_args, const Value& model) {
  levin::ThroughputMonitorOptions options{.window_size = init_args.contains("window_size") ? init_args.at("window_size").as_int() : 100};
  if (const Value* separator = init_args.find("separator")) options.separator = separator->as_string();
  if (init_args.contains("length_fn")) options.length_fn = [](const levin::Batch& batch) { return batch[0].tensor().numel(); };
  if (const Value* flops = model.find("flops_per_batch")) options.flops_per_batch = flops->as_int();
  ticks.now_ = 0;
  return std::make_shared<levin::ThroughputMonitor>(options, ticks);
}

std::shared_ptr<levin::Callback> make_callback(const Value& spec, const Value& model) {
  const std::string& name = spec.at("class").as_string();
  Value init_args = spec.at("init_args").clone();
  if (name == "ThroughputMonitor") return make_throughput_monitor(init_args, model);
  if (!init_args.contains("lambda_func")) return levin::callback_registry().make(levin::Dict{{"class_path", name}, {"init_args", init_args}});
  init_args.as_dict().erase("lambda_func");
  levin::BackboneFinetuningOptions options;
  levin::read_fields(init_args, options, name);
  options.lambda_func = [](std::int64_t) { return 1.5; };
  return levin::make<levin::BackboneFinetuning>(options);
}

bool close(double expected, double got) {
  if (std::isnan(expected)) return std::isnan(got);
  return expected == got || std::abs(expected - got) <= tolerance * std::max(1.0, std::abs(expected));
}

void check_numbers(const char* what, const Value& expected, const std::vector<double>& got) {
  INFO(what << ": expected " << expected.repr(300) << ", got " << Value::list({got.begin(), got.end()}).repr(300));
  bool same = expected.size() == got.size();
  for (std::size_t i = 0; same && i < got.size(); ++i) same = close(number(expected.items()[i]), got[i]);
  CHECK(same);
}

void check_weights(const char* what, const Value& expected, const callback_net::Weights& got) {
  CHECK(expected.size() == got.size());
  for (const auto& [name, values] : expected.as_dict()) {
    INFO(what << " " << name.as_string());
    REQUIRE(got.count(name.as_string()) == 1);
    check_numbers("weights", values, got.at(name.as_string()));
  }
}

void check_metrics(const Value& expected, const std::map<std::string, double>& got) {
  std::vector<std::string> names, wanted;
  for (const auto& [name, value] : got) names.push_back(name);
  for (const auto& [name, value] : expected.as_dict()) wanted.push_back(name.as_string());
  CHECK(names == wanted);
  for (const auto& [name, value] : expected.as_dict()) {
    if (!got.count(name.as_string())) continue;
    if (name.as_string().starts_with("DeviceStatsMonitor")) {  // the machine's own
      CHECK((got.at(name.as_string()) >= 0 && got.at(name.as_string()) <= 100));
      continue;
    }
    INFO(name.as_string() << " " << value.repr() << " " << got.at(name.as_string()));
    CHECK(close(number(value), got.at(name.as_string())));
  }
}

// States with tensors as numbers.
void check_state(const std::string& path, const Value& expected, const Value& got) {
  INFO(path << ": expected " << expected.repr() << ", got " << got.repr());
  if (expected.is_dict()) {
    REQUIRE(got.is_dict());
    std::vector<std::string> names, wanted;
    for (const auto& [name, value] : got.as_dict()) names.push_back(name.is_string() ? name.as_string() : name.repr());
    for (const auto& [name, value] : expected.as_dict()) wanted.push_back(name.as_string());
    CHECK(names == wanted);
    if (names != wanted) return;
    for (std::size_t i = 0; i < names.size(); ++i)
      check_state(path + "." + names[i], (expected.as_dict().begin() + static_cast<std::ptrdiff_t>(i))->second,
                  (got.as_dict().begin() + static_cast<std::ptrdiff_t>(i))->second);
  } else if (expected.is_list() && got.is_tensor()) {
    check_numbers(path.c_str(), expected, callback_net::flat(levin::to_tensor(got.as_tensor())));
  } else if (expected.is_list()) {
    REQUIRE((got.is_list() || got.is_tuple()));
    REQUIRE(got.size() == expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) check_state(path + "[]", expected.items()[i], got.items()[i]);
  } else if (expected.is_number() || (expected.is_string() && got.is_tensor())) {
    CHECK(close(number(expected), got.number()));
  } else {
    CHECK(expected.repr() == got.repr());
  }
}

bool of_a_callback(const std::string& text) {
  for (const char* other : {"`Trainer.fit` stopped", "Restor"})
    if (text.starts_with(other)) return false;
  return true;
}

void check_run(const Value& spec, const Value& expected, const std::string& folder, std::optional<std::string> ckpt_path) {
  Net net(spec.at("model"));
  const auto logger = std::make_shared<Rows>();
  levin::Callbacks callbacks;
  for (const Value& callback : spec.at("callbacks").items()) callbacks.push_back(make_callback(callback, spec.at("model")));
  const levin::Callbacks given = callbacks;
  callbacks.push_back(levin::make<levin::ModelCheckpoint>({.dirpath = folder, .filename = "{epoch}", .save_top_k = -1, .every_n_epochs = 1,
                                                           .save_on_train_epoch_end = true, .enable_version_counter = false}));
  levin::CapturedMessages messages;
  Value arguments = spec.at("trainer").clone();
  if (!arguments.contains("log_every_n_steps")) arguments["log_every_n_steps"] = 1;
  levin::TrainerOptions options;
  levin::read_fields(arguments, options, "trainer");
  options.logger = std::shared_ptr<levin::Logger>(logger);
  options.callbacks = callbacks;
  options.enable_progress_bar = options.enable_model_summary = false;
  options.plugins = {std::make_shared<WithoutLevin>()};
  levin::Trainer trainer(options);
  trainer.fit(net, {.ckpt_path = ckpt_path});

  CHECK(trainer.current_epoch() == expected.at("current_epoch").as_int());
  CHECK(trainer.global_step() == expected.at("global_step").as_int());
  CHECK(trainer.max_epochs() == expected.at("max_epochs").as_int());
  CHECK(trainer.accumulate_grad_batches() == expected.at("accumulate").as_int());
  check_numbers("losses", expected.at("losses"), net.losses);
  check_numbers("val_losses", expected.at("val_losses"), net.val_losses);
  const levin::List& rates = expected.at("rates").items();
  REQUIRE(rates.size() == net.rates.size());
  for (std::size_t i = 0; i < rates.size(); ++i) check_numbers("rates", rates[i], net.rates[i]);
  const levin::List& epochs = expected.at("epochs").items();
  REQUIRE(epochs.size() == net.epochs.size());
  for (std::size_t i = 0; i < epochs.size(); ++i) {
    INFO("epoch " << net.epochs[i].epoch);
    CHECK(epochs[i].at("epoch").as_int() == net.epochs[i].epoch);
    CHECK(epochs[i].at("step").as_int() == net.epochs[i].step);
    CHECK(epochs[i].at("accumulate").as_int() == net.epochs[i].accumulate);
    CHECK(epochs[i].at("trains").repr(9999) == Value::list({net.epochs[i].trains.begin(), net.epochs[i].trains.end()}).repr(9999));
    check_weights("epoch", epochs[i].at("weights"), net.epochs[i].weights);
  }
  check_weights("final", expected.at("final"), net.weights());
  const levin::List& rows = expected.at("logged").items();
  REQUIRE(rows.size() == logger->rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    INFO("row " << i);
    CHECK(rows[i].at("step").as_int() == logger->rows[i].step);
    check_metrics(rows[i].at("metrics"), logger->rows[i].metrics);
  }
  std::map<std::string, double> metrics;
  for (const auto& [name, value] : trainer.callback_metrics()) metrics[name] = value.item();
  check_metrics(expected.at("callback_metrics"), metrics);

  Value states = Value::dict();
  for (const auto& callback : given)
    if (const Value state = callback->state_dict(); !state.is_none()) states[callback->state_key()] = state;
  check_state("states", expected.at("states"), states);

  std::vector<std::string> infos, said;
  for (const std::string& text : messages.infos())
    if (of_a_callback(text)) infos.push_back(text);
  for (const Value& text : expected.at("infos").items()) said.push_back(text.as_string());
  CHECK(infos == said);
  std::set<std::string> warnings;
  for (const std::string& text : messages.warnings()) warnings.insert(text.substr(0, 60));
  for (const Value& text : expected.at("warnings").items()) {
    INFO(text.as_string());
    CHECK(warnings.count(text.as_string().substr(0, 60)) == 1);
  }
}

void check_file(const Value& expected, const std::string& path) {
  const Value checkpoint = levin::read_archive(path);
  std::vector<std::string> keys, wanted, callbacks, of_callbacks;
  for (const auto& [key, value] : checkpoint.as_dict()) keys.push_back(key.as_string());
  for (const Value& key : expected.at("keys").items()) wanted.push_back(key.as_string());
  CHECK(keys == wanted);
  for (const auto& [key, value] : checkpoint.at("callbacks").as_dict())
    if (!key.as_string().starts_with("ModelCheckpoint")) callbacks.push_back(key.as_string());
  for (const Value& key : expected.at("callbacks").items()) of_callbacks.push_back(key.as_string());
  CHECK(callbacks == of_callbacks);
  for (const char* key : {"state_dict", "current_model_state", "averaging_state"})
    if (const Value* weights = expected.find(key)) check_state(key, *weights, checkpoint.at(key));
}

void check_scenarios(const std::string& prefix) {
  levin::register_builtins();
  int played = 0;
  const Value recorded = levin::read_json_file(LEVIN_SOURCE_DIR "/tests/conformance/golden/callbacks.json");
  for (const Value& spec : recorded.items()) {
    const std::string& name = spec.at("name").as_string();
    if (!name.starts_with(prefix)) continue;
    INFO("scenario \"" << name << "\"");
    ++played;
    const TemporaryFolder folder, other;
    check_run(spec, spec.at("runs").items()[0], folder.path(), std::nullopt);
    std::int64_t last = -1;
    for (const std::string& file : folder.names()) last = std::max<std::int64_t>(last, std::stoll(file.substr(std::string("epoch=").size())));
    check_file(spec.at("file"), folder / ("epoch=" + std::to_string(last) + ".ckpt"));
    if (spec.at("resume").is_none()) continue;
    INFO("resumed");
    check_run(spec, spec.at("runs").items()[1], other.path(), folder / ("epoch=" + std::to_string(spec.at("resume").as_int()) + ".ckpt"));
  }
  CHECK(played >= 1);
}

}  // namespace

TEST_CASE("weight averages are Lightning's, in validation, in files, and after a resume") {
  check_scenarios("average");
  check_scenarios("ema");
}
TEST_CASE("stochastic weight averaging is Lightning's: rates, averages, the pass for batch normalization") { check_scenarios("swa"); }
TEST_CASE("a backbone is frozen and unfrozen as in Lightning") { check_scenarios("backbone"); }
TEST_CASE("accumulation changes between epochs as in Lightning") { check_scenarios("accumulation"); }
TEST_CASE("a run stops early where Lightning stops it, for the same reason and in the same words") { check_scenarios("stop"); }
TEST_CASE("throughput is computed and logged as in Lightning") { check_scenarios("speed"); }
TEST_CASE("the machine's numbers are logged under Lightning's names, at its steps") { check_scenarios("hardware"); }
TEST_CASE("learning rates are logged as in Lightning: names, values, steps") { check_scenarios("rates"); }

namespace {

levin::TrainerOptions of_monitor(const levin::Callbacks& callbacks, std::shared_ptr<levin::Logger> logger, std::int64_t max_epochs) {
  return {.logger = std::move(logger), .callbacks = callbacks, .max_epochs = max_epochs, .log_every_n_steps = 1, .enable_checkpointing = false,
          .enable_progress_bar = false, .enable_model_summary = false};
}

}  // namespace

TEST_CASE("rows of callbacks don't wait for a logger that saves by itself") {
  struct Counts final : levin::Logger {
    explicit Counts(bool by_itself) : by_itself_(by_itself) {}
    std::string name() const override { return "counts"; }
    std::string version() const override { return "0"; }
    void log_metrics(std::span<const levin::Metric>, std::int64_t) override { ++rows; }
    void save() override { ++saves; }
    bool saves_by_itself() const override { return by_itself_; }
    int rows = 0, saves = 0;

   private:
    bool by_itself_;
  };
  for (const bool by_itself : {false, true}) {
    levin::CapturedMessages messages;
    const auto logger = std::make_shared<Counts>(by_itself);
    Net net;
    levin::Trainer trainer(of_monitor({levin::make<levin::ThroughputMonitor>({.window_size = 2})}, logger, 3));
    trainer.fit(net);
    CHECK(logger->rows >= 9);
    CHECK((logger->saves >= logger->rows) == !by_itself);
  }
}

TEST_CASE("throughput's clock is the run's own when it goes on at a validation's end") {
  const TemporaryFolder folder;
  levin::CapturedMessages messages;
  const auto fit = [&](std::int64_t max_epochs, std::optional<std::string> ckpt_path) {
    const auto saves = levin::make<levin::LambdaCallback>({.on_validation_end = [&](levin::Trainer& trainer, levin::LightningModule&) {
      if (!trainer.sanity_checking() && !ckpt_path) trainer.save_checkpoint(folder / "validated.ckpt");
    }});
    const auto logger = std::make_shared<Rows>();
    Net net;
    ticks.now_ = 1000;
    const auto monitor = std::make_shared<levin::ThroughputMonitor>(levin::ThroughputMonitorOptions{.window_size = 2}, ticks);
    levin::Trainer trainer(of_monitor({saves, monitor}, logger, max_epochs));
    trainer.fit(net, {.ckpt_path = ckpt_path});
    return logger->rows;
  };
  fit(1, std::nullopt);
  int rows = 0;
  for (const Rows::Row& row : fit(2, folder / "validated.ckpt")) {
    if (!row.metrics.contains("train/time")) continue;
    ++rows;
    CHECK(row.metrics.at("train/time") < 100);
  }
  CHECK(rows == 3);
}

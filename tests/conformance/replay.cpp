// levin-replay FILE: plays recorded scenarios on levin's Trainer and prints a result object per line. See README.md.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>

#include "conformance/replay_model.h"
#include "levin/callbacks/early_stopping.h"
#include "levin/callbacks/gradient_accumulation_scheduler.h"
#include "levin/callbacks/model_checkpoint.h"
#include "levin/framework/base/codec/archive.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/json.h"
#include "levin/framework/cli/class_fields.h"
#include "levin/framework/cli/registry.h"
#include "levin/framework/trainer/trainer.h"

namespace fs = std::filesystem;
using levin::Dict;
using levin::Value;
using replay::Record;

namespace {

Value merged(const Value& scenario, const Value& run, const char* key) {
  Value out = Value::dict();
  for (const Value* from : {scenario.find(key), run.find(key)}) {
    if (!from || from->is_none()) continue;
    for (const auto& [name, value] : from->as_dict()) out.as_dict().set(name, value);
  }
  return out;
}

std::string relative(const std::string& path, const std::string& root) {
  return path.starts_with(root + "/") ? path.substr(root.size() + 1) : path;
}

/// Writes what the Trainer writes, without the `levin` block (recorded behaviour is Lightning's own), and notes it.
class RecordingIO : public levin::CheckpointIO {
 public:
  RecordingIO(std::string root, Record& record) : root_(std::move(root)), record_(record) {}
  void save_checkpoint(const Value& checkpoint, const std::string& path) override {
    Value plain = checkpoint.clone();
    plain.as_dict().erase("levin");
    record_.events.push_back(Dict{{"save", relative(path, root_)}, {"epoch", checkpoint.at("epoch")}, {"global_step", checkpoint.at("global_step")}});
    CheckpointIO::save_checkpoint(plain, path);
  }
  void remove_checkpoint(const std::string& path) override {
    Value event = Value::dict();
    event["remove"] = relative(path, root_);
    record_.events.push_back(event);
    CheckpointIO::remove_checkpoint(path);
  }

 private:
  std::string root_;
  Record& record_;
};

/// Tensors as numbers, NaN and infinities as strings, paths within the working folder.
Value scrubbed(const Value& v, const std::string& root) {
  switch (v.kind()) {
    case Value::Kind::floating: return replay::plain(v.as_double());
    case Value::Kind::tensor: return replay::plain(v.number());
    case Value::Kind::string: {
      std::string text = v.as_string();
      for (std::size_t at; (at = text.find(root + "/")) != text.npos;) text.erase(at, root.size() + 1);
      for (std::size_t at; (at = text.find(root)) != text.npos;) text.replace(at, root.size(), ".");
      return text;
    }
    case Value::Kind::list: case Value::Kind::tuple: {
      Value out = Value::list();
      for (const Value& item : v.items()) out.push_back(scrubbed(item, root));
      return out;
    }
    case Value::Kind::dict: {
      Value out = Value::dict();
      for (const auto& [key, item] : v.as_dict()) out.as_dict().set(scrubbed(key, root), scrubbed(item, root));
      return out;
    }
    default: return v;
  }
}

Value numbers(const at::Tensor& tensor) {
  Value out = Value::list();
  const at::Tensor flat = tensor.detach().flatten();
  for (std::int64_t i = 0; i < flat.numel(); ++i) out.push_back(replay::plain(flat[i].item<double>()));
  return flat.numel() == 1 ? out.items()[0] : out;
}

Value to_dict(const levin::MetricMap& metrics) {
  std::map<std::string, double> sorted;
  for (const auto& [name, value] : metrics) sorted[name] = value.item();
  Value out = Value::dict();
  for (const auto& [name, value] : sorted) out[name] = replay::plain(value);
  return out;
}

levin::Loaders loaders(const Value& data, const char* kind) {
  const Value* given = data.find(kind);
  const Value* size = data.find("batch_size");
  const std::int64_t batch_size = size ? size->as_int() : 1;
  std::vector<std::shared_ptr<levin::Loader>> out;
  if (!given || given->is_none()) return {};
  if (given->is_list()) {
    for (const Value& n : given->items()) out.push_back(std::make_shared<replay::ResumableLoader>(n.as_int(), batch_size));
  } else if (given->as_int() > 0) {
    out.push_back(std::make_shared<replay::ResumableLoader>(given->as_int(), batch_size));
  }
  return out;
}

Value play_run(const Value& scenario, const Value& run, const std::string& root, std::shared_ptr<replay::Model>& model) {
  Record record;
  const Value spec = merged(scenario, run, "module");
  const Value* fresh = run.find("fresh_module");
  if (!model || !fresh || fresh->as_bool()) model = std::make_shared<replay::Model>(spec);
  model->note_overrides(levin::overrides_of<replay::Model>());
  model->begin(spec, record);

  Value result = Value::dict();
  std::unique_ptr<levin::Trainer> trainer;
  std::vector<std::shared_ptr<levin::Callback>> callbacks{replay::make_recorder(record)};
  try {
    const Value* items = run.find("callbacks") ? run.find("callbacks") : scenario.find("callbacks");
    if (items) {
      for (const Value& item : items->items()) {
        Value config = Value::dict();
        config["class_path"] = item.at("class");
        if (const Value* args = item.find("init_args")) config["init_args"] = *args;
        callbacks.push_back(levin::callback_registry().make(config));
      }
    }
    levin::TrainerOptions options;
    Value arguments = merged(scenario, run, "trainer");
    levin::read_fields(arguments, options, "trainer");
    options.callbacks = callbacks;
    options.default_root_dir = root;
    options.enable_progress_bar = options.enable_model_summary = false;
    options.plugins = {std::make_shared<RecordingIO>(root, record)};
    const Value* logger = scenario.find("logger");
    if (logger && !logger->as_bool()) options.logger = false;
    else options.logger = std::shared_ptr<levin::Logger>(std::make_shared<replay::RecLogger>(root, record));
    trainer = std::make_unique<levin::Trainer>(options);

    const Value data = merged(scenario, run, "data");
    const Value* path = run.find("ckpt_path");
    std::optional<std::string> ckpt_path;
    if (path && !path->is_none()) ckpt_path = path->as_string();
    const Value* fn = run.find("fn");
    const std::string what = fn ? fn->as_string() : "fit";
    if (what == "fit") {
      trainer->fit(*model, {.train = loaders(data, "train"), .val = loaders(data, "val"), .ckpt_path = ckpt_path});
    } else if (what == "predict") {
      const auto predictions = trainer->predict(*model, {.dataloaders = loaders(data, "predict"), .ckpt_path = ckpt_path});
      Value returned = Value::list();
      for (const auto& loader : predictions)
        for (const auto& output : loader) returned.push_back(numbers(output.tensor()));
      result["returned"] = returned;
    } else {
      const levin::EvaluateArguments evaluate{.dataloaders = loaders(data, what == "test" ? "test" : "val"), .ckpt_path = ckpt_path, .verbose = false};
      Value returned = Value::list();
      for (const auto& metrics : what == "test" ? trainer->test(*model, evaluate) : trainer->validate(*model, evaluate)) returned.push_back(to_dict(metrics));
      result["returned"] = returned;
    }
    result["outcome"] = "ok";
  } catch (const std::exception& error) {
    result["outcome"] = Dict{{"error", levin::exception_name(error)}, {"message", std::string(error.what())}};
    if (!trainer) return result;
  }
  result["hooks"] = record.hooks;
  result["logged"] = record.logged;
  result["events"] = record.events;
  result["callback_metrics"] = to_dict(trainer->callback_metrics());
  result["current_epoch"] = trainer->current_epoch();
  result["global_step"] = trainer->global_step();
  result["should_stop"] = trainer->should_stop();
  result["w"] = numbers(model->w);
  Value states = Value::dict();
  for (const auto& callback : trainer->callbacks()) {
    const Value state = callback->state_dict();
    if (!state.is_none() && state.size() > 0) states[callback->state_key()] = state;
  }
  result["callback_states"] = states;
  return result;
}

Value list_files(const std::string& root) {
  std::map<std::string, Value> sorted;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (entry.is_directory() && !entry.is_symlink()) continue;
    const std::string path = entry.path(), name = entry.path().filename();
    Value& file = sorted[relative(path, root)] = Value::dict();
    if (name.find(".ckpt") == name.npos) continue;
    if (entry.is_symlink()) {
      file["link"] = fs::read_symlink(entry.path()).filename().string();
      continue;
    }
    const Value checkpoint = levin::read_archive(path);
    file["epoch"] = checkpoint.at("epoch");
    file["global_step"] = checkpoint.at("global_step");
    const levin::TensorRef& w = checkpoint.at("state_dict").at("w").as_tensor();
    const auto* first = static_cast<const float*>(w.storage->data);
    file["w"] = Value::list({replay::plain(first[0]), replay::plain(first[1])});
    std::vector<std::string> keys;
    for (const auto& [key, value] : checkpoint.as_dict()) keys.push_back(key.as_string());
    std::sort(keys.begin(), keys.end());
    file["keys"] = Value::list(levin::List(keys.begin(), keys.end()));
    Value loops = checkpoint.at("loops").at("fit_loop").clone();
    loops.as_dict().erase("state_dict");
    file["loops"] = loops;
  }
  Value out = Value::dict();
  for (auto& [name, file] : sorted) out[name] = file;
  return out;
}

Value play(const Value& scenario) {
  // On a memory file system: saves are durable, and there are many.
  std::string pattern = (fs::is_directory("/dev/shm") ? "/dev/shm" : fs::temp_directory_path().string()) + "/levin-replay-XXXXXX";
  if (!::mkdtemp(pattern.data())) throw levin::OSError(pattern + ": can't be made");
  const std::string root = fs::canonical(pattern);
  const fs::path before = fs::current_path();
  fs::current_path(root);
  Value out = Value::dict(), runs = Value::list();
  out["id"] = scenario.at("id");
  std::shared_ptr<replay::Model> model;
  for (const Value& run : scenario.at("runs").items()) runs.push_back(play_run(scenario, run, root, model));
  out["runs"] = runs;
  out["files"] = list_files(root);
  fs::current_path(before);
  fs::remove_all(root);
  return scrubbed(out, root);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: levin-replay FILE (a scenario per line)\n";
    return 2;
  }
  levin::register_builtins();
  const levin::CapturedMessages quiet;
  std::ifstream file(argv[1]);
  for (std::string line; std::getline(file, line);)
    if (!line.empty()) std::cout << levin::dump_json(play(levin::parse_json(line, argv[1])), -1) << "\n";
  return 0;
}

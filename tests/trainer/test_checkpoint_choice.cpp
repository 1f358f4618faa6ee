// Which checkpoint a run goes on from, what stays on the disk, and models made from checkpoints.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "levin/callbacks/model_checkpoint.h"
#include "levin/callbacks/on_exception_checkpoint.h"
#include "levin/framework/base/codec/archive.h"
#include "levin/framework/base/codec/durable_file.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/folder_lock.h"
#include "levin/framework/checkpoint/async_checkpoint_io.h"
#include "levin/framework/module/load_from_checkpoint.h"
#include "support/catch.h"
#include "support/tiny_module.h"

namespace {

namespace fs = std::filesystem;
using levin::ModelCheckpointOptions;

using Names = std::vector<std::string>;

void damage(const std::string& path) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(fs::file_size(path)) / 2);
  file.put('\x5a');
}

void rewrite(const std::string& path, const levin::Value& checkpoint) {
  levin::write_durably(levin::real_files(), path, [&](levin::ByteSink& sink) { levin::write_archive(checkpoint, sink); });
}

struct Result {
  std::string ckpt_path;
  std::int64_t step;
  std::vector<std::string> warnings;
};

// Trains a tiny module with `last` and the two newest-named checkpoints in `folder`.
Result train(const std::string& folder, std::int64_t epochs, levin::FitArguments arguments = {},
             ModelCheckpointOptions options = {.filename = "{step}", .save_last = true, .save_top_k = -1}) {
  levin::CapturedMessages messages;
  TinyModule module;
  options.dirpath = folder;
  levin::Trainer trainer(quiet({.callbacks = {levin::make<levin::ModelCheckpoint>(options)}, .max_epochs = epochs, .default_root_dir = folder}));
  arguments.train = tiny_data(3);
  trainer.fit(module, std::move(arguments));
  return {trainer.ckpt_path(), trainer.global_step(), messages.warnings()};
}

bool any_contains(const std::vector<std::string>& texts, const std::string& part) {
  return std::any_of(texts.begin(), texts.end(), [&](const auto& text) { return text.find(part) != text.npos; });
}

}  // namespace

TEST_CASE("ckpt_path last goes by what is inside the files, whatever their dates") {
  const TemporaryFolder folder;
  train(folder.path(), 2);
  fs::copy_file(folder / "last.ckpt", folder / "last-v1.ckpt");
  train(folder.path(), 3, {.ckpt_path = folder / "last.ckpt"});
  // The oldest gets the newest date.
  fs::last_write_time(folder / "last-v1.ckpt", fs::file_time_type::clock::now() + std::chrono::hours(24));
  CHECK(train(folder.path(), 4, {.ckpt_path = "last"}).ckpt_path == folder / "last.ckpt");
}

TEST_CASE("a damaged last gives way to the newest other checkpoint, and says so; strict refuses") {
  const TemporaryFolder folder;
  train(folder.path(), 3);
  CHECK(folder.names() == Names{"last.ckpt", "step=3.ckpt", "step=6.ckpt", "step=9.ckpt"});
  damage(folder / "last.ckpt");
  CHECK_THROWS_WITH(train(folder.path(), 4, {.ckpt_path = "last", .strict_ckpt = true}),
                    Catch::Contains("last.ckpt can't be used: can't read the checkpoint"));
  damage(folder / "step=9.ckpt");
  const Result resumed = train(folder.path(), 3, {.ckpt_path = "last"});
  CHECK(resumed.ckpt_path == folder / "step=6.ckpt");
  CHECK(resumed.step == 9);
  CHECK(any_contains(resumed.warnings, "last.ckpt can't be used"));
  CHECK(any_contains(resumed.warnings, "going on from the newest other one, " + folder.path() + "/step=6.ckpt"));
}

TEST_CASE("truncated anywhere, last is passed over and nothing is lost") {
  const TemporaryFolder folder;
  train(folder.path(), 2);
  const auto size = fs::file_size(folder / "last.ckpt");
  for (int percent = 0; percent < 100; percent += 10) {
    fs::resize_file(folder / "last.ckpt", size * static_cast<std::uintmax_t>(percent) / 100);
    INFO(percent << " %");
    const TemporaryFolder copy;
    fs::copy(folder.path(), copy.path(), fs::copy_options::recursive);
    CHECK(train(copy.path(), 3, {.ckpt_path = "last"}).ckpt_path == copy / "step=6.ckpt");
    fs::remove(folder / "last.ckpt");
    fs::copy_file(folder / "step=6.ckpt", folder / "last.ckpt");
  }
}

TEST_CASE("a run that comes again to a save it had made before it was killed writes the same name") {
  const TemporaryFolder folder;
  ModelCheckpointOptions options{.filename = "{step}", .monitor = "step", .save_last = true, .save_top_k = 2, .mode = "max", .every_n_train_steps = 1};
  train(folder.path(), 1, {}, options);
  const TemporaryFolder aside;
  fs::copy_file(folder / "last.ckpt", aside / "last.ckpt");
  train(folder.path(), 2, {.ckpt_path = "last"}, options);
  CHECK(folder.names() == Names{"last.ckpt", "step=5.ckpt", "step=6.ckpt"});
  // As after a kill before `last` was written anew: it is the one of step 3.
  fs::copy_file(aside / "last.ckpt", folder / "last.ckpt", fs::copy_options::overwrite_existing);
  const Result resumed = train(folder.path(), 2, {.ckpt_path = "last"}, options);
  CHECK(resumed.ckpt_path == folder / "last.ckpt");
  CHECK(resumed.step == 6);
  for (const std::string& name : folder.names()) CHECK(name.find("-v") == name.npos);
}

TEST_CASE("SIGTERM saves an hpc checkpoint at the next step boundary; hpc and last go on from it") {
  const TemporaryFolder folder;
  levin::CapturedMessages messages;
  class Terminated : public TinyModule {
    void on_train_batch_end(const levin::StepOutput&, const levin::Batch&, std::int64_t) override {
      if (global_step() == 4) std::raise(SIGTERM);
    }
  };
  TinyModule whole;
  levin::Trainer reference(quiet({.max_epochs = 4, .enable_checkpointing = false}));
  reference.fit(whole, {.train = tiny_data(3)});

  Terminated module;
  levin::Trainer trainer(quiet({.max_epochs = 4, .enable_checkpointing = false, .default_root_dir = folder.path()}));
  try {
    trainer.fit(module, {.train = tiny_data(3)});
    FAIL("SIGTERM was not noticed");
  } catch (const levin::SIGTERMException& error) {
    CHECK(error.exit_code() == 143);
  }
  CHECK(folder.names() == Names{"hpc_ckpt_0.ckpt"});
  for (const char* which : {"hpc", "last"}) {
    TinyModule resumed;
    levin::Trainer second(quiet({.max_epochs = 4, .enable_checkpointing = false, .default_root_dir = folder.path()}));
    second.fit(resumed, {.train = tiny_data(3), .ckpt_path = which});
    CHECK(second.global_step() == 12);
    CHECK(at::equal(resumed.w, whole.w));
  }
  const TemporaryFolder empty;
  levin::Trainer third(quiet({.max_epochs = 4, .enable_checkpointing = false, .default_root_dir = empty.path()}));
  CHECK_THROWS_WITH(third.fit(module, {.train = tiny_data(3), .ckpt_path = "hpc"}), Catch::Contains("is set but no HPC checkpoint was found"));
}

TEST_CASE("SLURM's SIGUSR1 saves and queues the job again") {
  const TemporaryFolder folder;
  levin::CapturedMessages messages;
  // A scontrol that writes down what it was asked.
  std::ofstream(folder / "scontrol") << "#!/bin/sh\necho \"$@\" > " << folder.path() << "/asked\n";
  fs::permissions(folder / "scontrol", fs::perms::owner_all);
  const std::string path = std::getenv("PATH");
  const std::pair<const char*, std::string> variables[] = {{"PATH", folder.path() + ":" + path}, {"SLURM_NTASKS", "1"},
                                                           {"SLURM_JOB_NAME", "train"}, {"SLURM_JOB_ID", "77"},
                                                           {"SLURM_ARRAY_JOB_ID", "70"}, {"SLURM_ARRAY_TASK_ID", "7"}};
  for (const auto& [name, value] : variables) ::setenv(name, value.c_str(), 1);
  class Requeued : public TinyModule {
    void on_train_batch_end(const levin::StepOutput&, const levin::Batch&, std::int64_t) override {
      if (global_step() == 2) std::raise(SIGUSR1);
    }
  };
  Requeued module;
  const levin::TrainerOptions options = quiet({.max_epochs = 2, .enable_checkpointing = false, .default_root_dir = folder.path()});
  levin::Trainer trainer(options);
  CHECK_THROWS_AS(trainer.fit(module, {.train = tiny_data(3)}), levin::SIGTERMException);
  std::ifstream asked(folder / "asked");
  CHECK(std::string(std::istreambuf_iterator<char>(asked), {}) == "requeue 70_7\n");

  TinyModule again;
  levin::Trainer second(options);
  second.fit(again, {.train = tiny_data(3)});
  CHECK(second.ckpt_path() == folder / "hpc_ckpt_0.ckpt");
  CHECK(second.global_step() == 6);
  for (const auto& [name, value] : variables) ::unsetenv(name);
  ::setenv("PATH", path.c_str(), 1);
}

TEST_CASE("a second process that wants to save into the same folder is refused with the first one's name") {
  const TemporaryFolder folder;
  int ready[2], done[2];
  REQUIRE(::pipe(ready) == 0);
  REQUIRE(::pipe(done) == 0);
  const pid_t other = ::fork();
  if (other == 0) {
    const levin::FolderLock lock(folder.path());
    char byte = 1;
    if (::write(ready[1], &byte, 1) != 1 || ::read(done[0], &byte, 1) != 1) ::_exit(1);
    ::_exit(0);
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  CHECK_THROWS_WITH(train(folder.path(), 1), Catch::Contains("is in use by another process") && Catch::Contains(std::to_string(other)));
  CHECK(folder.names().empty());
  REQUIRE(::write(done[1], &byte, 1) == 1);
  ::waitpid(other, nullptr, 0);
  for (const int fd : {ready[0], ready[1], done[0], done[1]}) ::close(fd);
  CHECK(train(folder.path(), 1).step == 3);
}

TEST_CASE("OnExceptionCheckpoint saves what an exception interrupts, and fit goes on from it by itself") {
  const TemporaryFolder folder;
  levin::CapturedMessages messages;
  class Failing : public TinyModule {
    int on_train_batch_start(const levin::Batch&, std::int64_t) override {
      if (global_step() == 4 && fail) throw std::runtime_error("no more");
      return 0;
    }

   public:
    bool fail = true;
  };
  TinyModule whole;
  levin::Trainer reference(quiet({.max_epochs = 3, .enable_checkpointing = false}));
  reference.fit(whole, {.train = tiny_data(3)});
  for (const bool fail : {true, false}) {
    Failing module;
    module.fail = fail;
    levin::Trainer trainer(quiet({.callbacks = {levin::make<levin::OnExceptionCheckpoint>({.dirpath = folder.path()})}, .max_epochs = 3}));
    if (fail) {
      CHECK_THROWS_WITH(trainer.fit(module, {.train = tiny_data(3)}), "no more");
      CHECK(folder.names() == Names{"on_exception.ckpt"});
    } else {
      trainer.fit(module, {.train = tiny_data(3)});
      CHECK(trainer.ckpt_path() == folder / "on_exception.ckpt");
      CHECK(at::equal(module.w, whole.w));
      CHECK(folder.names().empty());
    }
  }
  CHECK_THROWS_WITH(levin::OnExceptionCheckpoint({.dirpath = "x", .filename = ""}), "The filename cannot be empty");
}

TEST_CASE("a batch-end hook that threw is called again after the resume, with what the step had returned") {
  const TemporaryFolder folder;
  levin::CapturedMessages messages;
  class Failing : public TinyModule {
    void on_train_batch_end(const levin::StepOutput& output, const levin::Batch& batch, std::int64_t) override {
      seen.push_back(output.loss().item<double>() + batch[0].tensor().sum().item<double>());
      if (fails && global_step() == 4) throw std::runtime_error("no more");
    }

   public:
    bool fails = false;
    std::vector<double> seen;
  };
  const auto fit = [&](Failing& module) {
    levin::Trainer trainer(quiet({.callbacks = {levin::make<levin::OnExceptionCheckpoint>({.dirpath = folder.path()})}, .max_epochs = 3}));
    trainer.fit(module, {.train = tiny_data(3)});
  };
  Failing whole, failing, resumed;
  failing.fails = true;
  fit(whole);
  CHECK_THROWS_WITH(fit(failing), "no more");
  fit(resumed);
  CHECK(resumed.seen == std::vector<double>(whole.seen.begin() + 3, whole.seen.end()));
  CHECK(at::equal(resumed.w, whole.w));
}

TEST_CASE("a retention keeps files besides the top k; a trigger of the user's own decides when") {
  struct AtSteps final : levin::Trigger {
    bool due(const levin::Moment& m) override {
      return m.event == levin::Moment::Event::train_batch_end && (m.global_step % 5 == 0 || m.global_step % 3 == 0);
    }
    levin::Value state_dict() const override { return levin::Value::dict(); }
    void load_state_dict(const levin::Value&) override {}
  };
  const TemporaryFolder folder;
  levin::CapturedMessages messages;
  TinyModule module;
  const auto checkpoint = std::make_shared<levin::ModelCheckpoint>(
      ModelCheckpointOptions{.dirpath = folder.path(), .filename = "{step}", .save_top_k = -1}, std::make_unique<AtSteps>(),
      levin::keep_any({levin::keep_last(2), levin::keep_every_n_steps(10)}));
  levin::Trainer trainer(quiet({.callbacks = {checkpoint}, .max_epochs = 9}));
  trainer.fit(module, {.train = tiny_data(3)});
  CHECK(folder.names() == Names{"step=10.ckpt", "step=20.ckpt", "step=25.ckpt", "step=27.ckpt"});
}

TEST_CASE("best_k_models are written as YAML") {
  const TemporaryFolder folder;
  levin::CapturedMessages messages;
  TinyModule module;
  const auto checkpoint = levin::make<levin::ModelCheckpoint>({.dirpath = folder.path(), .filename = "{epoch}", .monitor = "epoch", .save_top_k = 2});
  levin::Trainer trainer(quiet({.callbacks = {checkpoint}, .max_epochs = 2}));
  trainer.fit(module, {.train = tiny_data(2)});
  checkpoint->to_yaml();
  std::ifstream file(folder / "best_k_models.yaml");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  CHECK(text == folder.path() + "/epoch=0.ckpt: 0.0\n" + folder.path() + "/epoch=1.ckpt: 1.0\n");
}

TEST_CASE("with AsyncCheckpointIO the same files are there at the end, and a failed save ends the run") {
  const TemporaryFolder one, two;
  const auto fit = [](const std::string& folder, std::shared_ptr<levin::CheckpointIO> io) {
    levin::CapturedMessages messages;
    TinyModule module;
    const auto checkpoint = levin::make<levin::ModelCheckpoint>(
        {.dirpath = folder, .filename = "{step}", .monitor = "train_loss", .save_last = "link", .save_top_k = 2, .every_n_train_steps = 1});
    levin::Trainer trainer(quiet({.callbacks = {checkpoint}, .max_epochs = 3, .plugins = {std::move(io)}}));
    trainer.fit(module, {.train = tiny_data(4)});
  };
  fit(one.path(), std::make_shared<levin::CheckpointIO>());
  fit(two.path(), std::make_shared<levin::AsyncCheckpointIO>());
  REQUIRE(one.names() == two.names());
  for (const std::string& name : one.names())
    CHECK(levin::read_archive(one / name).at("state_dict") == levin::read_archive(two / name).at("state_dict"));

  struct Full final : levin::CheckpointIO {
    void save_checkpoint(const levin::Value&, const std::string& path) override { throw levin::OSError("[Errno 28] No space left on device: '" + path + "'"); }
  };
  const TemporaryFolder three;
  CHECK_THROWS_WITH(fit(three.path(), std::make_shared<levin::AsyncCheckpointIO>(std::make_shared<Full>())), Catch::Contains("No space left on device"));
}

namespace {
struct SizedOptions {
  std::int64_t size = 2;
  double scale = 1.0;
};
template <class V>
void fields(V&& f, SizedOptions& o) {
  f("size", o.size, "");
  f("scale", o.scale, "");
}
class Sized : public levin::LightningModule {
 public:
  using Options = SizedOptions;
  explicit Sized(const Options& o) : options(o), w(register_parameter("w", at::ones({o.size}))) { save_hyperparameters(options); }
  levin::StepOutput training_step(const levin::Batch&, std::int64_t) override { return w.sum(); }
  levin::OptimizerConfig configure_optimizers() override { return levin::optim::sgd(parameters(), {.lr = 0.5}); }
  Options options;
  at::Tensor w;
};
}  // namespace

TEST_CASE("load_from_checkpoint makes the module from its hyperparameters, overrides and weights") {
  const TemporaryFolder folder;
  levin::CapturedMessages messages;
  Sized module({.size = 3, .scale = 0.25});
  levin::Trainer trainer(quiet({.max_epochs = 1, .enable_checkpointing = false}));
  trainer.fit(module, {.train = tiny_data(2)});
  const std::string path = folder / "m.ckpt";
  trainer.save_checkpoint(path, /*weights_only=*/true);

  const auto loaded = levin::load_from_checkpoint<Sized>(path);
  CHECK(loaded->options.size == 3);
  CHECK(loaded->options.scale == 0.25);
  CHECK(at::equal(loaded->w, module.w));
  CHECK(levin::load_from_checkpoint<Sized>(path, levin::Dict{{"scale", 2.0}})->options.scale == 2.0);
  CHECK_THROWS_WITH(levin::load_from_checkpoint<Sized>(path, levin::Dict{{"scal", 2.0}}), Catch::Contains("did you mean 'scale'"));
  CHECK_THROWS_WITH(levin::load_from_checkpoint<Sized>(path, levin::Dict{{"size", 5}}), Catch::Contains("size mismatch for w"));
  CHECK_THROWS_WITH(levin::load_from_checkpoint<Sized>(folder / "none.ckpt"), Catch::Contains("none.ckpt"));

  levin::Value content = levin::read_archive(path);
  content["hyper_parameters"]["unknown"] = 1;  // of a newer class: left out
  content["hyper_parameters"]["scale"] = "big";
  rewrite(path, content);
  CHECK_THROWS_WITH(levin::load_from_checkpoint<Sized>(path), Catch::Contains("m.ckpt: hyper_parameters.scale: expected a float, got str 'big'"));
  content["hyper_parameters"]["scale"] = 1;
  content["state_dict"] = levin::Value::ordered_dict();
  rewrite(path, content);
  CHECK_THROWS_WITH(levin::load_from_checkpoint<Sized>(path), Catch::Contains("Missing key(s) in state_dict: \"w\""));
  CHECK(levin::load_from_checkpoint<Sized>(path, {}, /*strict=*/false)->w.size(0) == 3);
  CHECK(any_contains(messages.warnings(), "Found keys that are in the model state dict but not in the checkpoint: ['w']"));
}

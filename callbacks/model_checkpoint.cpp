#include "levin/callbacks/model_checkpoint.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "levin/callbacks/checkpoint_files.h"
#include "levin/framework/base/class_name.h"
#include "levin/framework/base/clock.h"
#include "levin/framework/base/codec/durable_file.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/yaml.h"
#include "levin/framework/logger.h"
#include "levin/framework/loops/fit_loop.h"
#include "levin/framework/strategies/strategy.h"
#include "levin/framework/trainer/trainer.h"

namespace levin {
namespace {

DType dtype_of(const MetricValue& value) { return value.is_double() ? DType::float64 : DType::float32; }

}  // namespace

/// What may be monitored and put into names: the callback metrics, "epoch" and "step", as rank 0 has them. So all ranks decide alike,
/// whatever they have logged.
struct ModelCheckpoint::Candidates {
  explicit Candidates(Trainer& trainer) {
    const MetricMap& own = trainer.callback_metrics();
    const auto logged_or = [&](const char* name, std::int64_t otherwise) {
      const MetricValue* logged = own.find(name);
      return logged ? static_cast<std::int64_t>(logged->item()) : otherwise;
    };
    const Value all = trainer.strategy().broadcast(Dict{{"metrics", own.state_dict()},
                                                        {"epoch", logged_or("epoch", trainer.current_epoch())},
                                                        {"step", logged_or("step", trainer.global_step())}});
    metrics.load_state_dict(all.at("metrics"));
    epoch = all.at("epoch").as_int();
    step = all.at("step").as_int();
  }
  std::optional<Score> score(const std::string& name) const {
    if (name == "epoch") return Score{static_cast<double>(epoch), DType::int64};
    if (name == "step") return Score{static_cast<double>(step), DType::int64};
    const MetricValue* found = metrics.find(name);
    if (!found) return std::nullopt;
    return Score{found->item(), dtype_of(*found)};
  }
  FilenameMetrics for_names() const {
    FilenameMetrics out;
    for (const auto& [name, value] : metrics) out[name] = value.item();
    out["epoch"] = epoch;
    out["step"] = step;
    return out;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& [name, value] : metrics) out.push_back(name);
    for (const char* name : {"epoch", "step"})
      if (!metrics.contains(name)) out.push_back(name);
    return out;
  }
  MetricMap metrics;
  std::int64_t epoch = 0, step = 0;
};

// Says while a file is written that it is.
struct ModelCheckpoint::Saving {
  Saving(ModelCheckpoint& checkpoint, const std::string& path, std::int64_t step) : self(checkpoint) {
    self.saving_ = path;
    self.saving_step_ = step;
  }
  ~Saving() { self.saving_.clear(); }
  ModelCheckpoint& self;
};

ModelCheckpoint::ModelCheckpoint(Options options, std::unique_ptr<Trigger> trigger, std::shared_ptr<const Retention> retention)
    : plan_(options),
      policy_(plan_, trigger ? std::move(trigger) : plan_.make_trigger([this](bool due) { return asking_ ? asking_->broadcast(due) : due; })),
      dirpath_(options.dirpath ? checkpoint_files::real_path(*options.dirpath) : ""),
      retention_(std::move(retention)) {}

void ModelCheckpoint::to_yaml(const std::optional<std::string>& filepath) const {
  Value models = Value::dict();
  for (const auto& [path, score] : best_k_models()) models[path] = score;
  const std::string text = dump_yaml(models);
  write_durably(real_files(), filepath.value_or(dirpath_ + "/best_k_models.yaml"), [&](ByteSink& sink) { sink.write(text.data(), text.size()); });
}

std::optional<double> ModelCheckpoint::best_model_score() const {
  const auto& score = policy_.top_k().best_model_score();
  return score ? std::optional(score->value) : std::nullopt;
}

std::optional<double> ModelCheckpoint::current_score() const {
  const auto& score = policy_.top_k().current_score();
  return score ? std::optional(score->value) : std::nullopt;
}

std::vector<std::pair<std::string, double>> ModelCheckpoint::best_k_models() const {
  std::vector<std::pair<std::string, double>> out;
  for (const auto& [path, score] : policy_.top_k().best_k_models()) out.emplace_back(path, score.value);
  return out;
}

// ---- names ----------------------------------------------------------------------------------------------------------------------

FilenameTemplate ModelCheckpoint::name_template() const {
  return {.filename = plan_.options.filename.value_or(""),
          .dirpath = dirpath_,
          .auto_insert_metric_name = plan_.options.auto_insert_metric_name,
          .join_char = CHECKPOINT_JOIN_CHAR,
          .equals_char = CHECKPOINT_EQUALS_CHAR,
          .extension = FILE_EXTENSION};
}

std::string ModelCheckpoint::format_checkpoint_name(const FilenameMetrics& metrics, const std::optional<std::string>& filename,
                                                    std::optional<std::int64_t> ver,
                                                    const std::optional<std::string>& prefix) const {
  return filename ? name_template().format_as(*filename, metrics, ver, prefix) : name_template().format(metrics, ver, prefix);
}

bool ModelCheckpoint::file_exists(const std::string& path, Trainer& trainer) const {
  return trainer.strategy().on_rank_zero([&] { return Value(is_taken(path, trainer)); }).as_bool();
}

// As this rank sees it.
bool ModelCheckpoint::is_taken(const std::string& path, Trainer& trainer) const {
  return trainer.strategy().checkpoint_io().exists(path) && !trainer.wrote_after_resume_point(path);
}

// The whole search is rank 0's: how long it is depends on what lies there.
std::string ModelCheckpoint::free_name(Trainer& trainer, const Candidates& candidates, const std::string& exempt,
                                       const std::optional<std::string>& filename) const {
  const FilenameMetrics metrics = candidates.for_names();
  const auto name = [&](std::optional<std::int64_t> version) { return format_checkpoint_name(metrics, filename, version); };
  if (!plan_.options.enable_version_counter) return name({});
  return trainer.strategy()
      .on_rank_zero([&] {
        return Value(FilenameTemplate::first_free(name, [&](const std::string& path) { return is_taken(path, trainer); }, exempt, STARTING_VERSION));
      })
      .as_string();
}

std::vector<std::string> ModelCheckpoint::last_candidates(Trainer&) const {
  // As in Lightning: whatever begins like the last file's name.
  const std::string stem = CHECKPOINT_NAME_LAST.substr(0, CHECKPOINT_NAME_LAST.find('{'));
  return checkpoint_files::named_like(dirpath_, stem, FILE_EXTENSION);
}

// ---- hooks ----------------------------------------------------------------------------------------------------------------------

void ModelCheckpoint::setup(Trainer& trainer, LightningModule&, std::string_view stage) {
  dirpath_ = trainer.strategy().on_rank_zero([&] { return Value(dirpath_.empty() ? default_dirpath(trainer) : dirpath_); }).as_string();
  if (trainer.is_global_zero() && stage == "fit" && plan_.options.save_top_k != 0 && checkpoint_files::is_nonempty_folder(dirpath_))
    rank_zero_warn("Checkpoint directory " + dirpath_ + " exists and is not empty.");
  if (stage == "fit" && !trainer.fast_dev_run()) take_folder(trainer, /*make=*/false);
}

std::string ModelCheckpoint::default_dirpath(Trainer& trainer) const {
  const Logger* logger = trainer.logger();
  std::filesystem::path folder = trainer.default_root_dir();
  if (logger) folder = std::filesystem::path(logger->save_dir().value_or(trainer.default_root_dir())) / logger->name() / logger->version();
  return checkpoint_files::real_path((folder / "checkpoints").string());
}

// At the start if the folder is there, else with the first save, which makes it. Rank 0 has the lock for all.
void ModelCheckpoint::take_folder(Trainer& trainer, bool make) {
  if (has_folder_) return;
  has_folder_ = trainer.strategy().on_rank_zero([&] { return Value(lock_folder(make)); }).as_bool();
}

bool ModelCheckpoint::lock_folder(bool make) {
  if (make) real_files().make_directories(dirpath_);  // what is wrong with it, the save says
  if (!std::filesystem::is_directory(dirpath_)) return false;
  lock_ = FolderLock(dirpath_);
  if (!lock_.locked()) warn_once(dirpath_ + ": this file system has no locks (" + lock_.reason() + "); nothing keeps another process from saving there");
  const int swept = remove_stale_temporaries(real_files(), dirpath_);
  if (swept > 0) rank_zero_info("Removed " + std::to_string(swept) + " unfinished file(s) of killed processes from " + dirpath_);
  return true;
}

void ModelCheckpoint::give_folder_back() {
  lock_.release();
  has_folder_ = false;
}

void ModelCheckpoint::teardown(Trainer&, LightningModule&, std::string_view) { give_folder_back(); }

Moment ModelCheckpoint::moment(Trainer& trainer, Moment::Event event) const {
  const LoopOptions& options = trainer.loop_options();
  Moment m;
  m.event = event;
  m.epoch = trainer.current_epoch();
  m.global_step = trainer.global_step();
  m.fitting = trainer.fn() == TrainerFn::fit;
  m.fast_dev_run = trainer.fast_dev_run();
  m.sanity_checking = trainer.sanity_checking();
  m.is_last_batch = trainer.is_last_batch();
  m.automatic_optimization = trainer.lightning_module()->automatic_optimization;
  m.seconds = real_clock().now();

  ValidationSchedule validation;
  validation.every_so_much_time = std::holds_alternative<Seconds>(options.val_check_interval);
  validation.check_val_every_n_epoch = options.check_val_every_n_epoch;
  validation.total_batches = 0;
  for (const std::int64_t n : trainer.num_val_batches()) validation.total_batches = n == unlimited ? unlimited : validation.total_batches + n;
  if (const auto* batches = std::get_if<std::int64_t>(&options.val_check_interval)) validation.val_check_interval = static_cast<double>(*batches);
  else if (const auto* fraction = std::get_if<double>(&options.val_check_interval)) validation.val_check_interval = *fraction;
  m.saves_on_train_epoch_end = saves_on_train_epoch_end(plan_.options.save_on_train_epoch_end, validation);
  m.validation_follows = trainer.enable_validation() && validation.total_batches > 0 &&
                         (!options.check_val_every_n_epoch || (*options.check_val_every_n_epoch != 0 &&
                                                               (m.epoch + 1) % *options.check_val_every_n_epoch == 0));
  m.has_metric = [&trainer](std::string_view name) {
    return trainer.strategy().broadcast(name == "epoch" || name == "step" || trainer.callback_metrics().contains(name));
  };
  return m;
}

void ModelCheckpoint::consider(Trainer& trainer, Moment::Event event) {
  asking_ = &trainer.strategy();
  const CheckpointDecision decision = policy_.decide(moment(trainer, event));
  asking_ = nullptr;
  if (decision.nothing()) return;
  const Candidates candidates(trainer);
  if (decision.exception) save(trainer, format_checkpoint_name(candidates.for_names()));
  if (decision.top_k) save_top_k(trainer, candidates);
  // A link may lead to the file that dropped out: it is moved before that goes, so that it never dangles.
  if (!plan_.links_last) release(trainer);
  if (policy_.wants_last(decision, trainer.global_step())) save_last(trainer, candidates);
  if (plan_.links_last) release(trainer);
}

void ModelCheckpoint::on_train_start(Trainer& trainer, LightningModule&) {
  // A run that was killed between a save and the removal of what it replaces: the removal is made up for.
  if (!leaving_.empty()) release(trainer);
  consider(trainer, Moment::Event::train_start);
}
void ModelCheckpoint::on_train_batch_end(Trainer& trainer, LightningModule&, const StepOutput&, const Batch&, std::int64_t) {
  consider(trainer, Moment::Event::train_batch_end);
}
void ModelCheckpoint::on_train_epoch_end(Trainer& trainer, LightningModule&) { consider(trainer, Moment::Event::train_epoch_end); }
void ModelCheckpoint::on_validation_end(Trainer& trainer, LightningModule&) { consider(trainer, Moment::Event::validation_end); }
void ModelCheckpoint::on_train_end(Trainer& trainer, LightningModule&) { consider(trainer, Moment::Event::train_end); }

void ModelCheckpoint::on_exception(Trainer& trainer, LightningModule&, const std::exception& exception) {
  const std::string before = policy_.last_checkpoint_saved();
  // An error parts the ranks: rank 0 saves if it is the one that fails, nobody asks anybody.
  if (trainer.is_global_zero()) consider(trainer, Moment::Event::exception);
  give_folder_back();
  if (policy_.last_checkpoint_saved() == before) return;
  rank_zero_info("An " + exception_name(exception) + " was raised with message: " + exception.what() + ", saved checkpoint to " +
                 policy_.last_checkpoint_saved());
}

// ---- saving -----------------------------------------------------------------------------------------------------------------------

void ModelCheckpoint::save_top_k(Trainer& trainer, const Candidates& candidates) {
  TopK& kept = policy_.top_k();
  if (kept.k() == 0) return;
  if (!plan_.options.monitor) {
    // The path is part of the state that is saved, so it is set first.
    const std::string path = free_name(trainer, candidates, kept.best_model_path(), std::nullopt);
    leaving_ = kept.replace_latest(path);
    save(trainer, path);
    return;
  }
  const std::string& monitor = *plan_.options.monitor;
  const std::optional<Score> score = candidates.score(monitor);
  if (!score) {
    const std::string message = monitored_key_missing(monitor, candidates.names());
    if (trainer.fit_loop().val_loop.has_run) throw MisconfigurationException(message);
    warn_once(message);
  }
  if (!score || !kept.admits(*score)) {
    if (plan_.options.verbose) rank_zero_info(not_saving_line(candidates.epoch, candidates.step, monitor, kept));
    return;
  }
  const std::string path = free_name(trainer, candidates, kept.leaves(), std::nullopt);
  leaving_ = kept.admit(path, *score);
  if (plan_.options.verbose) rank_zero_info(saving_line(candidates.epoch, candidates.step, monitor, kept, path));
  save(trainer, path);
}

void ModelCheckpoint::save_last(Trainer& trainer, const Candidates& candidates) {
  const std::string path = free_name(trainer, candidates, policy_.last_model_path(), CHECKPOINT_NAME_LAST);
  const std::string previous = policy_.move_last(path);
  if (policy_.last_is_link()) trainer.strategy().link_checkpoint(policy_.last_checkpoint_saved(), path);
  else save(trainer, path);
  remove(trainer, previous, path);
}

void ModelCheckpoint::save(Trainer& trainer, const std::string& path) {
  if (trainer.fn() == TrainerFn::fit) take_folder(trainer, /*make=*/true);
  // The file says that it was saved; whoever resumes from it must not save it again.
  {
    const Saving saving(*this, path, trainer.global_step());
    trainer.save_checkpoint(path, plan_.options.save_weights_only);
  }
  policy_.saved(trainer.global_step(), path);
  if (path != policy_.last_model_path()) note_saved(path, trainer.current_epoch(), trainer.global_step());
  if (!trainer.is_global_zero()) return;
  for (const auto& logger : trainer.loggers()) logger->after_save_checkpoint(*this);
}

// What the file just saved takes the place of, if anything.
void ModelCheckpoint::release(Trainer& trainer) {
  const std::string previous = std::exchange(leaving_, {}), current = policy_.last_checkpoint_saved();
  if (retention_) apply_retention(trainer, current);
  else remove(trainer, previous, current);
}

void ModelCheckpoint::note_saved(const std::string& path, std::int64_t epoch, std::int64_t global_step) {
  if (!retention_) return;
  std::erase_if(files_, [&](const auto& file) { return file.path == path; });
  files_.push_back({path, epoch, global_step});
}

void ModelCheckpoint::apply_retention(Trainer& trainer, const std::string& current) {
  TopK& kept = policy_.top_k();
  const auto wanted = [&](const std::string& path) {
    if (path == current || path == kept.best_model_path() || path == policy_.last_model_path() || path == policy_.last_checkpoint_saved()) return true;
    const auto& models = kept.best_k_models();
    return kept.k() != -1 && std::any_of(models.begin(), models.end(), [&](const auto& entry) { return entry.first == path; });
  };
  const std::vector<SavedCheckpoint> files = files_;
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (wanted(files[i].path) || retention_->keeps(files, i)) continue;
    kept.drop(files[i].path);
    std::erase_if(files_, [&](const auto& file) { return file.path == files[i].path; });
    remove(trainer, files[i].path, current);
  }
}

void ModelCheckpoint::remove(Trainer& trainer, const std::string& previous, const std::string& current) {
  const std::optional<std::string> resumed_from =
      trainer.ckpt_path().empty() ? std::nullopt : std::optional(trainer.ckpt_path());
  if (!previous.empty() && may_remove(previous, current, dirpath_, resumed_from)) trainer.strategy().remove_checkpoint(previous);
}

// ---- state ------------------------------------------------------------------------------------------------------------------------

std::string ModelCheckpoint::state_key() const { return plan_.state_key(class_name(*this)); }
Value ModelCheckpoint::state_dict() const {
  Value state = policy_.state_dict(dirpath_);
  if (dirpath_.empty()) state["dirpath"] = Value();
  return state;
}

void ModelCheckpoint::load_state_dict(const Value& state) {
  const auto warning = policy_.load_state_dict(state, dirpath_);
  moved_ = warning.has_value();
  if (warning) rank_zero_warn(*warning);
}

Value ModelCheckpoint::resume_state() const {
  const bool saving = !saving_.empty();
  Value files = Value::list();
  for (const auto& file : files_) files.push_back(Value::tuple({file.path, file.epoch, file.global_step}));
  return Dict{{"trigger", policy_.trigger_state()},
              {"last_global_step_saved", saving ? saving_step_ : policy_.last_global_step_saved()},
              {"last_checkpoint_saved", saving ? saving_ : policy_.last_checkpoint_saved()},
              {"leaving", leaving_},
              {"files", files}};
}

void ModelCheckpoint::load_resume_state(const Value& state) {
  policy_.load_trigger_state(state.at("trigger"));
  if (moved_) return;
  policy_.saved(state.at("last_global_step_saved").as_int(), state.at("last_checkpoint_saved").as_string());
  leaving_ = state.at("leaving").as_string();
  for (const Value& file : state.at("files").items())
    note_saved(file.items()[0].as_string(), file.items()[1].as_int(), file.items()[2].as_int());
}

}  // namespace levin

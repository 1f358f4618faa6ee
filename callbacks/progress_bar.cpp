#include "levin/callbacks/progress_bar.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "levin/framework/base/clock.h"
#include "levin/framework/loops/run.h"
#include "levin/framework/module/lightning_module.h"
#include "levin/framework/trainer/trainer.h"

namespace levin {
namespace {

constexpr double seconds_between_draws = 0.1;

std::optional<std::int64_t> known(std::int64_t n) { return n == unlimited ? std::nullopt : std::optional(n); }

// 3 for "version_3".
Value version_of(const Logger& logger) {
  const std::string version = logger.version();
  const std::string number = version.starts_with("version_") ? version.substr(8) : "";
  const bool numbered = !number.empty() && number.size() < 18 && std::all_of(number.begin(), number.end(), [](char c) { return c >= '0' && c <= '9'; });
  return numbered ? Value(static_cast<std::int64_t>(std::stoll(number))) : Value(version);
}

// As in Lightning: one logger's number stays a number, several loggers make one text, of a long text the last four characters are shown.
Value shown_version(const std::vector<std::shared_ptr<Logger>>& loggers) {
  std::vector<std::string> different;
  for (const auto& logger : loggers) {
    const Value version = version_of(*logger);
    if (loggers.size() == 1 && version.is_int()) return version;
    const std::string text = version.is_int() ? version.repr() : version.as_string();
    if (std::find(different.begin(), different.end(), text) == different.end()) different.push_back(text);
  }
  std::string all;
  for (const std::string& text : different) (all += &text == &different.front() ? "" : "_") += text;
  return all.size() > 4 ? all.substr(all.size() - 4) : all;
}

}  // namespace

ProgressBar::~ProgressBar() { close(); }

void ProgressBar::disable() {
  close();
  enabled_ = false;
}
void ProgressBar::enable() { enabled_ = true; }

Dict ProgressBar::get_metrics(Trainer& trainer, LightningModule&) {
  Dict out;
  const MetricMap& metrics = trainer.progress_bar_metrics();
  if (const Value version = shown_version(trainer.loggers()); !(version == Value(""))) out["v_num"] = version;
  if (out.size() > 0 && metrics.contains("v_num")) {
    warn_once("The progress bar already tracks a metric with the name(s) 'v_num' and `self.log('v_num', ..., prog_bar=True)` will "
              "overwrite this value.  If this is undesired, change the name or override `get_metrics()` in the progress bar callback.");
  }
  for (const auto& [name, value] : metrics) out[name] = value.item();
  return out;
}

void ProgressBar::setup(Trainer& trainer, LightningModule&, std::string_view) {
  if (!trainer.is_global_zero()) disable();
  on_terminal_ = is_terminal(STDOUT_FILENO);
  if (!is_enabled() || !on_terminal_ || display_) return;
  display_ = std::make_unique<ProgressDisplay>(STDOUT_FILENO);
  streams_ = std::make_unique<TerminalStreams>();
  set_live_line(this);
}

void ProgressBar::teardown(Trainer&, LightningModule&, std::string_view) { close(); }

// The line that stays shows where the run was.
void ProgressBar::on_exception(Trainer&, LightningModule&, const std::exception&) {
  draw();
  close();
}

void ProgressBar::close() {
  const auto lock = lock_console();
  if (display_) {
    streams_.reset();
    set_live_line(nullptr);
    display_->finish();
    display_.reset();
  }
  train_.reset();
  evaluation_.reset();
}

// Limited by steps alone, a run ends before the epoch does.
std::optional<std::int64_t> ProgressBar::train_total(const Trainer& trainer) const {
  std::int64_t total = trainer.num_training_batches();
  if (trainer.max_epochs() == -1 && trainer.max_steps() > 0) {
    const std::int64_t left = trainer.max_steps() - trainer.global_step();
    total = total == unlimited ? left : std::min(total, left);
  }
  return known(total);
}

void ProgressBar::on_train_epoch_start(Trainer& trainer, LightningModule&) {
  if (is_enabled()) begin(train_, epoch_description(trainer), train_total(trainer));
}

void ProgressBar::on_train_batch_end(Trainer& trainer, LightningModule& module, const StepOutput&, const Batch&, std::int64_t batch_idx) {
  const std::int64_t done = batch_idx + 1;
  if (train_ && done < train_->next_look) {  // almost every step
    train_->reached.store(done, std::memory_order_relaxed);
    return;
  }
  if (!is_enabled()) return;
  // A run that goes on within an epoch has had no start of it.
  if (!train_) begin(train_, epoch_description(trainer), train_total(trainer));
  advance(trainer, module, *train_, done);
}

void ProgressBar::on_train_epoch_end(Trainer& trainer, LightningModule& module) {
  if (!train_) return;
  Dict metrics = get_metrics(trainer, module);
  const auto lock = lock_console();
  train_->metrics = std::move(metrics);
  if (!on_terminal_) {
    print_line(line_now(*train_, 0));
  } else if (display_ && leave_) {
    draw();
    display_->finish();
    train_.reset();
  } else if (may_draw()) {
    draw();
  }
}

void ProgressBar::on_train_end(Trainer&, LightningModule&) {
  const auto lock = lock_console();
  if (display_ && train_) {
    if (!leave_) draw();
    display_->finish();
  }
  train_.reset();
}

// clang-format off
void ProgressBar::on_validation_batch_start(Trainer& trainer, LightningModule&, const Batch& batch, std::int64_t) {
  const bool sanity = trainer.sanity_checking();
  if (is_enabled()) evaluate(sanity ? sanity_check_description() : validation_description(), batch, sanity ? trainer.num_sanity_val_batches() : trainer.num_val_batches());
}
void ProgressBar::on_test_batch_start(Trainer& trainer, LightningModule&, const Batch& batch, std::int64_t) {
  if (is_enabled()) evaluate(test_description(), batch, trainer.num_test_batches());
}
void ProgressBar::on_predict_batch_start(Trainer& trainer, LightningModule&, const Batch& batch, std::int64_t) {
  if (is_enabled()) evaluate(predict_description(), batch, trainer.num_predict_batches());
}
void ProgressBar::on_validation_batch_end(Trainer& trainer, LightningModule& module, const StepOutput&, const Batch&, std::int64_t batch_idx) { evaluated(trainer, module, batch_idx); }
void ProgressBar::on_test_batch_end(Trainer& trainer, LightningModule& module, const StepOutput&, const Batch&, std::int64_t batch_idx) { evaluated(trainer, module, batch_idx); }
void ProgressBar::on_predict_batch_end(Trainer& trainer, LightningModule& module, const StepOutput&, const Batch&, std::int64_t batch_idx) { evaluated(trainer, module, batch_idx); }
void ProgressBar::on_validation_end(Trainer& trainer, LightningModule& module) { end_evaluation(trainer, module, trainer.fn() == TrainerFn::validate); }
void ProgressBar::on_test_end(Trainer& trainer, LightningModule& module) { end_evaluation(trainer, module, true); }
void ProgressBar::on_predict_end(Trainer& trainer, LightningModule& module) { end_evaluation(trainer, module, true); }
// clang-format on

void ProgressBar::begin(std::optional<Running>& bar, std::string description, std::optional<std::int64_t> total) {
  const auto lock = lock_console();
  Dict metrics = bar ? std::move(bar->metrics) : Dict();  // of the epoch before, until there are new ones
  bar.emplace();
  bar->metrics = std::move(metrics);
  bar->description = std::move(description);
  bar->total = total;
  bar->started = real_clock().now();
  if (may_draw()) draw();
}

// The bar of one loader, begun anew when the next one's turn comes.
void ProgressBar::evaluate(const std::string& description, const Batch& batch, const std::vector<std::int64_t>& totals) {
  const std::int64_t idx = batch.dataloader_idx();
  if (evaluation_ && evaluation_->dataloader_idx == idx) return;
  if (evaluation_ && !on_terminal_ && !train_) print_line(line_now(*evaluation_, 0));
  const auto place = static_cast<std::size_t>(idx);
  begin(evaluation_, loader_description(description, idx), place < totals.size() ? known(totals[place]) : std::nullopt);
  evaluation_->dataloader_idx = idx;
}

void ProgressBar::evaluated(Trainer& trainer, LightningModule& module, std::int64_t batch_idx) {
  if (evaluation_) advance(trainer, module, *evaluation_, batch_idx + 1);
}

void ProgressBar::advance(Trainer& trainer, LightningModule& module, Running& bar, std::int64_t done) {
  bar.reached.store(done, std::memory_order_relaxed);
  if (!display_ || done < bar.next_look || !is_due(done, bar.total)) return;
  bar.next_look = done + bar.stride;
  if (!may_draw()) return;
  // Until it may be drawn again about as many batches come; a tenth of them need no look at the clock.
  bar.stride = (done - std::exchange(bar.drawn_at, done)) / 10;
  Dict metrics;
  if (train_ && &bar == &*train_) metrics = get_metrics(trainer, module);
  const auto lock = lock_console();
  bar.metrics = std::move(metrics);
  draw();
}

// Within `fit` its line goes, and the training's shows what was logged.
void ProgressBar::end_evaluation(Trainer& trainer, LightningModule& module, bool stays) {
  if (!evaluation_) return;
  if (stays) {
    const auto lock = lock_console();
    draw();
    if (display_) display_->finish();
    else if (!on_terminal_) print_line(line_now(*evaluation_, 0));
    evaluation_.reset();
    return;
  }
  const bool drawn = display_ && evaluation_drawn_;
  Dict metrics;
  if (train_ && drawn) metrics = get_metrics(trainer, module);
  const auto lock = lock_console();
  evaluation_.reset();
  if (train_ && drawn) train_->metrics = std::move(metrics);
  if (display_ && evaluation_drawn_) draw();
}

bool ProgressBar::may_draw() const {
  const auto lock = lock_console();
  return display_ && real_clock().now() - last_drawn_ >= seconds_between_draws;
}

void ProgressBar::draw() {
  if (!display_) return;
  const auto lock = lock_console();
  const int columns = terminal_columns(STDOUT_FILENO);
  std::vector<std::string> lines;
  if (train_) lines.push_back(line_now(*train_, columns));
  if (evaluation_) lines.push_back(line_now(*evaluation_, columns));
  display_->draw(lines);
  evaluation_drawn_ = evaluation_.has_value();
  last_drawn_ = real_clock().now();
}

std::string ProgressBar::line_now(Running& bar, int columns) const {
  bar.done = bar.reached.load(std::memory_order_relaxed);
  bar.elapsed = real_clock().now() - bar.started;
  return line(bar, columns);
}

void ProgressBar::hide() {
  if (display_) display_->clear();
}
void ProgressBar::show() {
  if (train_ || evaluation_) draw();
}

}  // namespace levin

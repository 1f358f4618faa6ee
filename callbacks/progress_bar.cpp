#include "levin/callbacks/progress_bar.h"

#include <unistd.h>

#include "levin/framework/base/clock.h"
#include "levin/framework/loops/loop_options.h"
#include "levin/framework/module/lightning_module.h"
#include "levin/framework/trainer/trainer.h"

namespace levin {
namespace {

constexpr double seconds_between_draws = 0.1;

std::optional<std::int64_t> known(std::int64_t n) { return n == unlimited ? std::nullopt : std::optional(n); }

std::optional<std::int64_t> sum(const std::vector<std::int64_t>& batches) {
  std::int64_t total = 0;
  for (const std::int64_t n : batches) {
    if (n == unlimited) return std::nullopt;
    total += n;
  }
  return total;
}

}  // namespace

TQDMProgressBar::TQDMProgressBar(Options options) : options_(options) {}
TQDMProgressBar::~TQDMProgressBar() { close(); }

void TQDMProgressBar::setup(Trainer& trainer, LightningModule&, std::string_view) {
  enabled_ = trainer.is_global_zero();
  on_terminal_ = is_terminal(STDOUT_FILENO);
  if (!active() || !on_terminal_) return;
  display_ = std::make_unique<ProgressDisplay>(STDOUT_FILENO);
  set_live_line(this);
}

void TQDMProgressBar::teardown(Trainer&, LightningModule&, std::string_view) { close(); }
void TQDMProgressBar::on_exception(Trainer&, LightningModule&, const std::exception&) {
  if (display_ && train_) draw();
  close();
}

void TQDMProgressBar::close() {
  if (!display_) return;
  set_live_line(nullptr);
  display_->finish();
  display_.reset();
  train_.reset();
  evaluation_.reset();
}

void TQDMProgressBar::on_train_epoch_start(Trainer& trainer, LightningModule&) {
  if (!active()) return;
  begin(train_, "Epoch " + std::to_string(trainer.current_epoch()), known(trainer.num_training_batches()));
}

void TQDMProgressBar::on_train_batch_end(Trainer& trainer, LightningModule&, const StepOutput&, const Batch&, std::int64_t batch_idx) {
  if (!train_) return;
  train_->done = batch_idx;
  advance(trainer, train_);
}

void TQDMProgressBar::on_train_epoch_end(Trainer& trainer, LightningModule&) {
  if (!train_) return;
  show_metrics(trainer, *train_);
  if (on_terminal_) {
    draw();
    if (options_.leave && display_) display_->finish();
  } else {
    print_line(line(*train_, 0));
  }
}

void TQDMProgressBar::on_train_end(Trainer&, LightningModule&) {
  if (display_) display_->finish();
  train_.reset();
}

void TQDMProgressBar::on_validation_start(Trainer& trainer, LightningModule&) {
  begin_evaluation(trainer, trainer.sanity_checking() ? "Sanity Checking DataLoader 0" : "Validation DataLoader 0",
                   trainer.sanity_checking() ? trainer.num_sanity_val_batches() : trainer.num_val_batches());
}
void TQDMProgressBar::on_validation_batch_end(Trainer& trainer, LightningModule&, const StepOutput&, const Batch&, std::int64_t) {
  advance(trainer, evaluation_);
}
void TQDMProgressBar::on_validation_end(Trainer& trainer, LightningModule&) { end_evaluation(trainer, !train_ && !trainer.sanity_checking()); }
void TQDMProgressBar::on_test_start(Trainer& trainer, LightningModule&) {
  begin_evaluation(trainer, "Testing DataLoader 0", trainer.num_test_batches());
}
void TQDMProgressBar::on_test_batch_end(Trainer& trainer, LightningModule&, const StepOutput&, const Batch&, std::int64_t) {
  advance(trainer, evaluation_);
}
void TQDMProgressBar::on_test_end(Trainer& trainer, LightningModule&) { end_evaluation(trainer, true); }
void TQDMProgressBar::on_predict_start(Trainer& trainer, LightningModule&) {
  begin_evaluation(trainer, "Predicting DataLoader 0", trainer.num_predict_batches());
}
void TQDMProgressBar::on_predict_batch_end(Trainer& trainer, LightningModule&, const StepOutput&, const Batch&, std::int64_t) {
  advance(trainer, evaluation_);
}
void TQDMProgressBar::on_predict_end(Trainer& trainer, LightningModule&) { end_evaluation(trainer, true); }

void TQDMProgressBar::begin(std::optional<Bar>& bar, std::string description, std::optional<std::int64_t> total) {
  bar = Bar{std::move(description), 0, total, real_clock().now(), {}};
  if (display_) draw();
}

void TQDMProgressBar::begin_evaluation(Trainer&, const char* what, const std::vector<std::int64_t>& batches) {
  if (active()) begin(evaluation_, what, sum(batches));
}

void TQDMProgressBar::advance(Trainer& trainer, std::optional<Bar>& bar) {
  if (!bar) return;
  ++bar->done;
  if (!display_ || bar->done % options_.refresh_rate != 0) return;
  const double now = real_clock().now();
  if (now - last_drawn_ < seconds_between_draws) return;
  if (&bar == &train_) show_metrics(trainer, *bar);
  draw();
}

void TQDMProgressBar::end_evaluation(Trainer& trainer, bool keep) {
  if (!evaluation_) return;
  if (keep) {
    show_metrics(trainer, *evaluation_);
    if (!on_terminal_) print_line(line(*evaluation_, 0));
    else if (display_) draw(), display_->finish();
  }
  evaluation_.reset();
  if (!display_) return;
  if (train_) {
    show_metrics(trainer, *train_);
    draw();
  } else if (!keep) {
    display_->clear();
  }
}

// What the user asked for with `prog_bar`, and the logger's version in front.
void TQDMProgressBar::show_metrics(Trainer& trainer, Bar& bar) {
  bar.postfix.clear();
  if (const Logger* logger = trainer.logger()) {
    const std::string version = logger->version();
    bar.postfix.emplace_back("v_num", version.starts_with("version_") ? version.substr(8) : version);
  }
  for (const auto& [name, value] : trainer.progress_bar_metrics()) bar.postfix.emplace_back(name, progress_number(value.item()));
}

std::string TQDMProgressBar::line(const Bar& bar, int columns) const {
  return progress_line({bar.description, bar.done, bar.total, real_clock().now() - bar.started, bar.postfix}, columns);
}

void TQDMProgressBar::draw() {
  if (!display_) return;
  const int columns = terminal_columns(STDOUT_FILENO);
  std::vector<std::string> lines;
  if (train_) lines.push_back(line(*train_, columns));
  if (evaluation_) lines.push_back(line(*evaluation_, columns));
  display_->draw(lines);
  drawn_ = true;
  last_drawn_ = real_clock().now();
}

void TQDMProgressBar::hide() {
  if (display_ && drawn_) display_->clear();
}
void TQDMProgressBar::show() {
  if (train_ || evaluation_) draw();
}

}  // namespace levin

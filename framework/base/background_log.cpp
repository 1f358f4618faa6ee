#include "levin/framework/base/background_log.h"

#include <exception>
#include <utility>

#include "levin/framework/base/console.h"
#include "levin/framework/base/log_writer.h"

namespace levin {
namespace {

// What goes wrong with one entry is said, and the others are logged.
template <class F>
void guarded(F&& f) {
  try {
    f();
  } catch (const std::exception& error) {
    rank_zero_warn(std::string("Something was not logged: ") + error.what());
  }
}

// This thread's innermost row that goes to several logs. Found without a call, for every step: a few bytes, so that there is room for
// them also in a program that loads the library late.
[[gnu::tls_model("initial-exec")]] thread_local SharedRow* shared_row = nullptr;

}  // namespace

LogSink::~LogSink() = default;

BackgroundLog::BackgroundLog(std::unique_ptr<LogSink> sink, std::string prefix, std::size_t rows_at_once)
    : sink_(std::move(sink)), prefix_(std::move(prefix)), rows_at_once_(rows_at_once), writer_(LogWriter::of_this_process()) {
  writer_->add(*this);
}

BackgroundLog::~BackgroundLog() {
  if (shared_row) shared_row->send();
  writer_->remove(*this);
  if (!failure_.empty()) console_error("The last logged lines could not be written: " + failure_);
}

void BackgroundLog::row(std::span<const Metric> metrics, std::int64_t step) {
  if (shared_row && shared_row->take(*this, metrics, step)) return;
  BackgroundLog* const to[] = {this};
  writer_->row(to, metrics, step);
}

void BackgroundLog::post(std::function<void()> job) {
  if (shared_row) shared_row->send();
  writer_->post(*this, std::move(job));
}

void BackgroundLog::flush() {
  if (shared_row) shared_row->send();
  writer_->flush();
}

SharedRow::SharedRow(std::span<const Metric> row, std::int64_t step) : row_(row), step_(step), outer_(shared_row) {
  if (outer_) outer_->send();
  shared_row = this;
}

SharedRow::~SharedRow() {
  send();
  shared_row = outer_;
}

// False: it is not this row; what is logged in its place comes after it.
bool SharedRow::take(BackgroundLog& log, std::span<const Metric> row, std::int64_t step) {
  const bool is_it = row.data() == row_.data() && row.size() == row_.size() && step == step_;
  // In a forked child logs of the parent have another writer.
  if (!is_it || count_ == logs_.size() || (count_ > 0 && logs_[0]->writer_ != log.writer_)) send();
  if (is_it) logs_[count_++] = &log;
  return is_it;
}

void SharedRow::send() {
  if (count_ == 0) return;
  logs_[0]->writer_->row({logs_.data(), std::exchange(count_, 0)}, row_, step_);
}

void BackgroundLog::take_row(const LogLayout& layout, const double* values, std::int64_t step, double wall_time) {
  touched_ = true;
  ++rows_;
  if (!failure_.empty() && kept_ >= most_waiting) {
    ++dropped_;
    return;
  }
  guarded([&] {
    row_ = names_of(layout);
    for (Metric& metric : row_) metric.value = *values++;
    kept_ += row_.size();
    sink_->row(row_, step, wall_time);
  });
}

void BackgroundLog::take_job(const std::function<void()>& job) {
  touched_ = true;
  guarded(job);
}

// Names stay where they are while the log lives: sinks keep views of them.
const std::vector<Metric>& BackgroundLog::names_of(const LogLayout& layout) {
  if (prefix_.empty()) return layout.metrics;
  const auto [place, is_new] = prefixed_.try_emplace(&layout);
  Prefixed& prefixed = place->second;
  if (is_new) {
    for (const Metric& metric : layout.metrics)
      prefixed.metrics.push_back({prefixed.names.emplace_back(prefix_ + std::string(metric.name)), 0, metric.integer});
  }
  return prefixed.metrics;
}

// False: it is to be tried again.
bool BackgroundLog::flush_sink() {
  rows_ = 0;
  if (!touched_) return true;
  try {
    sink_->flush();
  } catch (const std::exception& error) {
    if (failure_.empty()) {
      rank_zero_warn(std::string(error.what()) +
                     ". The run goes on; what is logged is kept in memory and written as soon as that is possible.");
    }
    failure_ = error.what();
    return false;
  }
  touched_ = false;
  kept_ = 0;
  if (std::exchange(failure_, "").empty()) return true;
  std::string text = "The log is written again.";
  if (dropped_ > 0) text += " " + std::to_string(std::exchange(dropped_, 0)) + " rows found no place in memory and are lost.";
  rank_zero_info(text);
  return true;
}

}  // namespace levin

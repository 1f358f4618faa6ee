#include "levin/callbacks/timer.h"

#include <algorithm>
#include <cmath>
#include <regex>

#include "levin/framework/base/console.h"
#include "levin/framework/base/decisions/checkpoint_options.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/python_format.h"
#include "levin/framework/strategies/strategy.h"
#include "levin/framework/trainer/trainer.h"

namespace levin {
namespace {

// In the order of Lightning's RunningStage, which is that of the state's keys.
constexpr std::array<std::string_view, 5> stages{"train", "sanity_check", "validate", "test", "predict"};
enum : std::size_t { training = 0, validating = 2, testing = 3 };

double read(const std::variant<std::string, Seconds>& given) {
  if (const auto* seconds = std::get_if<Seconds>(&given)) return seconds->count();
  const std::string& text = std::get<std::string>(given);
  static const std::regex format(R"(\s*(\d+):(\d\d):(\d\d):(\d\d)\s*)");
  std::smatch match;
  if (!std::regex_match(text, match, format)) {
    throw MisconfigurationException("`Timer(duration=" + python_repr(std::string_view(text)) +
                                    ")` is not a valid duration. Expected a string in the format DD:HH:MM:SS.");
  }
  const auto part = [&](std::size_t i) { return std::stod(match[i]); };
  return ((part(1) * 24 + part(2)) * 60 + part(3)) * 60 + part(4);
}

}  // namespace

Timer::Timer(Options options, const Clock& clock) : options_(std::move(options)), clock_(clock) {
  if (options_.duration) duration_ = read(*options_.duration);
  if (options_.interval != "step" && options_.interval != "epoch") {
    throw MisconfigurationException("Unsupported parameter value `Timer(interval=" + options_.interval +
                                    ")`. Possible choices are: step, epoch");
  }
}

std::size_t Timer::index_of(std::string_view stage) {
  const auto found = std::find(stages.begin(), stages.end(), stage);
  if (found == stages.end()) throw ValueError(python_repr(stage) + " is not a valid RunningStage");
  return static_cast<std::size_t>(found - stages.begin());
}

std::optional<double> Timer::start_time(std::string_view stage) const { return spans_[index_of(stage)].start; }
std::optional<double> Timer::end_time(std::string_view stage) const { return spans_[index_of(stage)].end; }

double Timer::time_elapsed(std::string_view stage) const {
  const std::size_t index = index_of(stage);
  const Span& span = spans_[index];
  const double before = index == training ? offset_ : 0;
  if (!span.start) return before;
  return span.end.value_or(clock_.now()) - *span.start + before;
}

std::optional<double> Timer::time_remaining(std::string_view stage) const {
  if (!duration_) return std::nullopt;
  return *duration_ - time_elapsed(stage);
}

void Timer::on_train_start(Trainer&, LightningModule&) { spans_[training].start = clock_.now(); }
void Timer::on_train_end(Trainer&, LightningModule&) { spans_[training].end = clock_.now(); }
void Timer::on_validation_start(Trainer&, LightningModule&) { spans_[validating].start = clock_.now(); }
void Timer::on_validation_end(Trainer&, LightningModule&) { spans_[validating].end = clock_.now(); }
void Timer::on_test_start(Trainer&, LightningModule&) { spans_[testing].start = clock_.now(); }
void Timer::on_test_end(Trainer&, LightningModule&) { spans_[testing].end = clock_.now(); }

// Whatever the interval: a resumed run may have no time left.
void Timer::on_fit_start(Trainer& trainer, LightningModule&) { check(trainer); }

void Timer::on_train_batch_end(Trainer& trainer, LightningModule&, const StepOutput&, const Batch&, std::int64_t) {
  if (options_.interval == "step") check(trainer);
}
void Timer::on_train_epoch_end(Trainer& trainer, LightningModule&) {
  if (options_.interval == "epoch") check(trainer);
}

void Timer::check(Trainer& trainer) {
  if (!duration_) return;
  // Rank 0's clock decides for all.
  if (!trainer.strategy().broadcast(time_elapsed() >= *duration_)) return;
  trainer.set_should_stop();
  if (options_.verbose) {
    rank_zero_info("Time limit reached. Elapsed time is " + timedelta_str(Seconds(std::trunc(time_elapsed()))) +
                   ". Signaling Trainer to stop.");
  }
}

Value Timer::state_dict() const {
  Value elapsed = Value::dict();
  for (const std::string_view stage : stages) elapsed[stage] = time_elapsed(stage);
  return Dict{{"time_elapsed", elapsed}};
}

void Timer::load_state_dict(const Value& state) {
  const Value* elapsed = state.find("time_elapsed");
  const Value* found = elapsed ? elapsed->find("train") : nullptr;
  offset_ = found ? found->as_double() : 0;
}

}  // namespace levin

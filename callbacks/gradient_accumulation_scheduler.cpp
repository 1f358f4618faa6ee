#include "levin/callbacks/gradient_accumulation_scheduler.h"

#include <charconv>

#include "levin/framework/base/errors.h"
#include "levin/framework/module/lightning_module.h"
#include "levin/framework/trainer/trainer.h"

namespace levin {

using Schedule = std::map<std::int64_t, std::int64_t>;

Schedule Field<Schedule>::read(const Value& v) {
  Schedule out;
  for (const auto& [key, factor] : v.as_dict()) {
    std::int64_t epoch = 0;
    if (key.is_int()) {
      epoch = key.as_int();
    } else {
      const std::string& text = key.as_string();
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), epoch);
      if (error != std::errc() || end != text.data() + text.size()) throw TypeError("expected an epoch as key, got '" + text + "'");
    }
    out[epoch] = factor.as_int();
  }
  return out;
}

Value Field<Schedule>::write(const Schedule& v) {
  Value out = Value::dict();
  for (const auto& [epoch, factor] : v) out[std::to_string(epoch)] = factor;
  return out;
}

GradientAccumulationScheduler::GradientAccumulationScheduler(Options options) : scheduling_(std::move(options.scheduling)) {
  if (scheduling_.empty()) throw TypeError("Empty dict cannot be interpreted correct");
  const auto listed = [&](auto member) {
    std::string out;
    for (const auto& entry : scheduling_) out += (out.empty() ? "" : ", ") + std::to_string(entry.*member);
    return "[" + out + "].";
  };
  using Entry = Schedule::value_type;
  if (scheduling_.begin()->first < 0)
    throw MisconfigurationException("Epoch should be an int greater than or equal to 0. Got " + listed(&Entry::first));
  for (const auto& [epoch, factor] : scheduling_)
    if (factor < 1) throw MisconfigurationException("Accumulation factor should be an int greater than 0. Got " + listed(&Entry::second));
  scheduling_.try_emplace(0, 1);
}

std::int64_t GradientAccumulationScheduler::get_accumulate_grad_batches(std::int64_t epoch) const {
  return std::prev(scheduling_.upper_bound(epoch))->second;
}

void GradientAccumulationScheduler::on_train_start(Trainer& trainer, LightningModule& module) {
  if (!module.automatic_optimization) {
    throw RuntimeError(
        "Automatic gradient accumulation and the `GradientAccumulationScheduler` is not supported for manual optimization. Please remove "
        "the callback or switch to automatic optimization.");
  }
  if (trainer.loop_options().accumulate_grad_batches != 1) {
    throw ValueError(
        "You have set `accumulate_grad_batches` and are using the `GradientAccumulationScheduler` callback. Either remove "
        "`accumulate_grad_batches` from the Trainer or remove the callback.");
  }
}

void GradientAccumulationScheduler::on_train_epoch_start(Trainer& trainer, LightningModule&) {
  trainer.set_accumulate_grad_batches(get_accumulate_grad_batches(trainer.current_epoch()));
}

}  // namespace levin

#include "levin/framework/optim/reduce_lr_on_plateau.h"

#include <algorithm>
#include <limits>

#include "levin/framework/base/errors.h"
#include "levin/framework/optim/group_reader.h"

namespace levin::optim {
namespace {

void check_modes(const ReduceLROnPlateauOptions& o) {
  if (o.mode != "min" && o.mode != "max") throw ValueError("mode " + o.mode + " is unknown!");
  if (o.threshold_mode != "rel" && o.threshold_mode != "abs")
    throw ValueError("threshold mode " + o.threshold_mode + " is unknown!");
}

double worst(const std::string& mode) {
  const double infinity = std::numeric_limits<double>::infinity();
  return mode == "min" ? infinity : -infinity;
}

}  // namespace

ReduceLROnPlateau::ReduceLROnPlateau(std::shared_ptr<Optimizer> given, Options options)
    : LRScheduler(std::move(given)), options_(std::move(options)), best_(worst(options_.mode)) {
  if (!(options_.factor < 1.0)) throw ValueError("Factor should be < 1.0.");
  if (const auto* several = std::get_if<std::vector<double>>(&options_.min_lr); several && several->size() != group_count())
    throw ValueError("expected " + std::to_string(group_count()) + " min_lrs, got " + std::to_string(several->size()));
  check_modes(options_);
  min_lrs_ = for_groups(optimizer(), "min_lr", options_.min_lr);
  last_epoch_ = 0;
  last_lr_ = rates();
}

ReduceLROnPlateau::~ReduceLROnPlateau() = default;

void ReduceLROnPlateau::step() {
  throw TypeError("ReduceLROnPlateau.step() missing 1 required positional argument: 'metrics'");
}

void ReduceLROnPlateau::step(double metric) {
  ++last_epoch_;
  if (is_better(metric)) {
    best_ = metric;
    num_bad_epochs_ = 0;
  } else {
    ++num_bad_epochs_;
  }
  if (cooldown_counter_ > 0) {
    --cooldown_counter_;
    num_bad_epochs_ = 0;
  }
  if (num_bad_epochs_ > options_.patience) {
    reduce();
    cooldown_counter_ = options_.cooldown;
    num_bad_epochs_ = 0;
  }
  last_lr_ = rates();
}

bool ReduceLROnPlateau::is_better(double metric) const {
  const bool relative = options_.threshold_mode == "rel";
  const double by = options_.threshold;
  if (options_.mode == "min") return metric < (relative ? best_ * (1.0 - by) : best_ - by);
  return metric > (relative ? best_ * (by + 1.0) : best_ + by);
}

void ReduceLROnPlateau::reduce() {
  if (min_lrs_.size() != group_count()) {
    const auto* one = std::get_if<double>(&options_.min_lr);
    if (!one) {
      throw RuntimeError("The number of param groups in the `optimizer` (" + std::to_string(group_count()) +
                         ") differs from when `ReduceLROnPlateau` was initialized (" + std::to_string(min_lrs_.size()) +
                         "), usually due to a new param group being added to the optimizer. Please modify the `min_lrs` field to match the length of the " +
                         "`optimizer` param groups.");
    }
    min_lrs_.assign(group_count(), *one);
  }
  for (std::size_t i = 0; i < min_lrs_.size(); ++i) {
    const double old = optimizer().lr(i);
    const double lower = std::max(old * options_.factor, min_lrs_[i]);
    if (old - lower > options_.eps) optimizer().set_lr(i, lower);
  }
}

Value ReduceLROnPlateau::state_dict() const {
  const auto numbers = [](const std::vector<double>& v) { return Field<std::vector<double>>::write(v); };
  const auto* one = std::get_if<double>(&options_.min_lr);
  return Dict{{"factor", options_.factor},
              {"default_min_lr", one ? Value(*one) : Value()},
              {"min_lrs", numbers(min_lrs_)},
              {"patience", options_.patience},
              {"cooldown", options_.cooldown},
              {"eps", options_.eps},
              {"last_epoch", last_epoch_},
              {"_last_lr", numbers(last_lr_)},
              {"mode_worse", worst(options_.mode)},
              {"mode", options_.mode},
              {"threshold", options_.threshold},
              {"threshold_mode", options_.threshold_mode},
              {"best", best_},
              {"cooldown_counter", cooldown_counter_},
              {"num_bad_epochs", num_bad_epochs_}};
}

void ReduceLROnPlateau::load_state_dict(const Value& state) {
  const Dict& in = state.as_dict();
  Options options = options_;
  read_entry(in, "factor", options.factor);
  read_entry(in, "patience", options.patience);
  read_entry(in, "cooldown", options.cooldown);
  read_entry(in, "eps", options.eps);
  read_entry(in, "mode", options.mode);
  read_entry(in, "threshold", options.threshold);
  read_entry(in, "threshold_mode", options.threshold_mode);
  check_modes(options);
  read_entry(in, "min_lrs", min_lrs_);
  if (const Value* one = in.find(std::string_view("default_min_lr"))) {
    if (one->is_none()) options.min_lr = min_lrs_;
    else options.min_lr = one->number();
  }
  options_ = std::move(options);
  read_entry(in, "last_epoch", last_epoch_);
  read_entry(in, "_last_lr", last_lr_);
  read_entry(in, "best", best_);
  read_entry(in, "cooldown_counter", cooldown_counter_);
  read_entry(in, "num_bad_epochs", num_bad_epochs_);
}

std::shared_ptr<ReduceLROnPlateau> reduce_lr_on_plateau(std::shared_ptr<Optimizer> optimizer,
                                                        ReduceLROnPlateauOptions options) {
  return std::make_shared<ReduceLROnPlateau>(std::move(optimizer), std::move(options));
}

}  // namespace levin::optim

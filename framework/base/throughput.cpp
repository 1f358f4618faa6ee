#include "levin/framework/base/throughput.h"

#include <algorithm>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/python_format.h"

namespace levin {
namespace {

ValueError not_growing(const std::string& last, const std::string& current) {
  return ValueError("Expected the value to increase, last: " + last + ", current: " + current);
}

}  // namespace

Throughput::Throughput(ThroughputOptions options) : options_(std::move(options)) {
  if (options_.window_size < 2) throw ValueError("`window_size` should be at least 2, got " + std::to_string(options_.window_size));
  if (options_.world_size < 1) throw ValueError("`world_size` should be at least 1, got " + std::to_string(options_.world_size));
}

void Throughput::update(const Update& totals) {
  const auto text = [](std::int64_t n) { return std::to_string(n); };
  if (!updates_.empty()) {
    const Update& last = updates_.back();
    if (totals.time <= last.time) throw not_growing(python_repr(last.time), python_repr(totals.time));
    if (totals.batches <= last.batches) throw not_growing(text(last.batches), text(totals.batches));
    if (totals.samples <= last.samples) throw not_growing(text(last.samples), text(totals.samples));
    if (totals.lengths && last.lengths && *totals.lengths <= *last.lengths) throw not_growing(text(*last.lengths), text(*totals.lengths));
    if (totals.lengths.has_value() != last.lengths.has_value())
      throw RuntimeError("If lengths are passed, there needs to be the same number of samples: pass them with every update or with none");
  }
  if (totals.samples < totals.batches)
    throw ValueError("Expected samples (" + text(totals.samples) + ") to be greater or equal than batches (" + text(totals.batches) + ")");
  if (totals.lengths && *totals.lengths < totals.samples)
    throw ValueError("Expected lengths (" + text(*totals.lengths) + ") to be greater or equal than samples (" + text(totals.samples) + ")");
  updates_.push_back(totals);
  if (updates_.size() > static_cast<std::size_t>(options_.window_size)) updates_.pop_front();
}

std::vector<Throughput::Rate> Throughput::compute() const {
  if (updates_.empty()) throw RuntimeError("Throughput: nothing to compute before the first update");
  const Update& first = updates_.front();
  const Update& last = updates_.back();
  std::vector<Rate> out{{"time", last.time},
                        {"batches", static_cast<double>(last.batches), true},
                        {"samples", static_cast<double>(last.samples), true}};
  if (last.lengths) out.push_back({"lengths", static_cast<double>(*last.lengths), true});
  if (updates_.size() < static_cast<std::size_t>(options_.window_size)) return out;

  const std::string device = "device" + options_.separator;
  const double seconds = last.time - first.time, devices = static_cast<double>(options_.world_size);
  const bool several = options_.world_size > 1;
  const double batches = static_cast<double>(last.batches - first.batches) / seconds;
  const double samples = static_cast<double>(last.samples - first.samples) / seconds;
  out.push_back({device + "batches_per_sec", batches});
  out.push_back({device + "samples_per_sec", samples});
  if (several) {
    out.push_back({"batches_per_sec", batches * devices});
    out.push_back({"samples_per_sec", samples * devices});
  }
  if (last.lengths) {
    const double items = static_cast<double>(*last.lengths - *first.lengths) / seconds;
    out.push_back({device + "items_per_sec", items});
    if (several) out.push_back({"items_per_sec", items * devices});
  }
  if (std::any_of(updates_.begin(), updates_.end(), [](const Update& u) { return !u.flops; })) return out;
  // What the first update of the window cost lies before the window's beginning.
  double flops = 0;
  for (std::size_t i = 1; i < updates_.size(); ++i) flops += static_cast<double>(*updates_[i].flops);
  if (several) out.push_back({"flops_per_sec", flops * devices / seconds});
  out.push_back({device + "flops_per_sec", flops / seconds});
  if (options_.available_flops.value_or(0) > 0) out.push_back({device + "mfu", flops / seconds / *options_.available_flops});
  return out;
}

}  // namespace levin

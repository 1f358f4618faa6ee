#include "levin/framework/data/collate.h"

#include <ATen/ops/stack.h>

#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "levin/framework/base/errors.h"

namespace levin {
namespace {

std::string_view kind_of(const Batch& sample) {
  if (sample.is_none()) return "nothing";
  if (sample.is_tensor()) return "a tensor";
  if (sample.is_list()) return "a list";
  if (sample.is_dict()) return "a dict";
  return "a value of its own type";
}

std::string at_place(const std::string& place) {
  return place.empty() ? "" : " (in " + place + ")";
}

template <class Of>
std::vector<Batch> column(std::span<const Batch> samples, const Of& of) {
  std::vector<Batch> out;
  out.reserve(samples.size());
  for (const Batch& sample : samples) out.push_back(of(sample));
  return out;
}

Batch stack(std::span<const Batch> samples, const std::string& place) {
  std::vector<at::Tensor> tensors;
  tensors.reserve(samples.size());
  for (const Batch& sample : samples) {
    tensors.push_back(sample.tensor());
    if (tensors.back().sizes() == tensors.front().sizes()) continue;
    std::ostringstream message;
    message << "stack expects each tensor to be equal size, but got " << tensors.front().sizes()
            << " at entry 0 and " << tensors.back().sizes() << " at entry " << tensors.size() - 1
            << at_place(place)
            << "; give the loader a collate_fn that pads them, or make them equal in the dataset";
    throw RuntimeError(message.str());
  }
  return at::stack(tensors);
}

Batch collate_at(std::span<const Batch> samples, const std::string& place);

Batch collate_lists(std::span<const Batch> samples, const std::string& place) {
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (samples[i].size() != samples[0].size())
      throw RuntimeError("each element in list of batch should be of equal size: sample 0 has " +
                         std::to_string(samples[0].size()) + " item(s), sample " +
                         std::to_string(i) + " has " + std::to_string(samples[i].size()) +
                         at_place(place));
  }
  Batch::List out;
  for (std::size_t i = 0; i < samples[0].size(); ++i) {
    const auto items = column(samples, [&](const Batch& sample) { return sample[i]; });
    out.push_back(collate_at(items, place + "[" + std::to_string(i) + "]"));
  }
  return out;
}

Batch collate_dicts(std::span<const Batch> samples, const std::string& place) {
  Batch::Dict out;
  for (const auto& [name, first] : samples[0].dict()) {
    for (std::size_t i = 0; i < samples.size(); ++i) {
      if (!samples[i].contains(name) || samples[i].size() != samples[0].size())
        throw RuntimeError("samples of one batch must have the same entries: sample " +
                           std::to_string(i) + " differs from sample 0, which has '" + name + "'" +
                           at_place(place));
    }
    const auto items = column(samples, [&](const Batch& sample) { return sample[name]; });
    out.emplace_back(name, collate_at(items, place + "['" + name + "']"));
  }
  return out;
}

Batch collate_at(std::span<const Batch> samples, const std::string& place) {
  const Batch& first = samples[0];
  for (std::size_t i = 1; i < samples.size(); ++i) {
    if (kind_of(samples[i]) != kind_of(first))
      throw RuntimeError("samples of one batch must have the same structure: sample 0 is " +
                         std::string(kind_of(first)) + ", sample " + std::to_string(i) + " is " +
                         std::string(kind_of(samples[i])) + at_place(place));
  }
  if (first.is_none()) return {};
  if (first.is_tensor()) return stack(samples, place);
  if (first.is_list()) return collate_lists(samples, place);
  if (first.is_dict()) return collate_dicts(samples, place);
  return Batch::List(samples.begin(), samples.end());
}

}  // namespace

Batch collate(std::span<const Batch> samples) {
  if (samples.empty()) throw ValueError("collate: there are no samples to make a batch of");
  return collate_at(samples, "");
}

}  // namespace levin

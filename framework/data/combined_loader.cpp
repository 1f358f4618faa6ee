#include "levin/framework/data/combined_loader.h"

#include <algorithm>
#include <limits>

#include "levin/framework/base/errors.h"

namespace levin {
namespace {

constexpr std::int64_t endless = std::numeric_limits<std::int64_t>::max();

Loaders without_names(const CombinedLoader::Named& named) {
  std::vector<std::shared_ptr<Loader>> out;
  for (const auto& [name, loader] : named) out.push_back(loader);
  return out;
}

}  // namespace

CombinedLoader::CombinedLoader(Loaders iterables, const std::string& mode) : parts_(std::move(iterables)), mode_(mode) {
  constexpr const char* modes[] = {"min_size", "max_size_cycle", "max_size", "sequential"};
  if (std::find(std::begin(modes), std::end(modes), mode) == std::end(modes)) {
    throw ValueError("Unsupported mode '" + mode + "', please select one of: ['min_size', 'max_size_cycle', 'max_size', 'sequential'].");
  }
  for (const auto& part : parts_)
    if (!part) throw TypeError("CombinedLoader: one of the loaders is null");
  progress_.resize(parts_.size());
}

CombinedLoader::CombinedLoader(const Named& iterables, const std::string& mode) : CombinedLoader(without_names(iterables), mode) {
  for (const auto& [name, loader] : iterables) names_.push_back(name);
}

CombinedLoader::~CombinedLoader() = default;

std::shared_ptr<CombinedLoader> CombinedLoader::with(Loaders parts) const {
  if (parts.size() != parts_.size()) {
    throw ValueError("Mismatch in flattened length (" + std::to_string(parts.size()) + ") and existing length (" +
                     std::to_string(parts_.size()) + ")");
  }
  auto out = std::make_shared<CombinedLoader>(*this);
  out->parts_ = std::move(parts);
  return out;
}

std::int64_t CombinedLoader::size_of(const std::vector<std::int64_t>& sizes) const {
  if (sizes.empty()) return 0;
  if (mode_ == "min_size") return *std::min_element(sizes.begin(), sizes.end());
  if (mode_ != "sequential") return *std::max_element(sizes.begin(), sizes.end());
  std::int64_t sum = 0;
  for (const std::int64_t n : sizes) sum = n == endless || sum == endless ? endless : sum + n;
  return sum;
}

std::optional<std::int64_t> CombinedLoader::size() const {
  std::vector<std::int64_t> sizes;
  for (const auto& part : parts_) sizes.push_back(part->size().value_or(endless));
  const std::int64_t n = size_of(sizes);
  return n == endless ? std::nullopt : std::optional(n);
}

bool CombinedLoader::shuffles() const {
  return std::any_of(parts_.begin(), parts_.end(), [](const auto& part) { return part->shuffles(); });
}

// A loader that begins again within an epoch does so as in an epoch of its own, which no real epoch is.
void CombinedLoader::start_part(std::size_t i, std::int64_t first_batch) {
  parts_[i]->set_epoch(epoch_ + (progress_[i].cycle << 32));
  parts_[i]->start(first_batch);
}

void CombinedLoader::start(std::int64_t first_batch) {
  started_ = true;
  const bool goes_on = std::exchange(loaded_, false) && first_batch == position_;
  position_ = first_batch;
  if (mode_ == "sequential") {
    if (goes_on && current_ < parts_.size()) start_part(current_, parts_[current_]->position());
    else if (!goes_on) start_sequential(first_batch);
    return;
  }
  if (!goes_on) progress_.assign(parts_.size(), Part());
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    Part& part = progress_[i];
    if (parts_[i]->stateful()) {
      start_part(i, 0);  // it goes on by itself
    } else if (goes_on) {
      start_part(i, parts_[i]->position());
    } else if (const auto size = parts_[i]->size(); size && mode_ == "max_size_cycle" && *size > 0 && first_batch > 0) {
      part.cycle = (first_batch - 1) / *size;
      part.consumed = part.cycle > 0;
      start_part(i, first_batch - part.cycle * *size);
    } else if (size) {
      start_part(i, std::min(first_batch, *size));
    } else {
      start_part(i, 0);  // where it ends is found out by going there
      Batch passed;
      for (std::int64_t n = 0; n < first_batch && next_of(i, passed); ++n) {}
    }
  }
}

void CombinedLoader::start_sequential(std::int64_t first_batch) {
  progress_.assign(parts_.size(), Part());
  for (current_ = 0; current_ < parts_.size(); ++current_) {
    const auto size = parts_[current_]->size();
    if (!size || first_batch < *size) break;
    first_batch -= *size;
  }
  if (current_ < parts_.size()) start_part(current_, first_batch);
}

// The next batch of one loader by the mode's rule; false: the combination ends here.
bool CombinedLoader::next_of(std::size_t i, Batch& out) {
  if (parts_[i]->next(out)) return true;
  progress_[i].consumed = true;
  const bool all = std::all_of(progress_.begin(), progress_.end(), [](const Part& part) { return part.consumed; });
  if (mode_ == "min_size" || all) return false;
  out = {};
  if (mode_ == "max_size") return true;
  ++progress_[i].cycle;
  start_part(i, 0);
  return parts_[i]->next(out);
}

bool CombinedLoader::next(Batch& out) {
  if (!started_) throw RuntimeError("CombinedLoader: call `start` before `next`");
  if (parts_.empty()) return false;
  if (mode_ == "sequential") return next_sequential(out);
  Batch::List list(parts_.size());
  for (std::size_t i = 0; i < parts_.size(); ++i)
    if (!next_of(i, list[i])) return false;
  ++position_;
  if (names_.empty()) {
    out = Batch(std::move(list));
    return true;
  }
  Batch::Dict dict;
  for (std::size_t i = 0; i < list.size(); ++i) dict.emplace_back(names_[i], std::move(list[i]));
  out = Batch(std::move(dict));
  return true;
}

bool CombinedLoader::next_sequential(Batch& out) {
  while (current_ < parts_.size()) {
    if (parts_[current_]->next(out)) {
      out.set_dataloader_idx(static_cast<std::int64_t>(current_));
      ++position_;
      return true;
    }
    if (++current_ < parts_.size()) start_part(current_, 0);
  }
  return false;
}

Value CombinedLoader::state_dict() const {
  Value loaders = Value::list(), cycles = Value::list(), consumed = Value::list();
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    loaders.push_back(parts_[i]->state_dict());
    cycles.push_back(progress_[i].cycle);
    consumed.push_back(progress_[i].consumed);
  }
  return Dict{{"epoch", epoch_},   {"position", position_}, {"current", current_},
              {"cycles", cycles}, {"consumed", consumed},  {"loaders", loaders}};
}

void CombinedLoader::load_state_dict(const Value& state) {
  const List& loaders = state.at("loaders").items();
  if (loaders.size() != parts_.size()) {
    throw ValueError("a CombinedLoader of " + std::to_string(parts_.size()) + " loaders can't take the state of one of " +
                     std::to_string(loaders.size()));
  }
  epoch_ = state.at("epoch").as_int();
  position_ = state.at("position").as_int();
  current_ = static_cast<std::size_t>(state.at("current").as_int());
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    parts_[i]->load_state_dict(loaders[i]);
    progress_[i] = {state.at("cycles").items()[i].as_int(), state.at("consumed").items()[i].as_bool()};
  }
  loaded_ = true;
  started_ = false;
}

Loaders flattened(const Loaders& loaders) {
  std::vector<std::shared_ptr<Loader>> out;
  for (const auto& loader : loaders) {
    if (const auto* combined = dynamic_cast<const CombinedLoader*>(loader.get())) {
      const Loaders inside = flattened(combined->flattened());
      out.insert(out.end(), inside.begin(), inside.end());
    } else {
      out.push_back(loader);
    }
  }
  return out;
}

Loaders with_each(const Loaders& loaders, const std::function<std::shared_ptr<Loader>(const std::shared_ptr<Loader>&)>& change) {
  std::vector<std::shared_ptr<Loader>> out;
  for (const auto& loader : loaders) {
    if (const auto* combined = dynamic_cast<const CombinedLoader*>(loader.get())) {
      out.push_back(combined->with(with_each(combined->flattened(), change)));
      continue;
    }
    auto changed = change(loader);
    out.push_back(changed ? std::move(changed) : loader);
  }
  return out;
}

}  // namespace levin

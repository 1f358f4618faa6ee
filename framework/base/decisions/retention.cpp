#include "levin/framework/base/decisions/retention.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "levin/framework/base/errors.h"

namespace levin {
namespace {

class Rule final : public Retention {
 public:
  using Keeps = std::function<bool(const std::vector<SavedCheckpoint>&, std::size_t)>;
  explicit Rule(Keeps keeps) : keeps_(std::move(keeps)) {}
  bool keeps(const std::vector<SavedCheckpoint>& files, std::size_t index) const override { return keeps_(files, index); }

 private:
  Keeps keeps_;
};

void check(const char* rule, std::int64_t n, std::int64_t least) {
  if (n < least) throw ValueError(std::string(rule) + ": expected a number from " + std::to_string(least) + " on, got " + std::to_string(n));
}

}  // namespace

Retention::~Retention() = default;

std::shared_ptr<const Retention> keep_last(std::int64_t n) {
  check("keep_last", n, 0);
  return std::make_shared<Rule>([n](const auto& files, std::size_t index) { return files.size() - index <= static_cast<std::size_t>(n); });
}

std::shared_ptr<const Retention> keep_every_n_epochs(std::int64_t n) {
  check("keep_every_n_epochs", n, 1);
  return std::make_shared<Rule>([n](const auto& files, std::size_t index) { return (files[index].epoch + 1) % n == 0; });
}

std::shared_ptr<const Retention> keep_every_n_steps(std::int64_t n) {
  check("keep_every_n_steps", n, 1);
  return std::make_shared<Rule>([n](const auto& files, std::size_t index) { return files[index].global_step % n == 0; });
}

std::shared_ptr<const Retention> keep_any(std::vector<std::shared_ptr<const Retention>> several) {
  return std::make_shared<Rule>([several = std::move(several)](const auto& files, std::size_t index) {
    return std::any_of(several.begin(), several.end(), [&](const auto& rule) { return rule->keeps(files, index); });
  });
}

}  // namespace levin

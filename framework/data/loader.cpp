#include "levin/framework/data/loader.h"

namespace levin {

Loader::~Loader() = default;
std::shared_ptr<Loader> Loader::with_sampler(std::shared_ptr<const Sampler>) const {
  return nullptr;
}

}  // namespace levin

#include "levin/apps/launcher/rendezvous.h"

#include "levin/apps/launcher/one_node.h"
#include "levin/framework/base/errors.h"

namespace levin::launcher {

Rendezvous::~Rendezvous() = default;

std::unique_ptr<Rendezvous> make_rendezvous(const Options& options) {
  if (options.is_one_node()) return std::make_unique<OneNode>(options);
  throw NotImplementedError("several nodes");
}

}  // namespace levin::launcher

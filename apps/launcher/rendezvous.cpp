#include "levin/apps/launcher/rendezvous.h"

#include "levin/apps/launcher/many_nodes.h"
#include "levin/apps/launcher/one_node.h"

namespace levin::launcher {

Rendezvous::~Rendezvous() = default;

std::unique_ptr<Rendezvous> make_rendezvous(const Options& options) {
  if (options.is_one_node()) return std::make_unique<OneNode>(options);
  return std::make_unique<ManyNodes>(options);
}

}  // namespace levin::launcher

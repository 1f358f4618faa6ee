#pragma once
#include <ATen/core/Tensor.h>

#include <chrono>
#include <string>

#include "levin/framework/base/distributed/cluster_environment.h"

namespace c10d {
class Backend;
class Store;
}  // namespace c10d

namespace levin {

/// The store through which the ranks find one another, with a prefix of its own for each meeting: a launcher that restarts its ranks
/// keeps the store and all its keys. All ranks are there when it returns.
///
/// Rank 0 has the store at `main_address`, and listens on that address only, unless the launcher's agent has one there. One process
/// connects once, whatever number of groups it makes.
c10::intrusive_ptr<c10d::Store> meet(const ClusterEnvironment& environment, std::chrono::milliseconds timeout);

/// What carries the collectives: the one place where a backend is chosen. "gloo", for the CPU.
c10::intrusive_ptr<c10d::Backend> make_backend(const std::string& name, const c10::intrusive_ptr<c10d::Store>& store,
                                               const ClusterEnvironment& environment, std::chrono::milliseconds timeout);

/// The network address of this machine that the others reach, or "127.0.0.1" if all ranks are on this machine.
std::string own_address(const ClusterEnvironment& environment);

}  // namespace levin

#pragma once
#include "levin/framework/base/distributed/cluster_environment.h"
#include "levin/framework/base/export.h"

namespace levin {

/// Binds a listening socket for rank 0's store on `environment.main_address` only, and puts the port there if it was 0. If that name is
/// no address of this machine, or is "localhost" while ranks run elsewhere too (as some schedulers have it for rank 0), on all
/// addresses. OSError, which names the address, if the port is taken.
///
/// `take_listener` hands it over, or binds one if none waits for this port.
LEVIN_API void open_listener(ClusterEnvironment& environment);
LEVIN_API int take_listener(const ClusterEnvironment& environment);

}  // namespace levin

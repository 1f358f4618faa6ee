#pragma once
#include "levin/framework/base/export.h"

namespace torch::nn {
class Module;
}

namespace levin {

/// Lays the weights of convolutions out channels last (NHWC, NDHWC), in place: what follows from them comes out so too, and a CPU's
/// convolutions, which compute so, need not reorder. Values, names and shapes stay, and checkpoints fit either way.
LEVIN_API void to_channels_last(torch::nn::Module& module);

}  // namespace levin

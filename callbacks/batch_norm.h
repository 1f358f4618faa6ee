#pragma once
#include <optional>
#include <vector>

namespace torch::nn {
class Module;
}

/// What callbacks need of BatchNorm1d, 2d, 3d and SyncBatchNorm, whichever it is.
namespace levin::batch_norm {

bool is(const torch::nn::Module& module);
/// All below `module`, itself included; each once, under however many names it is registered.
std::vector<torch::nn::Module*> all_in(torch::nn::Module& module);
/// How much a new batch counts in the running statistics; none: all batches alike. Of a batch normalization only.
std::optional<double>& momentum(torch::nn::Module& module);
/// Mean 0, variance 1, no batch seen.
void reset_running_stats(torch::nn::Module& module);

}  // namespace levin::batch_norm

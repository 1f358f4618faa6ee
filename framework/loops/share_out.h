#pragma once
#include "levin/framework/data/loaders.h"

namespace levin {

class Run;

/// Gives this rank its share of each loader's dataset, as Lightning injects a DistributedSampler: if the strategy has several ranks, the
/// Trainer's `use_distributed_sampler` is not false, and the loader's own sampler does not share out already.
///
/// Training loaders are shuffled even if they were not (except with `overfit_batches`), as in Lightning. To make all shares equal,
/// training, validation and test repeat some samples; validate and test warn of it. Predicting repeats none.
void share_out(Loaders& loaders, Run& run);

}  // namespace levin

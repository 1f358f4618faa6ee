#include "levin/framework/loops/share_out.h"

#include "levin/framework/base/console.h"
#include "levin/framework/data/combined_loader.h"
#include "levin/framework/data/distributed_sampler.h"
#include "levin/framework/data/seed.h"
#include "levin/framework/loops/run.h"

namespace levin {
namespace {

std::shared_ptr<const Sampler> order_for(const std::shared_ptr<const Sampler>& sampler, const Run& run) {
  const bool shuffles = run.stage == Stage::training && is_zero(run.options.overfit_batches);
  if (shuffles && dynamic_cast<const SequentialSampler*>(sampler.get()))
    return std::make_shared<RandomSampler>(sampler->size(), global_seed().value_or(0));
  return sampler;
}

}  // namespace

void share_out(Loaders& loaders, Run& run) {
  const auto share = run.strategy->distributed_sampler_kwargs();
  if (!share || !run.options.use_distributed_sampler) return;
  bool shared = false;
  loaders = with_each(loaders, [&](const std::shared_ptr<Loader>& loader) -> std::shared_ptr<Loader> {
    const auto sampler = loader->sampler();
    if (!sampler || sampler->is_distributed()) return nullptr;
    const DistributedSamplerOptions options{.num_replicas = share->num_replicas, .rank = share->rank, .pad = run.fn != TrainerFn::predict};
    auto part = loader->with_sampler(std::make_shared<DistributedSampler>(order_for(sampler, run), options));
    shared = shared || part;
    return part;
  });
  if (!shared || (run.fn != TrainerFn::validate && run.fn != TrainerFn::test)) return;
  rank_zero_warn(std::string("Using `DistributedSampler` with the dataloaders. During `trainer.") + stage_name(run.fn) +
                 "()`, it is recommended to use `Trainer(devices=1, num_nodes=1)` to ensure each sample/batch gets evaluated exactly once. "
                 "Otherwise, multi-device settings use `DistributedSampler` that replicates some samples to make sure all devices have same "
                 "batch size in case of uneven inputs.");
}

}  // namespace levin

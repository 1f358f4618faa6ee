#include "levin/framework/optim/no_optimizer.h"

namespace levin::optim {
namespace {

struct NoOptions {
  double lr = 0;
};

}  // namespace

NoOptimizer::NoOptimizer() : Optimizer(std::vector<torch::optim::OptimizerParamGroup>(), std::make_unique<GroupOptions<NoOptions>>(NoOptions())) {}

}  // namespace levin::optim

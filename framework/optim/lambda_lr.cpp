#include "levin/framework/optim/lambda_lr.h"

#include <algorithm>

#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"

namespace levin::optim {

FunctionLR::FunctionLR(std::shared_ptr<Optimizer> given, std::vector<LRLambda> functions, std::int64_t last_epoch)
    : EpochScheduler(std::move(given), last_epoch), functions_(std::move(functions)) {
  if (functions_.size() != group_count()) {
    throw ValueError("Expected " + std::to_string(group_count()) + " lr_lambdas, but got " + std::to_string(functions_.size()));
  }
  for (const LRLambda& function : functions_)
    if (!function) throw TypeError("lr_lambda should be a function, but got an empty one");
}

FunctionLR::FunctionLR(std::shared_ptr<Optimizer> given, LRLambda function, std::int64_t last_epoch)
    : EpochScheduler(std::move(given), last_epoch) {
  if (!function) throw TypeError("lr_lambda should be a function, but got an empty one");
  functions_.assign(group_count(), std::move(function));
}

double FunctionLR::factor(std::size_t group) const {
  base_lr(group);  // throws for a group that was added later, which has no function either
  return functions_[group](last_epoch_);
}

void FunctionLR::write_back(Dict& out) const { out["lr_lambdas"] = Value::list(List(functions_.size())); }

void FunctionLR::read(const Dict& in) {
  const Value* saved = in.find("lr_lambdas");
  if (!saved) return;
  const List& attributes = saved->items();
  const auto lost = std::find_if(attributes.begin(), attributes.end(), [](const Value& v) { return !v.is_none(); });
  if (lost != attributes.end()) {
    rank_zero_warn(std::string(class_name()) + ": the state has attributes of a callable object, " + lost->repr(80) +
                      ", which a C++ function can't take over; it goes on as it was made");
  }
}

LambdaLR::LambdaLR(std::shared_ptr<Optimizer> optimizer, LRLambda lr_lambda, std::int64_t last_epoch)
    : FunctionLR(std::move(optimizer), std::move(lr_lambda), last_epoch) {
  initial_step();
}

LambdaLR::LambdaLR(std::shared_ptr<Optimizer> optimizer, std::vector<LRLambda> lr_lambda, std::int64_t last_epoch)
    : FunctionLR(std::move(optimizer), std::move(lr_lambda), last_epoch) {
  initial_step();
}

double LambdaLR::get_lr(std::size_t group) const { return base_lr(group) * factor(group); }

MultiplicativeLR::MultiplicativeLR(std::shared_ptr<Optimizer> optimizer, LRLambda lr_lambda, std::int64_t last_epoch)
    : FunctionLR(std::move(optimizer), std::move(lr_lambda), last_epoch) {
  initial_step();
}

MultiplicativeLR::MultiplicativeLR(std::shared_ptr<Optimizer> optimizer, std::vector<LRLambda> lr_lambda, std::int64_t last_epoch)
    : FunctionLR(std::move(optimizer), std::move(lr_lambda), last_epoch) {
  initial_step();
}

double MultiplicativeLR::get_lr(std::size_t group) const { return initial() ? rate(group) : rate(group) * factor(group); }

std::shared_ptr<LambdaLR> lambda_lr(std::shared_ptr<Optimizer> optimizer, LRLambda lr_lambda) {
  return std::make_shared<LambdaLR>(std::move(optimizer), std::move(lr_lambda));
}

std::shared_ptr<LambdaLR> lambda_lr(std::shared_ptr<Optimizer> optimizer, std::vector<LRLambda> lr_lambda) {
  return std::make_shared<LambdaLR>(std::move(optimizer), std::move(lr_lambda));
}

std::shared_ptr<MultiplicativeLR> multiplicative_lr(std::shared_ptr<Optimizer> optimizer, LRLambda lr_lambda) {
  return std::make_shared<MultiplicativeLR>(std::move(optimizer), std::move(lr_lambda));
}

std::shared_ptr<MultiplicativeLR> multiplicative_lr(std::shared_ptr<Optimizer> optimizer, std::vector<LRLambda> lr_lambda) {
  return std::make_shared<MultiplicativeLR>(std::move(optimizer), std::move(lr_lambda));
}

}  // namespace levin::optim

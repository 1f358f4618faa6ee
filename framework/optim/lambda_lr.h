#pragma once
#include <functional>

#include "levin/framework/optim/lr_scheduler.h"

/// The schedulers that call a function of yours.
///
/// State: torch stores a function as None and of a callable object its attributes. A C++ function is always None here, so it should
/// depend on the epoch alone; one that counts or learns is no part of a checkpoint. Attributes in a file of Python are left out with
/// a warning. A schedule with a state of its own is an `EpochScheduler` of yours, with `write_front` and `read`.
namespace levin::optim {

/// One function for all groups, or one for each.
using LRLambda = std::function<double(std::int64_t epoch)>;

/// What the two share: the functions, and how they stand in the state.
class LEVIN_API FunctionLR : public EpochScheduler {
 protected:
  /// ValueError, in torch's words, when there are not as many functions as groups; TypeError for an empty one.
  FunctionLR(std::shared_ptr<Optimizer> optimizer, std::vector<LRLambda> functions, std::int64_t last_epoch);
  FunctionLR(std::shared_ptr<Optimizer> optimizer, LRLambda function, std::int64_t last_epoch);
  double factor(std::size_t group) const;
  void write_back(Dict& out) const override;
  void read(const Dict& in) override;

 private:
  std::vector<LRLambda> functions_;
};

/// The rate is the optimizer's first one times a function of the epoch.
class LEVIN_API LambdaLR : public FunctionLR {
 public:
  using Factor = LRLambda;
  explicit LambdaLR(std::shared_ptr<Optimizer> optimizer, LRLambda lr_lambda, std::int64_t last_epoch = -1);
  explicit LambdaLR(std::shared_ptr<Optimizer> optimizer, std::vector<LRLambda> lr_lambda, std::int64_t last_epoch = -1);
  const char* class_name() const override { return "LambdaLR"; }

 protected:
  double get_lr(std::size_t group) const override;
};

/// Each epoch multiplies the rate by a function of the epoch, from epoch 1 on.
class LEVIN_API MultiplicativeLR : public FunctionLR {
 public:
  explicit MultiplicativeLR(std::shared_ptr<Optimizer> optimizer, LRLambda lr_lambda, std::int64_t last_epoch = -1);
  explicit MultiplicativeLR(std::shared_ptr<Optimizer> optimizer, std::vector<LRLambda> lr_lambda, std::int64_t last_epoch = -1);
  const char* class_name() const override { return "MultiplicativeLR"; }

 protected:
  double get_lr(std::size_t group) const override;
};

/// `optim::lambda_lr(optimizer, [](std::int64_t epoch) { return std::pow(0.95, epoch); })`
LEVIN_API std::shared_ptr<LambdaLR> lambda_lr(std::shared_ptr<Optimizer> optimizer, LRLambda lr_lambda);
LEVIN_API std::shared_ptr<LambdaLR> lambda_lr(std::shared_ptr<Optimizer> optimizer, std::vector<LRLambda> lr_lambda);
LEVIN_API std::shared_ptr<MultiplicativeLR> multiplicative_lr(std::shared_ptr<Optimizer> optimizer, LRLambda lr_lambda);
LEVIN_API std::shared_ptr<MultiplicativeLR> multiplicative_lr(std::shared_ptr<Optimizer> optimizer, std::vector<LRLambda> lr_lambda);

}  // namespace levin::optim

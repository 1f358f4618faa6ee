// Names, order and defaults of the optimizers' and schedulers' options against torch's, recorded by tests/conformance/record_optim.py.
#include <map>

#include "levin/framework/base/fields.h"
#include "levin/framework/optim/lbfgs.h"
#include "levin/framework/optim/optimizers.h"
#include "levin/framework/optim/schedulers.h"
#include "optim/recorded.h"
#include "support/catch.h"

using namespace levin;
using namespace levin::optim;

namespace {

template <class O>
std::vector<FieldDescription> options() { return describe_fields(O{}); }

const std::map<std::string, std::vector<FieldDescription>> ours{
    {"SGD", options<SGDOptions>()},
    {"Adam", options<AdamOptions>()},
    {"AdamW", options<AdamWOptions>()},
    {"RMSprop", options<RMSpropOptions>()},
    {"Adagrad", options<AdagradOptions>()},
    {"Adadelta", options<AdadeltaOptions>()},
    {"NAdam", options<NAdamOptions>()},
    {"RAdam", options<RAdamOptions>()},
    {"Muon", options<MuonOptions>()},
    {"LBFGS", options<LBFGSOptions>()},
    {"StepLR", options<StepLROptions>()},
    {"MultiStepLR", options<MultiStepLROptions>()},
    {"ConstantLR", options<ConstantLROptions>()},
    {"LinearLR", options<LinearLROptions>()},
    {"ExponentialLR", options<ExponentialLROptions>()},
    {"PolynomialLR", options<PolynomialLROptions>()},
    {"CosineAnnealingLR", options<CosineAnnealingLROptions>()},
    {"CosineAnnealingWarmRestarts", options<CosineAnnealingWarmRestartsOptions>()},
    {"ReduceLROnPlateau", options<ReduceLROnPlateauOptions>()},
    {"OneCycleLR", options<OneCycleLROptions>()},
    {"CyclicLR", options<CyclicLROptions>()},
    {"SequentialLR", options<SequentialLROptions>()},
    {"ChainedScheduler", options<ChainedSchedulerOptions>()},
};

/// What is given beside the options: parameters, optimizer.
bool is_beside(const std::string& name) { return name == "params" || name == "optimizer"; }

bool same_default(const Value& torch, const Value& own) {
  if (torch.is_number() && own.is_number()) return torch.number() == own.number();  // Python writes 0 where a float is meant
  return torch.repr() == own.repr();
}

}  // namespace

TEST_CASE("names, order and defaults of optimizers' and schedulers' options are torch's") {
  std::size_t compared = 0;
  for (const auto& one : recorded::load("signatures.json")) {
    const std::string name = one.at("class");
    if (name == "LambdaLR" || name == "MultiplicativeLR") continue;  // they take a function instead of options
    INFO(name);
    REQUIRE(ours.count(name) == 1);
    std::vector<std::string> theirs, own;
    for (const auto& argument : one.at("arguments"))
      if (!is_beside(argument.at("name"))) theirs.push_back(argument.at("name"));
    for (const FieldDescription& field : ours.at(name)) {
      own.push_back(field.name);
      CHECK_FALSE(field.doc.empty());
    }
    CHECK(own == theirs);
    std::size_t index = 0;
    for (const auto& argument : one.at("arguments")) {
      if (is_beside(argument.at("name"))) continue;
      const Value& value = ours.at(name).at(index++).default_value;
      if (argument.at("required")) continue;
      INFO(argument << ", ours " << value.repr());
      CHECK(same_default(recorded::to_value(argument.at("default")), value));
    }
    ++compared;
  }
  CHECK(compared == ours.size());
}

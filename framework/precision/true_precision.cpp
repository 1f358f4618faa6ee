#include "levin/framework/precision/true_precision.h"

#include "levin/framework/base/errors.h"
#include "levin/framework/base/python_format.h"
#include "levin/framework/module/lightning_module.h"
#include "levin/framework/precision/convert.h"

namespace levin {
namespace {

at::ScalarType half_type(std::string_view precision) {
  if (precision == "16-true") return at::kHalf;
  if (precision == "bf16-true") return at::kBFloat16;
  throw ValueError("Passed `HalfPrecision(precision=" + python_repr(precision) + ")`. Precision must be '16-true' or 'bf16-true'.");
}

}  // namespace

TruePrecision::TruePrecision(std::string_view name, at::ScalarType type) : name_(name), type_(type) {}

void TruePrecision::convert_module(LightningModule& module) { convert_floats(module, type_); }
Batch TruePrecision::convert_input(Batch batch) { return convert_floats(std::move(batch), type_); }
ForwardContext TruePrecision::forward_context() { return ForwardContext(std::in_place_type<DefaultDtype>, type_); }
std::shared_ptr<void> TruePrecision::tensor_init_context() { return std::make_shared<DefaultDtype>(type_); }

HalfPrecision::HalfPrecision(std::string_view precision) : TruePrecision(precision, half_type(precision)) {}
DoublePrecision::DoublePrecision() : TruePrecision("64-true", at::kDouble) {}

}  // namespace levin

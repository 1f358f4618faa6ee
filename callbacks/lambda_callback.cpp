#include "levin/callbacks/lambda_callback.h"

#include "levin/framework/trainer/trainer.h"

namespace levin {

LambdaCallback::LambdaCallback(Options options) : options_(std::move(options)) {}
LambdaCallback::~LambdaCallback() = default;

// A hook without a function is the base's: whether a hook does something can be asked (`Callback::idle_calls`).
#define LEVIN_HOOK_0(name)                                                  \
  void LambdaCallback::name(Trainer& trainer, LightningModule& module) {    \
    if (options_.name) options_.name(trainer, module);                      \
    else Callback::name(trainer, module);                                   \
  }
#define LEVIN_HOOK_1(name, A)                                                    \
  void LambdaCallback::name(Trainer& trainer, LightningModule& module, A a) {    \
    if (options_.name) options_.name(trainer, module, a);                        \
    else Callback::name(trainer, module, a);                                     \
  }
#define LEVIN_HOOK_2(name, A, B)                                                      \
  void LambdaCallback::name(Trainer& trainer, LightningModule& module, A a, B b) {    \
    if (options_.name) options_.name(trainer, module, a, b);                          \
    else Callback::name(trainer, module, a, b);                                       \
  }
#define LEVIN_HOOK_3(name, A, B, C)                                                        \
  void LambdaCallback::name(Trainer& trainer, LightningModule& module, A a, B b, C c) {    \
    if (options_.name) options_.name(trainer, module, a, b, c);                            \
    else Callback::name(trainer, module, a, b, c);                                         \
  }
#define LEVIN_PICK(name, a, b, c, chosen, ...) chosen
#define LEVIN_HOOK(name, ...) \
  LEVIN_PICK(name __VA_OPT__(, ) __VA_ARGS__, LEVIN_HOOK_3, LEVIN_HOOK_2, LEVIN_HOOK_1, LEVIN_HOOK_0)(name __VA_OPT__(, ) __VA_ARGS__)
LEVIN_LAMBDA_HOOKS(LEVIN_HOOK)

}  // namespace levin

#include "levin/framework/callback.h"

#include "levin/framework/base/class_name.h"

namespace levin {

Callback::~Callback() = default;
Checkpoint::~Checkpoint() = default;

std::string Callback::state_key() const { return class_name(*this); }

}  // namespace levin

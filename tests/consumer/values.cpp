// levin::base alone: no LibTorch is included or linked.
#include <levin/framework/base/value.h>
#include <levin/version.h>

#include <iostream>

int main() {
  levin::Value state = levin::Value::dict();
  state["version"] = LEVIN_VERSION;
  std::cout << "values: " << state.repr() << "\n";
}

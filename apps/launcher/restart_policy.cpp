#include "levin/apps/launcher/restart_policy.h"

#include <algorithm>
#include <cmath>

namespace levin::launcher {

RestartPolicy::Verdict RestartPolicy::failed(std::uint64_t saves, bool known) {
  fruitless_ = saves > 0 ? 0 : fruitless_ + 1;
  if (max_restarts_ == 0) return {false, 0, ""};
  if (restarts_ == max_restarts_) return {false, 0, "all " + std::to_string(max_restarts_) + " restarts are used up"};
  if (known && crash_loop_limit_ > 0 && fruitless_ >= crash_loop_limit_)
    return {false, 0, "no restart: " + std::to_string(fruitless_) + " attempts in a row ended without a new checkpoint (--crash-loop-limit)"};
  ++restarts_;
  const double delay = fruitless_ < 2 ? 0 : std::min(60.0, delay_ * std::pow(2, std::min(fruitless_ - 2, 10)));
  return {true, delay, ""};
}

}  // namespace levin::launcher

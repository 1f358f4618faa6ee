// What this machine has: processors, GPUs, signals.
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>

#include "levin/apps/launcher/option_values.h"
#include "levin/framework/base/errors.h"

namespace levin::launcher {
namespace {

// Without the CUDA libraries, which take longer to load than all the rest: what the driver shows, and what
// CUDA_VISIBLE_DEVICES leaves of it.
int gpus() {
  int count = 0;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator("/dev", none)) {
    const std::string name = entry.path().filename();
    if (name.starts_with("nvidia") && name.size() > 6 && name.find_first_not_of("0123456789", 6) == std::string::npos) ++count;
  }
  const char* const visible = std::getenv("CUDA_VISIBLE_DEVICES");
  if (!visible) return count;
  const std::string list = visible;
  if (list.empty() || list == "-1") return 0;
  return std::min(count, static_cast<int>(split(list, ',').size()));
}

int processors() { return static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN)); }

}  // namespace

int ranks_per_node(const std::string& text) {
  if (text == "cpu") return processors();
  const int found = text == "gpu" || text == "auto" ? gpus() : 0;
  if (text == "auto") return found > 0 ? found : processors();
  if (text == "gpu") {
    if (found == 0) throw ValueError("--nproc-per-node=gpu: no GPU is visible here; use a number, cpu or auto");
    return found;
  }
  if (!text.empty() && text.find_first_not_of("0123456789") == std::string::npos) return to_int(text, "--nproc-per-node", 1, 4096);
  throw ValueError("--nproc-per-node: '" + text + "' is neither a number of at least 1 nor auto, cpu or gpu");
}

int signal_number(const std::string& name) {
  for (int number = 1; number < NSIG; ++number)
    if (const char* const abbreviation = ::sigabbrev_np(number); abbreviation && name == std::string("SIG") + abbreviation) {
      if (number == SIGKILL || number == SIGSTOP || number == SIGCHLD) break;
      return number;
    }
  throw ValueError("--signals-to-handle: '" + name + "' is no signal that can be handled; write names such as SIGTERM,SIGUSR1");
}

std::string signal_name(int number) {
  const char* const abbreviation = ::sigabbrev_np(number);
  return abbreviation ? std::string("SIG") + abbreviation : "signal " + std::to_string(number);
}

}  // namespace levin::launcher

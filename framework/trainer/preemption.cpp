#include "levin/framework/trainer/preemption.h"

#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <vector>

#include "levin/framework/base/console.h"

extern char** environ;

namespace levin {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view prefix = "hpc_ckpt_";

// The largest number that follows `before` in a name of the folder. As in Lightning: other characters in between are left out.
std::optional<std::int64_t> highest_number(const std::string& folder, std::string_view before) {
  std::optional<std::int64_t> highest;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    const auto at = name.rfind(before);
    if (at == std::string::npos) continue;
    std::string digits;
    for (const char c : name.substr(at + before.size()))
      if (c >= '0' && c <= '9') digits += c;
    std::int64_t n = 0;
    if (std::from_chars(digits.data(), digits.data() + digits.size(), n).ec == std::errc()) highest = std::max(highest.value_or(n), n);
  }
  return highest;
}

const char* variable(const char* name) {
  const char* value = std::getenv(name);
  return value && *value ? value : nullptr;
}

}  // namespace

std::optional<std::string> newest_hpc_checkpoint(const std::string& folder) {
  const auto highest = highest_number(folder, prefix);
  if (!highest) return std::nullopt;
  return folder + "/" + std::string(prefix) + std::to_string(*highest) + ".ckpt";
}

std::string next_hpc_checkpoint(const std::string& folder) {
  const auto highest = highest_number(folder, "ckpt_");
  return folder + "/" + std::string(prefix) + std::to_string(highest ? *highest + 1 : 0) + ".ckpt";
}

bool in_slurm_job() {
  const char* name = variable("SLURM_JOB_NAME");
  const bool interactive = name && (std::string_view(name) == "bash" || std::string_view(name) == "interactive");
  return variable("SLURM_NTASKS") && !interactive;
}

void requeue_slurm_job() {
  const char* id = variable("SLURM_JOB_ID");
  if (!id) return;
  std::string job = id;
  const char* array = variable("SLURM_ARRAY_JOB_ID");
  const char* task = variable("SLURM_ARRAY_TASK_ID");
  if (array && task) job = std::string(array) + "_" + task;
  rank_zero_info("requeing job " + job + "...");
  std::vector<std::string> words{"scontrol", "requeue", job};
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t pid = 0;
  int status = posix_spawnp(&pid, "scontrol", nullptr, nullptr, arguments.data(), environ);
  if (status == 0) waitpid(pid, &status, 0);
  if (status == 0) rank_zero_info("Requeued SLURM job: " + job);
  else rank_zero_warn("requeuing SLURM job " + job + " failed; submit it again and it goes on from its hpc checkpoint");
}

}  // namespace levin

#pragma once
#include <optional>
#include <string>

namespace levin {

/// The checkpoints that a run saves when it is told to go away (SIGTERM, SLURM's SIGUSR1): `hpc_ckpt_N.ckpt` in `default_root_dir`.
/// The one with the highest N, if any.
std::optional<std::string> newest_hpc_checkpoint(const std::string& folder);
/// Where the next one goes: one above the highest number after "ckpt_" in the folder's names, from 0.
std::string next_hpc_checkpoint(const std::string& folder);

/// Whether SLURM started this process, other than as an interactive shell.
bool in_slurm_job();
/// `scontrol requeue JOB`; says whether it worked.
void requeue_slurm_job();

}  // namespace levin

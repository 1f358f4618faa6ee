#pragma once
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "levin/framework/base/export.h"

namespace levin {

/// The Trainer's `devices`: how many, their indices, or text as on a command line: "2", "0,1", "-1", "auto".
using Devices = std::variant<std::int64_t, std::string, std::vector<std::int64_t>>;

/// How Python prints the option.
LEVIN_API std::string repr(const Devices& devices);

/// Lightning's way from `devices` to indices, on a machine with `available` GPUs: n is the first n, -1 all, a list or "0,3" just those
/// ("3," is one). Errors are Lightning's, class and words. Not for "auto".
LEVIN_API std::vector<std::int64_t> parse_gpu_ids(const Devices& devices, std::int64_t available);

/// The same for the CPU: a number of processes above zero.
LEVIN_API std::int64_t parse_cpu_cores(const Devices& devices);

}  // namespace levin

#include "levin/framework/accelerators/cuda_flops.h"

#include <cctype>
#include <cmath>

#include "levin/framework/base/console.h"
#include "levin/framework/base/python_format.h"

namespace levin {
namespace {

// In TFLOP/s by NVIDIA's data sheets, as Lightning has them; 0: the chip does not have it.
struct Chip {
  std::string_view name;
  double float64, float32, tfloat32, bfloat16, float16;
};

constexpr Chip chips[] = {
    {"h200 sxm1", 34, 67, 990, 2000, 2000},
    {"h200 nvl1", 30, 60, 840, 1700, 1700},
    {"h100 nvl", 67, 133.8, 989.4, 1978.8, 1978.8},
    {"h100 sxm", 33.5, 66.9, 494.7, 989.4, 989.4},
    {"h100 pcie", 25.6, 51.2, 378, 756, 756},
    {"rtx 4090", 0, 82.6, 82.6, 82.6, 82.6},
    {"rtx 4080", 0, 48.7, 48.7, 48.7, 48.7},
    {"rtx 4080 super", 0, 52.2, 52.2, 52.2, 52.2},
    {"l4", 0, 30.3, 60, 121, 121},
    {"l40", 0, 90.5, 90.5, 181, 181},
    {"a100", 9.7, 19.5, 156, 312, 312},
    {"a6000", 0, 38.7, 77.4, 38.7, 38.7},
    {"a40", 0, 37.4, 74.8, 37.4, 37.4},
    {"a10g", 0, 31.2, 62.5, 125, 125},
    {"rtx 3090 ti", 0, 40, 40, 40, 40},
    {"rtx 3090", 0, 35.6, 35.6, 35.6, 35.6},
    {"rtx 3080 ti", 0, 34.1, 34.1, 34.1, 34.1},
    {"rtx 3080", 0, 29.8, 29.8, 29.8, 29.8},
    {"rtx 3070", 0, 20.3, 20.3, 20.3, 20.3},
    {"t4", 0, 8.1, 0, 0, 65},
    {"quadro rtx 5000", 0, 11.2, 0, 0, 89.2},
    {"rtx 2080 super", 0, 11.2, 0, 0, 22.3},
    {"rtx 2080 ti", 0, 14.2, 0, 0, 28.5},
    {"rtx 2080", 0, 10.6, 0, 0, 21.2},
    {"rtx 2070 super", 0, 9.1, 0, 0, 18.1},
    {"titan rtx", 0, 16.3, 0, 0, 32.6},
    {"v100 sxm", 7.8, 15.7, 0, 0, 125},
    {"v100 pcie", 7, 14, 0, 0, 112},
    {"v100s pcie", 8.2, 16.4, 0, 0, 130},
};

bool has(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

// "nvidia geforce rtx 4080 super" -> "rtx 4080 super".
std::string geforce(const std::string& name) {
  const auto number = name.find("rtx ") + 4;
  const std::string chip = "rtx " + name.substr(number, name.find(' ', number) - number);
  return chip + (has(name, "super") ? " super" : has(name, "ti") ? " ti" : "");
}

// The table's name for what a driver calls a device, by Lightning's rules and in their order; "": none of those it knows.
std::string chip_of(const std::string& name) {
  if (has(name, "h200")) return has(name, "sxm1") ? "h200 sxm1" : has(name, "nvl1") ? "h200 nvl1" : name;
  if (has(name, "h100")) return has(name, "hbm3") ? "h100 sxm" : has(name, "nvl") ? "h100 nvl" : has(name, "pcie") || has(name, "hbm2e") ? "h100 pcie" : name;
  if (has(name, "l4")) return has(name, "tesla") ? "l40" : "l4";
  if (has(name, "geforce rtx")) return geforce(name);
  for (const char* part : {"a6000", "a100", "a40", "a10g", "t4", "quadro rtx 5000", "titan rtx"})
    if (has(name, part)) return part;
  if (has(name, "v100-sxm")) return "v100 sxm";
  if (has(name, "v100-pcie")) return "v100 pcie";
  return has(name, "v100s-pcie") ? "v100s pcie" : "";
}

std::optional<double> unknown(const std::string& text) {
  rank_zero_warn(text);
  return std::nullopt;
}

}  // namespace

std::optional<double> cuda_flops(const std::string& device_name, std::string_view precision, bool tf32) {
  std::string lower = device_name;
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const std::string chip = chip_of(lower), quoted = python_repr(std::string_view(device_name));
  if (chip.empty()) return unknown("FLOPs not found for " + quoted);
  for (const Chip& known : chips) {
    if (known.name != chip) continue;
    const bool half = precision.starts_with("16"), brain = precision.starts_with("bf16"), whole = precision.starts_with("64");
    const double tera = half ? known.float16 : brain ? known.bfloat16 : whole ? known.float64 : tf32 ? known.tfloat32 : known.float32;
    if (tera > 0) return std::round(tera * 1e12);
    const char* type = half ? "torch.float16" : brain ? "torch.bfloat16" : whole ? "torch.float64" : tf32 ? "tfloat32" : "torch.float32";
    return unknown(quoted + " does not support " + type);
  }
  return unknown("FLOPs not found for " + quoted + ", chip is " + python_repr(std::string_view(chip)));
}

}  // namespace levin

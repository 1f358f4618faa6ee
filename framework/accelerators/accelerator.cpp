#include "levin/framework/accelerators/accelerator.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "levin/framework/accelerators/cpu_accelerator.h"
#include "levin/framework/accelerators/cuda_accelerator.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/python_format.h"

namespace levin {

Accelerator::~Accelerator() = default;

namespace {

std::mutex mutex;

std::map<std::string, std::shared_ptr<Accelerator>>& registered() {
  static std::map<std::string, std::shared_ptr<Accelerator>> all{{"cpu", std::make_shared<CPUAccelerator>()},
                                                                 {"cuda", std::make_shared<CUDAAccelerator>()}};
  return all;
}

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + python_repr(std::string_view(name));
  return "[" + out + "]";
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += ", " + name;
  return out;
}

}  // namespace

std::shared_ptr<Accelerator> AcceleratorRegistry::get(const std::string& name) {
  const std::lock_guard lock(mutex);
  const auto found = registered().find(name);
  return found == registered().end() ? nullptr : found->second;
}

std::shared_ptr<Accelerator> AcceleratorRegistry::set(const std::string& name, std::shared_ptr<Accelerator> accelerator) {
  const std::lock_guard lock(mutex);
  auto before = std::exchange(registered()[name], accelerator);
  if (!accelerator) registered().erase(name);
  return before;
}

std::vector<std::string> AcceleratorRegistry::names() {
  const std::lock_guard lock(mutex);
  std::vector<std::string> out;
  for (const char* first : {"cuda", "cpu"})
    if (registered().contains(first)) out.emplace_back(first);
  for (const auto& [name, accelerator] : registered())
    if (name != "cuda" && name != "cpu") out.push_back(name);
  return out;
}

std::vector<std::string> AcceleratorRegistry::available() {
  std::vector<std::string> out = names();
  std::erase_if(out, [](const std::string& name) { return !get(name)->is_available(); });
  return out;
}

std::shared_ptr<Accelerator> accelerator_named(const std::string& option) {
  if (option == "auto") {
    const auto cuda = AcceleratorRegistry::get("cuda");
    return cuda && cuda->is_available() ? cuda : AcceleratorRegistry::get("cpu");
  }
  if (option == "gpu") {
    const auto cuda = AcceleratorRegistry::get("cuda");
    if (cuda && cuda->is_available()) return cuda;
    throw MisconfigurationException("No supported gpu backend found!" + (cuda ? " (" + cuda->why_unavailable() + ")" : ""));
  }
  if (auto found = AcceleratorRegistry::get(option)) return found;
  throw ValueError("You selected an invalid accelerator name: `accelerator=" + python_repr(std::string_view(option)) +
                   "`. Available names are: auto, gpu" + joined(AcceleratorRegistry::names()) + ".");
}

void require_available(const Accelerator& accelerator) {
  if (accelerator.is_available()) return;
  const std::string why = accelerator.why_unavailable();
  throw MisconfigurationException("`" + accelerator.qualname() + "` can not run on your system since the accelerator is not available. The " +
                                  "following accelerator(s) is available and can be passed into `accelerator` argument of `Trainer`: " +
                                  listed(AcceleratorRegistry::available()) + "." + (why.empty() ? "" : " (" + why + ")"));
}

}  // namespace levin

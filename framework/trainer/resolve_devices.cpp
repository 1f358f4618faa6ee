// Which accelerator a run uses, and which of its devices. Checked in Lightning's order and words.
#include <algorithm>
#include <array>

#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/python_format.h"
#include "levin/framework/trainer/trainer_impl.h"

namespace levin {
namespace {

// Lightning's that LibTorch for Linux does not have: names that exist, devices that never do.
const char* foreign_class(const std::string& accelerator) {
  return accelerator == "mps" ? "MPSAccelerator" : accelerator == "tpu" ? "XLAAccelerator" : nullptr;
}

class Foreign final : public Accelerator {
 public:
  Foreign(std::string name, std::string qualname) : name_(std::move(name)), qualname_(std::move(qualname)) {}
  std::string name() const override { return name_; }
  std::string qualname() const override { return qualname_; }
  bool is_available() const override { return false; }
  std::int64_t auto_device_count() const override { return 0; }
  std::vector<at::Device> parse_devices(const Devices&) const override { return {}; }

 private:
  std::string name_, qualname_;
};

bool is_nothing(const Devices& devices) {
  const auto* list = std::get_if<std::vector<std::int64_t>>(&devices);
  return devices == Devices(0) || devices == Devices("0") || (list && list->empty());
}

// A CPU run on a machine with GPUs should be on purpose.
void say_what_is_used(const Accelerator& used) {
  const auto cuda = AcceleratorRegistry::get("cuda");
  if (!cuda || cuda->auto_device_count() == 0) return;
  const bool uses = used.name() == "cuda";
  rank_zero_info(std::string("GPU available: True (cuda), used: ") + (uses ? "True" : "False"));
  if (uses) return;
  const std::string why = cuda->why_unavailable();
  rank_zero_warn("GPU available but not used. " + (why.empty() ? "You can set it by doing `Trainer(accelerator='gpu')`." : "The reason: " + why + "."));
}

}  // namespace

void check_accelerator_name(const std::string& accelerator) {
  if (accelerator == "auto" || accelerator == "gpu" || foreign_class(accelerator)) return;
  if (!AcceleratorRegistry::get(accelerator)) accelerator_named(accelerator);  // throws
}

std::shared_ptr<Accelerator> choose_accelerator(const std::string& accelerator) {
  if (const char* qualname = foreign_class(accelerator)) return std::make_shared<Foreign>(accelerator, qualname);
  return accelerator_named(accelerator);
}

std::vector<at::Device> choose_devices(const TrainerOptions& o, const Run& run) {
  Accelerator& accelerator = *run.accelerator;
  if (is_nothing(o.devices)) {
    throw MisconfigurationException("`Trainer(devices=" + repr(o.devices) + ")` value is not a valid input using " + accelerator.name() +
                                    " accelerator.");
  }
  require_available(accelerator);
  const Devices wanted = o.devices == Devices("auto") ? Devices(accelerator.auto_device_count()) : o.devices;
  std::vector<at::Device> devices = accelerator.parse_devices(wanted);
  accelerator.load();
  say_what_is_used(accelerator);
  return devices;
}

CudaGraphMode cuda_graph_mode(const CudaGraphOption& option) {
  if (const bool* flag = std::get_if<bool>(&option)) return *flag ? CudaGraphMode::required : CudaGraphMode::off;
  const std::string& text = std::get<std::string>(option);
  if (text == "auto") return CudaGraphMode::automatic;
  throw ValueError("`cuda_graph` must be true, false or \"auto\", got " + python_repr(std::string_view(text)));
}

}  // namespace levin

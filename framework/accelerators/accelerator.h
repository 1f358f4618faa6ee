#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "levin/framework/accelerators/device_parser.h"
#include "levin/framework/accelerators/graph_recorder.h"
#include "levin/framework/base/export.h"

namespace levin {

/// A kind of device that a run can use: whether it is there, how many there are, and what `devices` means for it. Lightning's
/// `Accelerator`.
class LEVIN_API Accelerator {
 public:
  virtual ~Accelerator();

  /// "cpu", "cuda": the Trainer's `accelerator`.
  virtual std::string name() const = 0;
  /// Lightning's class, for messages: "CUDAAccelerator".
  virtual std::string qualname() const = 0;
  virtual bool is_available() const = 0;
  /// Why it is not, as the end of a sentence; "" if it is.
  virtual std::string why_unavailable() const { return ""; }
  /// What `devices="auto"` means.
  virtual std::int64_t auto_device_count() const = 0;
  /// The devices that are asked for; errors are Lightning's. Not for "auto".
  virtual std::vector<at::Device> parse_devices(const Devices& devices) const = 0;

  /// The Trainer has decided for this one: from here on LibTorch knows such devices. RuntimeError, one sentence, if it can't.
  virtual void load() {}
  /// Together with nobody, before the first tensor goes to `device`: makes it the current one of this thread.
  virtual void setup_device(at::Device device) { (void)device; }
  /// What records steps on `device`; null where nothing can.
  virtual std::unique_ptr<GraphRecorder> make_graph_recorder(at::Device device) { (void)device; return nullptr; }
  /// A run has ended.
  virtual void teardown() {}
};

/// The accelerators that are known, by name. "cpu" and "cuda" are there from the start.
class LEVIN_API AcceleratorRegistry {
 public:
  /// Null for a name that nobody has registered.
  static std::shared_ptr<Accelerator> get(const std::string& name);
  /// Replaces one of the same name, which is returned (null if there was none). Null takes the name away.
  static std::shared_ptr<Accelerator> set(const std::string& name, std::shared_ptr<Accelerator> accelerator);
  /// In the order in which "auto" would like them: "cuda", "cpu", then others by name.
  static std::vector<std::string> names();
  /// Those of them that are available.
  static std::vector<std::string> available();
};

/// The accelerator behind the Trainer's option: "auto" takes the first that is available, "gpu" is "cuda". MisconfigurationException or
/// ValueError in Lightning's words.
LEVIN_API std::shared_ptr<Accelerator> accelerator_named(const std::string& option);
/// Throws if it is not available.
LEVIN_API void require_available(const Accelerator& accelerator);

}  // namespace levin

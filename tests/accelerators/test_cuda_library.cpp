// LibTorch's CUDA half stays out of processes that don't ask for it, and a machine without it says so in a sentence.
#include <dlfcn.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "levin/framework/accelerators/cuda_backend.h"
#include "levin/framework/accelerators/cuda_driver.h"
#include "levin/framework/base/errors.h"
#include "support/accelerators.h"
#include "support/catch.h"
#include "support/tiny_module.h"

namespace {

/// The libraries of this process whose path has `part` in it.
std::string mapped(const std::string& part) {
  std::ifstream maps("/proc/self/maps");
  std::string found;
  for (std::string line; std::getline(maps, line);)
    if (line.find(part) != line.npos) found += line.substr(line.find('/')) + "\n";
  return found;
}

}  // namespace

TEST_CASE("a run on the CPU maps neither LibTorch's CUDA half nor levin's") {
  TinyModule module;
  levin::Trainer trainer(quiet({.accelerator = "cpu", .max_epochs = 1, .enable_checkpointing = false}));
  trainer.fit(module, {.train = tiny_data(2), .val = tiny_data(1)});
  REQUIRE(mapped("libtorch_cpu") != "");
  CHECK(mapped("libtorch_cuda") == "");
  CHECK(mapped("liblevin_cuda") == "");
  CHECK(levin::loaded_cuda_backend() == nullptr);
}

TEST_CASE("nor does asking for GPUs, where there is none") {
  if (levin::cuda_driver().device_count > 0) return;  // scripts/test --gpu has those tests
  CHECK_FALSE(levin::CUDAAccelerator().is_available());
  for (const char* accelerator : {"auto", "gpu", "cuda"}) {
    INFO(accelerator);
    std::string error;
    try {
      const levin::Trainer trainer(quiet({.accelerator = accelerator, .enable_checkpointing = false}));
    } catch (const levin::MisconfigurationException& caught) {
      error = caught.what();
    }
    CHECK((error == "") == (std::string(accelerator) == "auto"));
    CHECK((error == "" || error.find(levin::cuda_driver().why_none) != error.npos));
    CHECK(error.find('\n') == error.npos);
  }
  CHECK(mapped("libtorch_cuda") == "");
}

TEST_CASE("the driver's absence is known at once, with the reason") {
  const levin::CudaDriver& driver = levin::cuda_driver();
  CHECK(&driver == &levin::cuda_driver());
  CHECK((driver.device_count > 0) == driver.why_none.empty());
}

TEST_CASE("levin_cuda lies beside levin where it was built, and is linked with LibTorch's CUDA half") {
  const std::string path = levin::cuda_library_path();
  if (path.empty()) {
    WARN("this build has no levin_cuda: CMake says why when it configures");
    return;
  }
  CHECK(path.ends_with("/liblevin_cuda.so"));
  std::ifstream file(path, std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  for (const char* library : {"libtorch_cuda.so", "libc10_cuda.so", "liblevin.so.0"}) CHECK(bytes.find(library) != bytes.npos);
  CHECK(bytes.find("levin_cuda_backend") != bytes.npos);
}

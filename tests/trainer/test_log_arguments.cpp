// The arguments of `log()` that are taken in more forms than one, and what is said about them.
#include <string>

#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "support/catch.h"
#include "support/tiny_module.h"

namespace {

class Logged : public TinyModule {
 public:
  explicit Logged(std::string name, levin::LogOptions options) : name_(std::move(name)), options_(options) {}
  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t batch_idx) override {
    log(name_, static_cast<double>(batch_idx + 1), options_);
    return loss(batch);
  }

 private:
  std::string name_;
  levin::LogOptions options_;
};

double logged(const std::string& name, const levin::LogOptions& options) {
  const TemporaryFolder folder;
  Logged module(name, options);
  levin::Trainer trainer(quiet({.max_epochs = 1, .enable_checkpointing = false, .default_root_dir = folder.path()}));
  trainer.fit(module, {.train = tiny_data(3)});
  return trainer.callback_metrics().at(name);
}

}  // namespace

TEST_CASE("a reduction's name may be in capitals") {
  CHECK(logged("x", {.on_step = false, .on_epoch = true, .reduce_fx = "MAX"}) == 3);
  CHECK(logged("x", {.on_step = false, .on_epoch = true, .reduce_fx = "Sum"}) == 6);
  CHECK(logged("x", {.on_step = false, .on_epoch = true, .reduce_fx = "avg"}) == 2);
  CHECK_THROWS_AS(logged("x", {.reduce_fx = "maxi"}), levin::MisconfigurationException);
}

TEST_CASE("a name may tell of a loader where levin does not") {
  CHECK(logged("x/dataloader_idx_0", {.add_dataloader_idx = false}) == 3);
  CHECK_THROWS_WITH(logged("x/dataloader_idx_0", {}), "You called `self.log` with the key `x/dataloader_idx_0` but it should not contain information about "
                                                      "`dataloader_idx` when `add_dataloader_idx=True`");
}

TEST_CASE("whoever asks for a logger is told that there is none, once") {
  const auto warnings = [](const levin::LogOptions& options) {
    const levin::CapturedMessages messages;
    logged("no_logger_" + std::to_string(options.logger.value_or(false)), options);
    std::size_t count = 0;
    for (const std::string& text : messages.warnings()) count += text.find("logger=True)` but have no logger configured") != text.npos;
    return count;
  };
  CHECK(warnings({.logger = true}) == 1);
  CHECK(warnings({}) == 0);
}
